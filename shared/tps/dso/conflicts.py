"""Conflicts in a DSO's grid: the plans that the DSO may see against its own limits. No operator is known here.

Source: docs/requirements.md, F3 and NF3.
"""

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
    """Return the conflicts between all plans in a DSO's grid and its own limits in a window."""
    stated = []
    for limit in _accepted(limits.read_own_limits(tx, scope, window, with_all_revisions=True)):
        left_out = {rejected["asset_id"] for rejected in limit.rejected}
        body = {**limit.body, "kind": str(limit.kind), "revision": limit.revision}
        stated.append(
            Stated(
                limit.limit_id,
                limit_of_body(limit.kind, limit.body),
                [asset_id for asset_id in limit.body["asset_ids"] if asset_id not in left_out],
                limit_head(body, limit.status, limit.period.end, now),
            )
        )
    known = known_assets(tx, scope, asset_ids_of(stated))
    maxima = {asset.id: (watts_of(asset.max_production_kw), watts_of(asset.max_consumption_kw)) for asset in known}
    return conflicts_of(endpoint, tx, scope.party, stated, window=window, maxima=maxima)


def _accepted(revisions: Iterable[limits.OwnLimit]) -> list[limits.OwnLimit]:
    """Return the highest accepted revision of each limit, unless it is cancelled or withdrawn."""
    highest: dict[str, limits.OwnLimit] = {}
    for revision in revisions:
        known = highest.get(revision.limit_id)
        if revision.answer in ("accepted", "partly_accepted") and (known is None or revision.revision > known.revision):
            highest[revision.limit_id] = revision
    return [revision for revision in highest.values() if revision.status in _STANDING]
