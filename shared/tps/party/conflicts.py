"""Conflicts between the plans and the limits that one backend holds itself (F3), for operators and DSOs alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.conflicts import assets_json, conflict_json
from tps.domain.conflict import ConflictKind
from tps.domain.limit import Interval, Limit
from tps.domain.limit_revision import LimitStatus, status_at
from tps.domain.power import to_watts
from tps.party import plans
from tps.party.demands import Judged, demand_of, judged, looked_at, planned_assets

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.party.demands import Maxima
    from tps.stores.database import Transaction

OVER_LIMIT = "over_limit"


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


def conflicts_of(
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


def limit_head(body: Mapping[str, Any], status: str, ends_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "revision": body["revision"],
        "limit_kind": body["kind"],
        "limit_status": str(status_at(LimitStatus(status), ends_at, now)),
        "direction": body["direction"],
    }


def asset_ids_of(stated: Iterable[Stated]) -> list[str]:
    return sorted({asset_id for each in stated for asset_id in each.asset_ids})


def watts_of(power_kw: Any) -> int:
    return 0 if power_kw is None else to_watts(Decimal(str(power_kw)))
