"""Conflicts between plans and limits: the planned power of a set of assets against the power that a limit allows.

A conflict is judged on 15-minute means of the UTC grid, within the time in which the limit holds. Times are seconds
since 1970 and powers are whole watts, so all sums are exact. An asset without a plan counts as unknown, up to its
maximum power, and never as a conflict.

Source: docs/requirements.md, F3; docs/semantics.md, "Limits".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import mul

from tps.domain.limit import Action, Direction
from tps.domain.steps import (
    Energy,
    Pile,
    Steps,
    clipped,
    energy_of,
    gaps,
    lengths_within,
    level_at,
    piled,
    sum_of,
    summed,
)

QUARTER_S = 900
MAX_LARGEST = 5


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


@dataclass(frozen=True, slots=True)
class Excess:
    """The excess in one quarter-hour, or in the part of a quarter-hour in which the limit holds.

    Under a start the excess is the missing energy. Under a hold the excess is the sum of the assets' changes.

    Attributes:
        duration_s: The time in which the limit holds. All energies are watt-seconds over this duration.
    """

    start_s: int
    end_s: int
    duration_s: int
    planned_ws: int
    part_ws: int
    excess_ws: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A demand that the plans break, or may break because some power is unknown.

    Attributes:
        excesses: Quarter-hours with an excess, sorted by time. Empty if the plans only may break the demand.
        doubtful_s: Without excesses: the start of the first and the end of the last quarter-hour with a possible
            excess.
        unknown_count: Number of assets that do not plan the whole time.
        unknown_w: The most power that these assets may add, as a quarter-hour mean, rounded up.
        concerned_count: Number of assets that contribute to the excesses.
        largest: The ids and energies (`energies_ws`) of the assets that contribute most.
    """

    excesses: tuple[Excess, ...]
    doubtful_s: tuple[int, int] | None
    unknown_count: int
    unknown_w: int
    concerned_count: int = 0
    largest: tuple[tuple[str, int], ...] = ()

    @property
    def excess_ws(self) -> int:
        return sum(excess.excess_ws for excess in self.excesses)

    @property
    def severity(self) -> tuple[int, int]:
        """Return a sort key: the largest excess comes first, and conflicts with unknown power only come last."""
        return (0 if self.excesses else 1, -(self.excess_ws or self.unknown_w))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over the set of assets.

    Attributes:
        burden: The energy that counts against the bound.
        unknown: The energy that assets without a plan may add, or None if all assets plan.
        shown: The energies to show as planned and as the part. None if these are the burden and the bound.
    """

    burden: Energy
    unknown: Energy | None
    shown: tuple[Energy, Energy] | None


def within(demand: Demand, start_s: int, end_s: int) -> Demand | None:
    """Return the demand within a half-open window, or None if the demand requires nothing there."""
    bounds = [
        Bound(max(bound.start_s, start_s), min(bound.end_s, end_s), bound.power_w)
        for bound in demand.bounds
        if bound.start_s < end_s and start_s < bound.end_s
    ]
    return Demand(demand.kind, demand.direction, tuple(bounds), demand.held_at_s) if bounds else None


def conflict_of(demand: Demand, assets: Sequence[PlannedAsset]) -> Conflict | None:
    """Return the conflict between the plans of a set of assets and a demand.

    Returns:
        None if the plans keep the demand, even with the most power that unplanned assets may add.
    """
    unknown = [parts for parts in (unknown_of(demand, asset) for asset in assets) if parts]
    burdens = _burdens(demand, assets)
    burden = sum_of(burdens, demand.start_s, demand.end_s)
    lack = _sum(demand, unknown)
    if max(burden.levels_w) + max(lack.levels_w) <= min(bound.power_w for bound in demand.bounds):
        return None
    shown = None
    if not is_ceiling(demand):
        planned = _sum(demand, (planned_of(demand, asset) for asset in assets))
        part = _sum(demand, (reference_of(demand, asset) for asset in assets))
        shown = energy_of(planned), energy_of(part)
    sums = _Sums(energy_of(burden), energy_of(lack) if unknown else None, shown)
    excesses, doubtful, unknown_w = _compared(demand, sums)
    if excesses:
        ranked = _ranked(burdens, _stretches(demand, excesses))
        largest = tuple(ranked[:MAX_LARGEST])
        return Conflict(tuple(excesses), None, len(unknown), unknown_w, len(ranked), largest)
    return Conflict((), (doubtful[0][0], doubtful[-1][1]), len(unknown), unknown_w) if doubtful else None


def energies_ws(demand: Demand, assets: Sequence[PlannedAsset], excesses: Sequence[Excess]) -> list[tuple[str, int]]:
    """Return each asset's contribution to the excess quarter-hours, largest first.

    Returns:
        Asset ids with their planned, missing or changed energy in watt-seconds. Assets without a contribution are left
        out.
    """
    return _ranked(_burdens(demand, assets), _stretches(demand, excesses))


def _ranked(burdens: Iterable[Pile[str]], stretches: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
    energies_ws: dict[str, int] = defaultdict(int)
    for pile in burdens:
        lengths_s = lengths_within(pile, stretches)
        for asset_id, levels_w in pile.rows:
            energies_ws[asset_id] += sum(map(mul, levels_w, lengths_s))
    contributions = (item for item in energies_ws.items() if item[1])
    return sorted(contributions, key=lambda item: (-item[1], item[0]))


def _compared(demand: Demand, sums: _Sums) -> tuple[list[Excess], list[tuple[int, int]], int]:
    """Return quarter-hours with an excess, quarter-hours with a possible excess, and the highest unknown power."""
    excesses, doubtful, unknown_w = [], [], 0
    for start_s, bounds in _quarters(demand):
        end_s, duration_s = bounds[-1].end_s, sum(bound.end_s - bound.start_s for bound in bounds)
        asked_ws = sum(bound.power_w * (bound.end_s - bound.start_s) for bound in bounds)
        burden_ws, unknown_ws = _over(sums.burden, bounds), _over(sums.unknown, bounds) if sums.unknown else 0
        unknown_w = max(unknown_w, -(-unknown_ws // duration_s))
        if burden_ws > asked_ws:
            planned_ws, part_ws = burden_ws, asked_ws
            if sums.shown:
                planned_ws, part_ws = (_over(energy, bounds) for energy in sums.shown)
            excesses.append(Excess(start_s, end_s, duration_s, planned_ws, part_ws, burden_ws - asked_ws))
        elif burden_ws + unknown_ws > asked_ws:
            doubtful.append((start_s, end_s))
    return excesses, doubtful, unknown_w


def _quarters(demand: Demand) -> Iterator[tuple[int, list[Bound]]]:
    """Yield the demand's bounds for each quarter-hour that the demand touches, with the first bound's start."""
    bounds_by_quarter: dict[int, list[Bound]] = defaultdict(list)
    for bound in demand.bounds:
        at_s = bound.start_s
        while at_s < bound.end_s:
            quarter = at_s // QUARTER_S
            end_s = min((quarter + 1) * QUARTER_S, bound.end_s)
            bounds_by_quarter[quarter].append(Bound(at_s, end_s, bound.power_w))
            at_s = end_s
    for bounds in bounds_by_quarter.values():
        yield bounds[0].start_s, bounds


def _stretches(demand: Demand, excesses: Sequence[Excess]) -> list[tuple[int, int]]:
    """Return the stretches of the excess quarter-hours in which the demand has a bound."""
    spans: list[tuple[int, int]] = []
    for excess in excesses:
        start_s = spans.pop()[0] if spans and spans[-1][1] == excess.start_s else excess.start_s
        spans.append((start_s, excess.end_s))
    return [
        (start_s, end_s)
        for bound in demand.bounds
        for span in spans
        if (start_s := max(bound.start_s, span[0])) < (end_s := min(bound.end_s, span[1]))
    ]


def _over(energy: Energy, bounds: Sequence[Bound]) -> int:
    return sum(energy.between(bound.start_s, bound.end_s) for bound in bounds)


def is_ceiling(demand: Demand) -> bool:
    return demand.kind in (ConflictKind.OVER_PART, ConflictKind.PLANNED_UNDER_STOP)


def _sum(demand: Demand, parts_of: Iterable[Iterable[Steps]]) -> Steps:
    return summed((part for parts in parts_of for part in parts), demand.start_s, demand.end_s)


def _burdens(demand: Demand, assets: Iterable[PlannedAsset]) -> list[Pile[str]]:
    """Return the part of each asset's plan that counts against the demand."""
    plans = ((asset, plan) for asset in assets for plan in asset.plans)
    return [
        Pile(pile.starts_s, pile.end_s, list(_burdens_w(demand, pile.rows)))
        for pile in piled(plans, demand.start_s, demand.end_s)
    ]


def _burdens_w(
    demand: Demand, rows: Iterable[tuple[PlannedAsset, Sequence[int]]]
) -> Iterator[tuple[str, Sequence[int]]]:
    if is_ceiling(demand):
        for asset, levels_w in rows:
            yield asset.asset_id, _planned_w(demand.direction, levels_w)
        return
    for asset, levels_w in rows:
        reference_w = _reference_w(demand, asset)
        if reference_w is not None:
            directed_w = [_in_direction(demand.direction, asset, level_w) for level_w in levels_w]
            yield asset.asset_id, _missed_w(demand.kind, directed_w, reference_w)


# One asset


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
