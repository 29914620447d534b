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
from operator import mul

from tps.domain.demand import Bound, Demand, PlannedAsset, burdens_w, is_ceiling, planned_of, reference_of, unknown_of
from tps.domain.steps import (
    Energy,
    Pile,
    Steps,
    energy_of,
    lengths_within,
    piled,
    sum_of,
    summed,
)

QUARTER_S = 900
MAX_LARGEST = 5


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


def _sum(demand: Demand, parts_of: Iterable[Iterable[Steps]]) -> Steps:
    return summed((part for parts in parts_of for part in parts), demand.start_s, demand.end_s)


def _burdens(demand: Demand, assets: Iterable[PlannedAsset]) -> list[Pile[str]]:
    """Return the part of each asset's plan that counts against the demand."""
    plans = ((asset, plan) for asset in assets for plan in asset.plans)
    return [
        Pile(pile.starts_s, pile.end_s, list(burdens_w(demand, pile.rows)))
        for pile in piled(plans, demand.start_s, demand.end_s)
    ]
