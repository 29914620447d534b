"""Conflicts between the plans and the limits of one backend, for operators and DSOs alike.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.conflicts import assets_json, conflict_json
from tps.domain.demand import ConflictKind
from tps.domain.limit import Interval, Limit
from tps.domain.limit_revision import LimitStatus, status_at
from tps.domain.power import to_watts
from tps.party import plans
from tps.party.demands import Judged, demand_of, judged, needed_period, planned_assets

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.party.demands import Maxima
    from tps.stores.database import Transaction

OVER_LIMIT = "over_limit"


@dataclass(frozen=True, slots=True)
class Stated:
    """A limit as a party knows it.

    Attributes:
        asset_ids: The assets that the party's backend checks.
        head: Further fields of the conflict in the REST contract.
    """

    limit_id: str
    limit: Limit
    asset_ids: Sequence[str]
    head: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnConflict:
    """A limit that a party knows, and the verdict on the plans that it knows."""

    stated: Stated
    judged: Judged

    @property
    def place(self) -> tuple[int, int, str]:
        """The sort key in a list: the most severe conflict first."""
        return (*self.judged.conflict.severity, self.stated.limit_id)


def own_conflict_json(own: OwnConflict, *, is_grid: bool, with_assets: bool) -> dict[str, Any]:
    """Return a conflict as the party reads it.

    A DSO's conflict concerns the undivided limit, so it has `available_kw`, and `over_limit` instead of `over_part`.
    An operator's conflict has `part_kw`.

    Args:
        is_grid: The party is a DSO.
        with_assets: Add the plans per asset.
    """
    demand, conflict, assets = own.judged.demand, own.judged.conflict, own.judged.assets
    is_over = is_grid and demand.kind is ConflictKind.OVER_PART
    part, kind = "available_kw" if is_grid else "part_kw", OVER_LIMIT if is_over else str(demand.kind)
    body = {
        "limit_id": own.stated.limit_id,
        **own.stated.head,
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
    """Return the conflicts between a party's limits and its plans in a window.

    Args:
        maxima: Registered maxima (production, consumption) by asset id, in watts.
    """
    demands = [demand_of(statement.limit) for statement in stated]
    pieces = plans.pieces_within(tx, party, maxima, needed_period(demands, window))
    assets = planned_assets(endpoint, tx, [(piece.asset_id, piece) for piece in pieces if piece.block_id], maxima)
    conflicts = []
    for statement, demand in zip(stated, demands, strict=True):
        verdict = judged(demand, [assets[asset_id] for asset_id in statement.asset_ids if asset_id in assets], window)
        if verdict is not None:
            conflicts.append(OwnConflict(statement, verdict))
    return conflicts


def limit_head(body: Mapping[str, Any], status: str, ends_at: datetime, now: datetime) -> dict[str, Any]:
    """Return the fields of a conflict that describe its limit."""
    return {
        "revision": body["revision"],
        "limit_kind": body["kind"],
        "limit_status": str(status_at(LimitStatus(status), ends_at, now)),
        "direction": body["direction"],
    }


def asset_ids_of(stated: Iterable[Stated]) -> list[str]:
    """Return the sorted ids of all assets of these limits."""
    return sorted({asset_id for statement in stated for asset_id in statement.asset_ids})


def watts_of(power_kw: Any) -> int:
    """Return a power in kW as watts. None counts as 0."""
    return 0 if power_kw is None else to_watts(Decimal(str(power_kw)))
