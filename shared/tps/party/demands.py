"""Limits as what they ask, and assets with what they plan: what conflicts are found from, in any backend (F3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from tps.domain.conflict import KIND_OF_ACTION, Bound, Conflict, ConflictKind, Demand, PlannedAsset, conflict_of, within
from tps.domain.limit import ForeseenLimit, Interval, Limit
from tps.domain.power import to_watts
from tps.domain.steps import Steps, seconds
from tps.party.plan_reading import read_steps

if TYPE_CHECKING:
    from tps.domain.plan import Piece
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

Maxima = tuple[int, int]
"""Of an asset: production and consumption in watts."""
_Key = TypeVar("_Key", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Judged:
    """A demand on a set of assets in a window, and how their plans go with it."""

    demand: Demand
    assets: Sequence[PlannedAsset]
    conflict: Conflict


def kind_of(limit: Limit) -> ConflictKind:
    """What is wrong where a limit is not kept."""
    return ConflictKind.OVER_PART if isinstance(limit, ForeseenLimit) else KIND_OF_ACTION[limit.action]


def demand_of(limit: Limit, parts_kw: Sequence[Decimal] | None = None) -> Demand:
    """What a limit asks of a set of assets.

    Args:
        parts_kw: Of each interval of a foreseen one, in place of what is available to all.
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
    """How plans go with what is asked in a window; None if they do."""
    asked = within(demand, seconds(window.start), seconds(window.end))
    conflict = None if asked is None else conflict_of(asked, assets)
    return None if asked is None or conflict is None else Judged(asked, assets, conflict)


def looked_at(demands: Iterable[Demand], window: Interval) -> Interval:
    """The time that plans are needed for: the window, and the moments whose power is to be held."""
    held = [each.held_at_s for each in demands if each.kind is ConflictKind.STEP_UNDER_HOLD]
    early_s = seconds(window.start) - min(held, default=seconds(window.start))
    return window if early_s <= 0 else Interval(window.start - timedelta(seconds=early_s), window.end)


def planned_assets(
    endpoint: Endpoint, tx: Transaction, pieces: Sequence[tuple[_Key, Piece]], maxima: Mapping[_Key, Maxima]
) -> dict[_Key, PlannedAsset]:
    """Assets with what their pieces plan, by whatever tells them apart; the pieces of each are sorted by time."""
    plans: dict[_Key, list[Steps]] = defaultdict(list)
    for (key, _), steps in zip(pieces, read_steps(endpoint, tx, [piece for _, piece in pieces]), strict=True):
        if steps is not None:
            plans[key].append(steps)
    return {
        key: PlannedAsset(_id(key), production_w, consumption_w, plans.get(key, ()))
        for key, (production_w, consumption_w) in maxima.items()
    }


def _id(key: str | tuple[str, str]) -> str:
    """Of an asset that is told apart by its id, or by id and operator."""
    return key if isinstance(key, str) else key[0]
