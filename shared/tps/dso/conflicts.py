"""Conflicts in a DSO's grid: the plans that it may see against its own limits (F3). No operator is known here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from tps.domain.limit import Interval
from tps.domain.limit_revision import LimitStatus
from tps.domain.scope import DsoScope
from tps.dso import limits
from tps.dso.grid_assets import known_assets
from tps.party.conflicts import OwnConflict, Stated, asset_ids_of, conflicts_of, limit_head, watts_of
from tps.party.limit_bodies import limit_of_body

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

_STANDING = (LimitStatus.ACTIVE, LimitStatus.ENDED)


def conflicts_in_grid(
    endpoint: Endpoint, tx: Transaction, scope: DsoScope, window: Interval, *, now: datetime
) -> list[OwnConflict]:
    """Return the conflicts of all schedules in a DSO's grid with its own limits, without operators."""
    stated = []
    for each in _accepted(limits.read_own_limits(tx, scope, window, with_all_revisions=True)):
        left_out = {rejected["asset_id"] for rejected in each.rejected}
        body = {**each.body, "kind": str(each.kind), "revision": each.revision}
        stated.append(
            Stated(
                each.limit_id,
                limit_of_body(each.kind, each.body),
                [asset_id for asset_id in each.body["asset_ids"] if asset_id not in left_out],
                limit_head(body, each.status, each.period.end, now),
            )
        )
    known = known_assets(tx, scope, asset_ids_of(stated))
    maxima = {each.id: (watts_of(each.max_production_kw), watts_of(each.max_consumption_kw)) for each in known}
    return conflicts_of(endpoint, tx, scope.party, stated, window=window, maxima=maxima)


def _accepted(revisions: Iterable[limits.OwnLimit]) -> list[limits.OwnLimit]:
    """The highest revision of each limit that the platform has accepted, if that stands."""
    highest: dict[str, limits.OwnLimit] = {}
    for each in revisions:
        known = highest.get(each.limit_id)
        if each.answer in ("accepted", "partly_accepted") and (known is None or each.revision > known.revision):
            highest[each.limit_id] = each
    return [each for each in highest.values() if each.status in _STANDING]
