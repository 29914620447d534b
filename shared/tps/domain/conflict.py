"""Where plans and limits collide (F3): what a set of assets plans against what a limit leaves it.

Judged on 15-minute means of the UTC grid (SEMANTICS, Limits), within the time in which the limit holds. Seconds since
1970 and whole watts, all sums exact. An asset without a plan is unknown, up to its maximum: never a conflict.
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
        unknown_count: How many assets do not plan all of the time.
        unknown_w: The most that these may add, as a mean of a quarter, rounded up.
        concerned_count: How many assets add to the excesses.
        largest: Those of them that add most, and how much (`energies_ws`).
    """

    excesses: tuple[Excess, ...]
    doubtful_s: tuple[int, int] | None
    unknown_count: int
    unknown_w: int
    concerned_count: int = 0
    largest: tuple[tuple[str, int], ...] = ()

    @property
    def excess_ws(self) -> int:
        return sum(each.excess_ws for each in self.excesses)

    @property
    def severity(self) -> tuple[int, int]:
        """Sorts the worst first, and what is only unknown last."""
        return (0 if self.excesses else 1, -(self.excess_ws or self.unknown_w))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Over the set: what counts against the bound, what is not known (None: nothing); and what is shown as planned and
    as the part, where these are not burden and bound."""

    burden: Energy
    unknown: Energy | None
    shown: tuple[Energy, Energy] | None


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
    """What each asset adds to the excess quarters: energy planned, lacking, or stepped by; of those that do, the
    largest first."""
    return _ranked(_burdens(demand, assets), _stretches(demand, excesses))


def _ranked(burdens: Iterable[Pile[str]], stretches: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
    energies_ws: dict[str, int] = defaultdict(int)
    for pile in burdens:
        lengths_s = lengths_within(pile, stretches)
        for asset_id, levels_w in pile.rows:
            energies_ws[asset_id] += sum(map(mul, levels_w, lengths_s))
    return sorted((each for each in energies_ws.items() if each[1]), key=lambda each: (-each[1], each[0]))


def _compared(demand: Demand, sums: _Sums) -> tuple[list[Excess], list[tuple[int, int]], int]:
    """Quarters with an excess, quarters in which there may be one, and the most that is not known in any."""
    excesses, doubtful, unknown_w = [], [], 0
    for start_s, bounds in _quarters(demand):
        end_s, duration_s = bounds[-1].end_s, sum(bound.end_s - bound.start_s for bound in bounds)
        asked_ws = sum(bound.power_w * (bound.end_s - bound.start_s) for bound in bounds)
        burden_ws, unknown_ws = _over(sums.burden, bounds), _over(sums.unknown, bounds) if sums.unknown else 0
        unknown_w = max(unknown_w, -(-unknown_ws // duration_s))
        if burden_ws > asked_ws:
            planned_ws, part_ws = (_over(each, bounds) for each in sums.shown) if sums.shown else (burden_ws, asked_ws)
            excesses.append(Excess(start_s, end_s, duration_s, planned_ws, part_ws, burden_ws - asked_ws))
        elif burden_ws + unknown_ws > asked_ws:
            doubtful.append((start_s, end_s))
    return excesses, doubtful, unknown_w


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
    """Where in these quarters something is asked."""
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
    """What of the assets' plans counts against the demand."""
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
    """What is planned in the direction, as positive numbers; both: whichever it is."""
    if direction is Direction.CONSUMPTION:
        return [max(0, -level_w) for level_w in levels_w]
    if min(levels_w) >= 0:
        return levels_w
    return [max(0, level_w) if direction is Direction.PRODUCTION else abs(level_w) for level_w in levels_w]


def _missed_w(kind: ConflictKind, levels_w: Sequence[int], reference_w: int) -> list[int]:
    """By how much what is to be kept to is missed: what lacks, or the step."""
    if kind is ConflictKind.SHORT_OF_START:
        return [max(0, reference_w - level_w) for level_w in levels_w]
    return [abs(level_w - reference_w) for level_w in levels_w]


def planned_of(demand: Demand, asset: PlannedAsset) -> Iterator[Steps]:
    """An asset's planned power in the direction, as a positive number; both: whichever it is."""
    for part in _known(demand, asset):
        yield Steps(part.starts_s, _planned_w(demand.direction, part.levels_w), part.end_s)


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
    start_s, end_s = demand.start_s, demand.end_s
    # Most assets plan a day at once.
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
