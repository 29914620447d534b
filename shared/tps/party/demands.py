"""Limits as demands, and assets with their plans: the input of conflict detection in every backend.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from tps.domain.conflict import Conflict, conflict_of, within
from tps.domain.demand import KIND_OF_ACTION, Bound, ConflictKind, Demand, PlannedAsset
from tps.domain.limit import ForeseenLimit, Interval, Limit
from tps.domain.power import to_watts
from tps.domain.steps import Steps, seconds
from tps.party.plan_reading import read_steps

if TYPE_CHECKING:
    from tps.domain.plan import Piece
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

Maxima = tuple[int, int]
"""Registered maxima of an asset: production and consumption, in watts."""
_Key = TypeVar("_Key", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Judged:
    """A demand on a set of assets in a window, and its conflict with their plans."""

    demand: Demand
    assets: Sequence[PlannedAsset]
    conflict: Conflict


def kind_of(limit: Limit) -> ConflictKind:
    """Return the kind of conflict that a violation of this limit is."""
    return ConflictKind.OVER_PART if isinstance(limit, ForeseenLimit) else KIND_OF_ACTION[limit.action]


def demand_of(limit: Limit, parts_kw: Sequence[Decimal] | None = None) -> Demand:
    """Return the demand of a limit on a set of assets.

    Args:
        parts_kw: Power of each interval of a foreseen limit, in kW. None takes the available power of the limit.
    """
    if isinstance(limit, ForeseenLimit):
        powers_kw = [slot.power_kw for slot in limit.available] if parts_kw is None else parts_kw
        bounds = tuple(
            Bound(seconds(slot.interval.start), seconds(slot.interval.end), to_watts(power_kw))
            for slot, power_kw in zip(limit.available, powers_kw, strict=True)
        )
        return Demand(ConflictKind.OVER_PART, limit.direction, bounds)
    start_s, end_s = seconds(limit.period.start), seconds(limit.period.end)
    return Demand(kind_of(limit), limit.direction, (Bound(start_s, max(end_s, start_s + 1)),), held_at_s=start_s)


def judged(demand: Demand, assets: Sequence[PlannedAsset], window: Interval) -> Judged | None:
    """Return the conflict of plans with a demand in a window, or None."""
    demanded = within(demand, seconds(window.start), seconds(window.end))
    conflict = None if demanded is None else conflict_of(demanded, assets)
    return None if demanded is None or conflict is None else Judged(demanded, assets, conflict)


def needed_period(demands: Iterable[Demand], window: Interval) -> Interval:
    """Return the period for which plans are needed: the window, and the moments whose power must be held."""
    held = [demand.held_at_s for demand in demands if demand.kind is ConflictKind.STEP_UNDER_HOLD]
    lead_s = seconds(window.start) - min(held, default=seconds(window.start))
    return window if lead_s <= 0 else Interval(window.start - timedelta(seconds=lead_s), window.end)


def planned_assets(
    endpoint: Endpoint, tx: Transaction, pieces: Sequence[tuple[_Key, Piece]], maxima: Mapping[_Key, Maxima]
) -> dict[_Key, PlannedAsset]:
    """Return assets with the plans of their pieces.

    Args:
        pieces: Pieces with the key of their asset. The pieces of an asset are sorted by time.
        maxima: Registered maxima by the key of the asset: an asset id, or an asset id with its operator.
    """
    plans: dict[_Key, list[Steps]] = defaultdict(list)
    for (key, _), steps in zip(pieces, read_steps(endpoint, tx, [piece for _, piece in pieces]), strict=True):
        if steps is not None:
            plans[key].append(steps)
    return {
        key: PlannedAsset(_id(key), production_w, consumption_w, plans.get(key, ()))
        for key, (production_w, consumption_w) in maxima.items()
    }


def _id(key: str | tuple[str, str]) -> str:
    """Return the asset id of a key."""
    return key if isinstance(key, str) else key[0]
