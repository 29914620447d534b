"""What a limit demands of a set of assets, and what single assets plan under it.

Times are seconds since 1970 and powers are whole watts. An asset without a plan counts as unknown, up to its maximum
power, and never as a conflict.

Source: docs/requirements.md, F3; docs/semantics.md, "Limits".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tps.domain.limit import Action, Direction
from tps.domain.steps import Steps, clipped, gaps, level_at


class ConflictKind(StrEnum):
    """How a plan breaks a limit.

    The plan exceeds the available power, uses power under a stop, stays below the maximum under a start, or changes
    under a hold.
    """

    OVER_PART = "over_part"
    PLANNED_UNDER_STOP = "planned_under_stop"
    SHORT_OF_START = "short_of_start"
    STEP_UNDER_HOLD = "step_under_hold"


KIND_OF_ACTION = {
    Action.STOP: ConflictKind.PLANNED_UNDER_STOP,
    Action.START: ConflictKind.SHORT_OF_START,
    Action.HOLD: ConflictKind.STEP_UNDER_HOLD,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """The power that is available to the set of assets in one half-open interval. The power is 0 in emergencies."""

    start_s: int
    end_s: int
    power_w: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """A limit's requirement on a set of assets.

    Attributes:
        bounds: At least one bound, sorted by time, without overlap. Nothing is required between two bounds.
        held_at_s: For a hold, the moment whose power the assets must keep.
    """

    kind: ConflictKind
    direction: Direction
    bounds: tuple[Bound, ...]
    held_at_s: int = 0

    @property
    def start_s(self) -> int:
        return self.bounds[0].start_s

    @property
    def end_s(self) -> int:
        return self.bounds[-1].end_s


@dataclass(frozen=True, slots=True)
class PlannedAsset:
    """An asset with its maximum powers (>= 0) and its plans.

    Attributes:
        plans: Plans sorted by time, without overlap. A gap between two plans means that the power is unknown.
    """

    asset_id: str
    max_production_w: int
    max_consumption_w: int
    plans: Sequence[Steps] = ()


def is_ceiling(demand: Demand) -> bool:
    """Return True if power above the bound breaks the demand, and False if missing power does."""
    return demand.kind in (ConflictKind.OVER_PART, ConflictKind.PLANNED_UNDER_STOP)


def burdens_w(
    demand: Demand, rows: Iterable[tuple[PlannedAsset, Sequence[int]]]
) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield the id of each asset, and the part of its plan that counts against the demand, at each level."""
    if is_ceiling(demand):
        for asset, levels_w in rows:
            yield asset.asset_id, _planned_w(demand.direction, levels_w)
        return
    for asset, levels_w in rows:
        reference_w = _reference_w(demand, asset)
        if reference_w is not None:
            directed_w = [_in_direction(demand.direction, asset, level_w) for level_w in levels_w]
            yield asset.asset_id, _missed_w(demand.kind, directed_w, reference_w)


def _planned_w(direction: Direction, levels_w: Sequence[int]) -> Sequence[int]:
    """Return the planned power in the direction as positive numbers. For `both`, return the absolute power."""
    if direction is Direction.CONSUMPTION:
        return [max(0, -level_w) for level_w in levels_w]
    if min(levels_w) >= 0:
        return levels_w
    return [max(0, level_w) if direction is Direction.PRODUCTION else abs(level_w) for level_w in levels_w]


def _missed_w(kind: ConflictKind, levels_w: Sequence[int], reference_w: int) -> list[int]:
    """Return the power by which each level misses the reference: the missing power, or the change."""
    if kind is ConflictKind.SHORT_OF_START:
        return [max(0, reference_w - level_w) for level_w in levels_w]
    return [abs(level_w - reference_w) for level_w in levels_w]


def planned_of(demand: Demand, asset: PlannedAsset) -> Iterator[Steps]:
    """Yield an asset's planned power in the direction as positive numbers. For `both`, yield the absolute power."""
    for part in _known(demand, asset):
        yield Steps(part.starts_s, _planned_w(demand.direction, part.levels_w), part.end_s)


def reference_of(demand: Demand, asset: PlannedAsset) -> Iterator[Steps]:
    """Yield the power that a planned asset should have under a start or a hold, as positive numbers."""
    reference_w = _reference_w(demand, asset)
    if reference_w is not None:
        for part in _known(demand, asset):
            yield Steps(part.starts_s[:1], (abs(reference_w),), part.end_s)


def unknown_of(demand: Demand, asset: PlannedAsset) -> list[Steps]:
    """Return the power that an asset may add to the burden where the asset has no plan.

    Returns:
        Steps by time. Empty if the asset has no capability in the direction.
    """
    up_to_w = _up_to_w(demand, asset)
    if not up_to_w:
        return []
    is_held_known = demand.kind is not ConflictKind.STEP_UNDER_HOLD or _reference_w(demand, asset) is not None
    known = asset.plans if is_held_known else ()
    start_s, end_s = demand.start_s, demand.end_s
    # Shortcut: most assets plan a whole day at once.
    is_whole = len(known) == 1 and known[0].starts_s[0] <= start_s and end_s <= known[0].end_s
    unplanned = [] if is_whole else gaps(known, start_s, end_s)
    return [
        Steps((at_s,), (up_to_w,), until_s)
        for start, end in unplanned
        for bound in demand.bounds
        if (at_s := max(start, bound.start_s)) < (until_s := min(end, bound.end_s))
    ]


def _known(demand: Demand, asset: PlannedAsset) -> list[Steps]:
    start_s, end_s = demand.start_s, demand.end_s
    return [part for plan in asset.plans if (part := clipped(plan, start_s, end_s)) is not None]


def _reference_w(demand: Demand, asset: PlannedAsset) -> int | None:
    """Return the power that the asset must keep: its maximum under a start, its earlier plan under a hold.

    Returns:
        None if the asset had no plan at the moment of the hold.
    """
    if demand.kind is ConflictKind.SHORT_OF_START:
        return _up_to_w(demand, asset)
    held_w = level_at(asset.plans, demand.held_at_s)
    return None if held_w is None else _in_direction(demand.direction, asset, held_w)


def _in_direction(direction: Direction, asset: PlannedAsset, level_w: int) -> int:
    """Return a planned power in the direction.

    For `both`, the power is signed if the asset can produce and consume. Otherwise it is the power of the only
    direction.
    """
    if direction is Direction.CONSUMPTION or (direction is Direction.BOTH and not asset.max_production_w):
        return max(0, -level_w)
    return level_w if direction is Direction.BOTH and asset.max_consumption_w else max(0, level_w)


def _up_to_w(demand: Demand, asset: PlannedAsset) -> int:
    if demand.direction is Direction.PRODUCTION:
        return asset.max_production_w
    if demand.direction is Direction.CONSUMPTION:
        return asset.max_consumption_w
    if demand.kind is ConflictKind.STEP_UNDER_HOLD:
        return asset.max_production_w + asset.max_consumption_w
    return max(asset.max_production_w, asset.max_consumption_w)
