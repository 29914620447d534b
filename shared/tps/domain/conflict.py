"""Where plans and limits collide (F3): what a set of assets plans against what a limit leaves it.

Judged on 15-minute means of the UTC grid (SEMANTICS, Limits), within the time in which the limit holds. Seconds since
1970 and whole watts, all sums exact. An asset without a plan is unknown, up to its maximum: never a conflict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tps.domain.limit import Action, Direction
from tps.domain.steps import Energy, Steps, clipped, energy_of, gaps, level_at, summed

QUARTER_S = 900


class ConflictKind(StrEnum):
    """What is asked: no more than a power, nothing, all that can be, or no change."""

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
    """What is available to the set in one half-open interval; 0 in emergencies."""

    start_s: int
    end_s: int
    power_w: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What a limit asks of a set of assets.

    Attributes:
        bounds: By time, without overlap; between them nothing is asked. There is one at least.
        held_at_s: Of a hold: the moment whose power is to be kept.
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
    """An asset, what it can (>= 0), and what it plans: stretches by time, without overlap; a gap is unknown."""

    asset_id: str
    max_production_w: int
    max_consumption_w: int
    plans: Sequence[Steps] = ()


@dataclass(frozen=True, slots=True)
class Excess:
    """One quarter of an hour, or what of it the limit holds in: energies in watt-seconds over `duration_s`.

    Under a start the excess is what lacks, under a hold the sum of the assets' steps.
    """

    start_s: int
    end_s: int
    duration_s: int
    planned_ws: int
    part_ws: int
    excess_ws: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A demand that is not kept, or (no `excesses`) may not be, for what is not known.

    Attributes:
        excesses: The quarters with an excess, by time.
        doubtful_s: Without excesses: from the first to the last quarter in which there may be one.
        unknown_ids: Assets that do not plan all of the time.
        unknown_w: The most that these may add, as a mean of a quarter, rounded up.
    """

    excesses: tuple[Excess, ...]
    doubtful_s: tuple[int, int] | None
    unknown_ids: tuple[str, ...]
    unknown_w: int

    @property
    def excess_ws(self) -> int:
        return sum(each.excess_ws for each in self.excesses)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Over the set: what counts against the bound, what is planned, what is shown as the part, what is not known."""

    burden: Energy
    planned: Energy
    part: Energy | None
    unknown: Energy


def within(demand: Demand, start_s: int, end_s: int) -> Demand | None:
    """What is asked in a half-open window; None if nothing is."""
    bounds = [
        Bound(max(bound.start_s, start_s), min(bound.end_s, end_s), bound.power_w)
        for bound in demand.bounds
        if bound.start_s < end_s and start_s < bound.end_s
    ]
    return Demand(demand.kind, demand.direction, tuple(bounds), demand.held_at_s) if bounds else None


def conflict_of(demand: Demand, assets: Sequence[PlannedAsset]) -> Conflict | None:
    """How the plans of a set of assets go with what is asked of it; None if they do, whatever is not planned."""
    unknown = {asset.asset_id: unknown_of(demand, asset) for asset in assets}
    lacking = [part for parts in unknown.values() for part in parts]
    burden = _sum(demand, (_burden(demand, asset) for asset in assets))
    lowest_w = min(bound.power_w for bound in demand.bounds)
    lack = summed(lacking, demand.start_s, demand.end_s)
    if max(burden.levels_w) + max(lack.levels_w) <= lowest_w:
        return None
    sums = _Sums(
        energy := energy_of(burden),
        energy if is_ceiling(demand) else energy_of(_sum(demand, (planned_of(demand, asset) for asset in assets))),
        None if is_ceiling(demand) else energy_of(_sum(demand, (reference_of(demand, asset) for asset in assets))),
        energy_of(lack),
    )
    unknown_ids = tuple(asset_id for asset_id, parts in unknown.items() if parts)
    return _judged(demand, sums, unknown_ids)


def energies_ws(demand: Demand, assets: Iterable[PlannedAsset], excesses: Sequence[Excess]) -> dict[str, int]:
    """What each asset adds to the excess quarters: energy planned, lacking, or stepped by; of those that do."""
    found: dict[str, int] = {}
    for asset in assets:
        energy = energy_of(summed(_burden(demand, asset), demand.start_s, demand.end_s))
        total = sum(energy.between(start, end) for start, end in _stretches(demand, excesses))
        if total:
            found[asset.asset_id] = total
    return found


def _judged(demand: Demand, sums: _Sums, unknown_ids: tuple[str, ...]) -> Conflict | None:
    excesses, doubtful, unknown_w = [], [], 0
    for start_s, bounds in _quarters(demand):
        asked_ws = sum(bound.power_w * (bound.end_s - bound.start_s) for bound in bounds)
        burden_ws, unknown_ws = _over(sums.burden, bounds), _over(sums.unknown, bounds)
        end_s, duration_s = bounds[-1].end_s, sum(bound.end_s - bound.start_s for bound in bounds)
        unknown_w = max(unknown_w, -(-unknown_ws // duration_s))
        if burden_ws > asked_ws:
            part_ws = asked_ws if sums.part is None else _over(sums.part, bounds)
            planned_ws = _over(sums.planned, bounds)
            excesses.append(Excess(start_s, end_s, duration_s, planned_ws, part_ws, burden_ws - asked_ws))
        elif burden_ws + unknown_ws > asked_ws:
            doubtful.append((start_s, end_s))
    if excesses:
        return Conflict(tuple(excesses), None, unknown_ids, unknown_w)
    return Conflict((), (doubtful[0][0], doubtful[-1][1]), unknown_ids, unknown_w) if doubtful else None


def _quarters(demand: Demand) -> Iterator[tuple[int, list[Bound]]]:
    """The demand's bounds in each quarter of an hour that it touches, and when they begin in it."""
    found: dict[int, list[Bound]] = defaultdict(list)
    for bound in demand.bounds:
        at_s = bound.start_s
        while at_s < bound.end_s:
            quarter = at_s // QUARTER_S
            end_s = min((quarter + 1) * QUARTER_S, bound.end_s)
            found[quarter].append(Bound(at_s, end_s, bound.power_w))
            at_s = end_s
    for bounds in found.values():
        yield bounds[0].start_s, bounds


def _stretches(demand: Demand, excesses: Sequence[Excess]) -> list[tuple[int, int]]:
    """Where in these quarters something is asked; what follows on each other is one."""
    stretches: list[tuple[int, int]] = []
    for bound in demand.bounds:
        for excess in excesses:
            start, end = max(bound.start_s, excess.start_s), min(bound.end_s, excess.end_s)
            if start >= end:
                continue
            if stretches and stretches[-1][1] == start:
                stretches[-1] = (stretches[-1][0], end)
            else:
                stretches.append((start, end))
    return stretches


def _over(energy: Energy, bounds: Sequence[Bound]) -> int:
    return sum(energy.between(bound.start_s, bound.end_s) for bound in bounds)


def is_ceiling(demand: Demand) -> bool:
    return demand.kind in (ConflictKind.OVER_PART, ConflictKind.PLANNED_UNDER_STOP)


def _sum(demand: Demand, parts_of: Iterable[Iterable[Steps]]) -> Steps:
    return summed((part for parts in parts_of for part in parts), demand.start_s, demand.end_s)


# One asset


def _burden(demand: Demand, asset: PlannedAsset) -> Iterator[Steps]:
    """What of an asset's plan counts against the demand."""
    if is_ceiling(demand):
        yield from planned_of(demand, asset)
        return
    reference_w = _reference_w(demand, asset)
    if reference_w is None:
        return
    for part in _known(demand, asset):
        levels_w = [_in_direction(demand.direction, asset, level_w) for level_w in part.levels_w]
        if demand.kind is ConflictKind.SHORT_OF_START:
            yield Steps(part.starts_s, [max(0, reference_w - level_w) for level_w in levels_w], part.end_s)
        else:
            yield Steps(part.starts_s, [abs(level_w - reference_w) for level_w in levels_w], part.end_s)


def planned_of(demand: Demand, asset: PlannedAsset) -> Iterator[Steps]:
    """An asset's planned power in the direction, as a positive number; both: whichever it is."""
    for part in _known(demand, asset):
        lowest_w, highest_w = min(part.levels_w), max(part.levels_w)
        if demand.direction is Direction.PRODUCTION:
            if highest_w > 0:
                yield part if lowest_w >= 0 else _mapped(part, [max(0, level_w) for level_w in part.levels_w])
        elif demand.direction is Direction.CONSUMPTION:
            if lowest_w < 0:
                yield _mapped(part, [max(0, -level_w) for level_w in part.levels_w])
        else:
            yield part if lowest_w >= 0 else _mapped(part, [abs(level_w) for level_w in part.levels_w])


def reference_of(demand: Demand, asset: PlannedAsset) -> Iterator[Steps]:
    """What an asset that plans should do under a start or a hold, as a positive number."""
    reference_w = _reference_w(demand, asset)
    if reference_w is not None:
        for part in _known(demand, asset):
            yield Steps(part.starts_s[:1], (abs(reference_w),), part.end_s)


def unknown_of(demand: Demand, asset: PlannedAsset) -> list[Steps]:
    """Where an asset plans nothing, what it may add to the burden; nothing if it cannot do the direction."""
    up_to_w = _up_to_w(demand, asset)
    if not up_to_w:
        return []
    is_held_known = demand.kind is not ConflictKind.STEP_UNDER_HOLD or _reference_w(demand, asset) is not None
    known = asset.plans if is_held_known else ()
    return [
        Steps((start_s,), (up_to_w,), end_s)
        for start, end in gaps(known, demand.start_s, demand.end_s)
        for bound in demand.bounds
        if (start_s := max(start, bound.start_s)) < (end_s := min(end, bound.end_s))
    ]


def _known(demand: Demand, asset: PlannedAsset) -> Iterator[Steps]:
    for plan in asset.plans:
        part = clipped(plan, demand.start_s, demand.end_s)
        if part is not None:
            yield part


def _mapped(part: Steps, levels_w: Sequence[int]) -> Steps:
    return Steps(part.starts_s, levels_w, part.end_s)


def _reference_w(demand: Demand, asset: PlannedAsset) -> int | None:
    """What the asset is to keep to: its maximum under a start, what it planned then under a hold (None: not known)."""
    if demand.kind is ConflictKind.SHORT_OF_START:
        return _up_to_w(demand, asset)
    held_w = level_at(asset.plans, demand.held_at_s)
    return None if held_w is None else _in_direction(demand.direction, asset, held_w)


def _in_direction(direction: Direction, asset: PlannedAsset, level_w: int) -> int:
    """A planned power in the direction. Both: signed, or the one that the asset has."""
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
