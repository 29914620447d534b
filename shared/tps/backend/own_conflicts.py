"""Conflicts from what a party has itself: an operator its plans and its parts, a DSO the plans in its grid and its
own limits (F3). Neither learns of the other side more than it has been told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.conflicts import assets_json, conflict_json
from tps.backend.demands import Judged, demand_of, judged, looked_at, planned_assets
from tps.backend.own_limits import limit_of_body
from tps.domain.conflict import ConflictKind
from tps.domain.limit import Interval, Limit, LimitKind
from tps.domain.limit_revision import LimitStatus, status_at
from tps.domain.power import to_watts
from tps.domain.scope import AgrScope, DsoScope
from tps.stores import own_limits, plans, received_limits, resources
from tps.stores.grid_assets import known_assets

if TYPE_CHECKING:
    from tps.backend.demands import Maxima
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

OVER_LIMIT = "over_limit"
_STANDING = (LimitStatus.ACTIVE, LimitStatus.ENDED)


@dataclass(frozen=True, slots=True)
class Stated:
    """A limit as a party knows it: what is asked of these assets, and how it is called."""

    limit_id: str
    limit: Limit
    asset_ids: Sequence[str]
    head: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnConflict:
    """A limit that a party knows, and how the plans that it knows go with it."""

    stated: Stated
    judged: Judged

    @property
    def place(self) -> tuple[int, int, str]:
        """In a list: the worst first."""
        return (*self.judged.conflict.severity, self.stated.limit_id)


def conflicts_of_operator(
    endpoint: Endpoint, tx: Transaction, scope: AgrScope, window: Interval, *, now: datetime
) -> list[OwnConflict]:
    """An operator's own plans against its own parts."""
    stated = [
        Stated(
            each.limit_id,
            limit_of_body(LimitKind(each.body["kind"]), each.body),
            each.body["asset_ids"],
            {**_head(each.body, each.status, each.period.end, now), "issuer": each.body["issuer"]},
        )
        for each in received_limits.standing_between(tx, scope, window)
    ]
    ids = _asset_ids(stated)
    bodies = {each.id: each.body for each in resources.read_own(tx, scope.party, ids)}
    maxima = {asset_id: _maxima(bodies.get(asset_id, {})) for asset_id in ids}
    return _conflicts(endpoint, tx, scope.party, stated, window=window, maxima=maxima)


def conflicts_in_grid(
    endpoint: Endpoint, tx: Transaction, scope: DsoScope, window: Interval, *, now: datetime
) -> list[OwnConflict]:
    """All that is planned in a DSO's grid against its own limits; whose it is, is not known here."""
    stated = []
    for each in _accepted(own_limits.read_own_limits(tx, scope, window, with_all_revisions=True)):
        left_out = {rejected["asset_id"] for rejected in each.rejected}
        body = {**each.body, "kind": str(each.kind), "revision": each.revision}
        stated.append(
            Stated(
                each.limit_id,
                limit_of_body(each.kind, each.body),
                [asset_id for asset_id in each.body["asset_ids"] if asset_id not in left_out],
                _head(body, each.status, each.period.end, now),
            )
        )
    known = known_assets(tx, scope, _asset_ids(stated))
    maxima = {each.id: (_watts(each.max_production_kw), _watts(each.max_consumption_kw)) for each in known}
    return _conflicts(endpoint, tx, scope.party, stated, window=window, maxima=maxima)


def own_conflict_json(found: OwnConflict, *, is_grid: bool, with_assets: bool) -> dict[str, Any]:
    """A conflict as the party reads it; what a DSO leaves to all is no part."""
    demand, conflict, assets = found.judged.demand, found.judged.conflict, found.judged.assets
    is_over = is_grid and demand.kind is ConflictKind.OVER_PART
    part, kind = "available_kw" if is_grid else "part_kw", OVER_LIMIT if is_over else str(demand.kind)
    body = {
        "limit_id": found.stated.limit_id,
        **found.stated.head,
        **conflict_json(conflict, kind, part=part),
    }
    return {**body, "per_asset": assets_json(demand, conflict, assets)} if with_assets else body


def _conflicts(
    endpoint: Endpoint,
    tx: Transaction,
    party: str,
    stated: Sequence[Stated],
    *,
    window: Interval,
    maxima: Mapping[str, Maxima],
) -> list[OwnConflict]:
    demands = [demand_of(each.limit) for each in stated]
    pieces = plans.pieces_within(tx, party, maxima, looked_at(demands, window))
    assets = planned_assets(endpoint, tx, [(piece.asset_id, piece) for piece in pieces if piece.block_id], maxima)
    found = []
    for each, demand in zip(stated, demands, strict=True):
        verdict = judged(demand, [assets[asset_id] for asset_id in each.asset_ids if asset_id in assets], window)
        if verdict is not None:
            found.append(OwnConflict(each, verdict))
    return found


def _accepted(revisions: Iterable[own_limits.OwnLimit]) -> list[own_limits.OwnLimit]:
    """The highest revision of each limit that the platform has accepted, if that stands."""
    highest: dict[str, own_limits.OwnLimit] = {}
    for each in revisions:
        known = highest.get(each.limit_id)
        if each.answer in ("accepted", "partly_accepted") and (known is None or each.revision > known.revision):
            highest[each.limit_id] = each
    return [each for each in highest.values() if each.status in _STANDING]


def _head(body: Mapping[str, Any], status: str, ends_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "revision": body["revision"],
        "limit_kind": body["kind"],
        "limit_status": str(status_at(LimitStatus(status), ends_at, now)),
        "direction": body["direction"],
    }


def _asset_ids(stated: Iterable[Stated]) -> list[str]:
    return sorted({asset_id for each in stated for asset_id in each.asset_ids})


def _maxima(body: Mapping[str, Any]) -> Maxima:
    production_kw, consumption_kw = (body.get(name) for name in ("max_production_kw", "max_consumption_kw"))
    return _watts(production_kw), _watts(consumption_kw)


def _watts(power_kw: Any) -> int:
    return 0 if power_kw is None else to_watts(Decimal(str(power_kw)))
