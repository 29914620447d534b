"""Compare conflicts with a model that works second by second, for every kind of limit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tps.domain.conflict import MAX_LARGEST, QUARTER_S, Conflict, conflict_of, energies_ws, within
from tps.domain.conflict_curve import curve_of
from tps.domain.demand import Bound, ConflictKind, Demand, PlannedAsset
from tps.domain.limit import Direction
from tps.domain.steps import Steps, energy_of, level_at

GRAIN_S = 300
"""All test times are multiples of this grain, three per quarter-hour, so that the model is quick."""
LAST = 12
QUARTERS = LAST * GRAIN_S // QUARTER_S


def asset(*plans: Steps, production: int = 5, consumption: int = 0, name: str = "A") -> PlannedAsset:
    return PlannedAsset(name, production, consumption, plans)


def plan(*levels_w: int, start: int = 0) -> Steps:
    """Return a plan with one level per grain, from grain `start` on."""
    starts = tuple((start + index) * GRAIN_S for index in range(len(levels_w)))
    return Steps(starts, levels_w, (start + len(levels_w)) * GRAIN_S)


def demand(
    kind: ConflictKind = ConflictKind.OVER_PART,
    direction: Direction = Direction.PRODUCTION,
    bounds: tuple[tuple[int, int, int], ...] = ((0, 3, 4),),
    held_at: int = 0,
) -> Demand:
    spans = tuple(Bound(start * GRAIN_S, end * GRAIN_S, power) for start, end, power in bounds)
    return Demand(kind, direction, spans, held_at * GRAIN_S)


@st.composite
def some_assets(draw: st.DrawFn) -> list[PlannedAsset]:
    assets = []
    for number in range(draw(st.integers(1, 4))):
        production, consumption = draw(st.tuples(st.integers(0, 5), st.integers(0, 5)))
        levels = draw(
            st.lists(st.one_of(st.none(), st.integers(-consumption, production)), min_size=LAST, max_size=LAST)
        )
        plans = tuple(plan(level, start=at) for at, level in enumerate(levels) if level is not None)
        assets.append(PlannedAsset(str(number), production, consumption, plans))
    return assets


@st.composite
def some_demands(draw: st.DrawFn) -> Demand:
    kind = draw(st.sampled_from(ConflictKind))
    is_foreseen = kind is ConflictKind.OVER_PART
    direction = draw(
        st.sampled_from([direction for direction in Direction if direction is not Direction.BOTH or not is_foreseen])
    )
    edges = sorted(draw(st.sets(st.integers(0, LAST), min_size=2, max_size=6)))
    power = st.integers(0, 12) if is_foreseen else st.just(0)
    spans = [(start, end, draw(power)) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    return demand(kind, direction, tuple(spans if is_foreseen else spans[:1]), held_at=edges[0])


@dataclass
class Model:
    """The expected result, computed grain by grain: per quarter-hour, in watt-grains."""

    burden: defaultdict[int, int]
    unknown: defaultdict[int, int]
    asked: defaultdict[int, int]
    grains: defaultdict[int, int]
    without_plan: set[str]


def directed(direction: Direction, planned: PlannedAsset, level: int) -> int:
    if direction is Direction.PRODUCTION or (direction is Direction.BOTH and not planned.max_consumption_w):
        return max(0, level)
    return max(0, -level) if direction is Direction.CONSUMPTION or not planned.max_production_w else level


def maximum(wanted: Demand, planned: PlannedAsset) -> int:
    both = {
        ConflictKind.STEP_UNDER_HOLD: planned.max_production_w + planned.max_consumption_w,
    }.get(wanted.kind, max(planned.max_production_w, planned.max_consumption_w))
    return {
        Direction.PRODUCTION: planned.max_production_w,
        Direction.CONSUMPTION: planned.max_consumption_w,
        Direction.BOTH: both,
    }[wanted.direction]


def burden_of(wanted: Demand, planned: PlannedAsset, levels: dict[int, int], at: int) -> int | None:
    """Return an asset's burden at a moment, or None if its power is unknown."""
    level = levels.get(at)
    if level is None:
        return None
    now = directed(wanted.direction, planned, level)
    match wanted.kind:
        case ConflictKind.SHORT_OF_START:
            return max(0, maximum(wanted, planned) - now)
        case ConflictKind.STEP_UNDER_HOLD:
            held = levels.get(wanted.held_at_s)
            return None if held is None else abs(now - directed(wanted.direction, planned, held))
        case _:
            return abs(now)


def model(wanted: Demand, assets: list[PlannedAsset]) -> Model:
    expected = Model(defaultdict(int), defaultdict(int), defaultdict(int), defaultdict(int), set())
    by_asset = [(planned, {steps.starts_s[0]: steps.levels_w[0] for steps in planned.plans}) for planned in assets]
    for bound in wanted.bounds:
        for at in range(bound.start_s, bound.end_s, GRAIN_S):
            quarter = at // QUARTER_S
            expected.asked[quarter] += bound.power_w
            expected.grains[quarter] += 1
            for planned, levels in by_asset:
                burden = burden_of(wanted, planned, levels, at)
                if burden is not None:
                    expected.burden[quarter] += burden
                elif maximum(wanted, planned):
                    expected.unknown[quarter] += maximum(wanted, planned)
                    expected.without_plan.add(planned.asset_id)
    return expected


def excesses_by_quarter(conflict: Conflict | None) -> dict[int, int]:
    if conflict is None:
        return {}
    return {excess.start_s // QUARTER_S: excess.excess_ws // GRAIN_S for excess in conflict.excesses}


@given(some_demands(), some_assets())
def test_an_excess_is_that_of_each_moment_summed_over_the_quarter(wanted: Demand, assets: list[PlannedAsset]) -> None:
    conflict, expected = conflict_of(wanted, assets), model(wanted, assets)

    more = {quarter: expected.burden[quarter] - expected.asked[quarter] for quarter in expected.grains}
    assert excesses_by_quarter(conflict) == {quarter: excess for quarter, excess in more.items() if excess > 0}
    if conflict:
        for excess in conflict.excesses:
            assert excess.duration_s == expected.grains[excess.start_s // QUARTER_S] * GRAIN_S


@given(some_demands(), some_assets())
def test_without_excess_it_is_doubtful_where_what_is_not_known_could_make_one(
    wanted: Demand, assets: list[PlannedAsset]
) -> None:
    conflict, expected = conflict_of(wanted, assets), model(wanted, assets)

    doubtful = [
        quarter
        for quarter in expected.grains
        if expected.burden[quarter] + expected.unknown[quarter] > expected.asked[quarter] >= expected.burden[quarter]
    ]
    assert (conflict is not None) is bool(excesses_by_quarter(conflict) or doubtful)
    if conflict:
        assert conflict.unknown_count == len(expected.without_plan)
        means = [
            -(-expected.unknown[quarter] // expected.grains[quarter])
            for quarter in range(QUARTERS)
            if quarter in expected.grains
        ]
        assert conflict.unknown_w == max(means)
        if not conflict.excesses:
            assert conflict.doubtful_s is not None
            start, end = conflict.doubtful_s
            assert (start // QUARTER_S, (end - 1) // QUARTER_S) == (min(doubtful), max(doubtful))


@given(some_demands(), some_assets())
def test_what_the_assets_add_is_all_that_was_planned_in_the_quarters(
    wanted: Demand, assets: list[PlannedAsset]
) -> None:
    conflict = conflict_of(wanted, assets)
    if conflict is None or not conflict.excesses:
        return

    energies = energies_ws(wanted, assets, conflict.excesses)

    bounds = model(wanted, assets).asked
    allowed_ws = sum(bounds[excess.start_s // QUARTER_S] * GRAIN_S for excess in conflict.excesses)
    assert sum(energy_ws for _, energy_ws in energies) == conflict.excess_ws + allowed_ws
    assert (conflict.concerned_count, conflict.largest) == (len(energies), tuple(energies[:MAX_LARGEST]))


@given(some_demands(), some_assets(), st.integers(0, QUARTERS), st.integers(1, QUARTERS))
def test_a_window_of_whole_quarters_shows_the_conflicts_that_lie_in_it(
    wanted: Demand, assets: list[PlannedAsset], first: int, count: int
) -> None:
    shown = within(wanted, first * QUARTER_S, (first + count) * QUARTER_S)

    inside = {
        quarter: excess
        for quarter, excess in excesses_by_quarter(conflict_of(wanted, assets)).items()
        if first <= quarter < first + count
    }
    assert excesses_by_quarter(conflict_of(shown, assets) if shown else None) == inside


def test_a_peak_within_a_quarter_is_no_conflict_if_the_mean_is_kept() -> None:
    assert conflict_of(demand(), [asset(plan(5, 5, 2))]) is None
    conflict = conflict_of(demand(), [asset(plan(5, 5, 3))])

    assert conflict is not None
    assert [excess.excess_ws for excess in conflict.excesses] == [GRAIN_S]


def test_the_charging_of_one_asset_makes_no_room_for_the_production_of_another() -> None:
    charging = asset(plan(-5, -5, -5), production=0, consumption=5, name="B")

    conflict = conflict_of(demand(), [asset(plan(5, 5, 5)), charging])

    assert conflict is not None
    assert conflict.excess_ws == 3 * GRAIN_S


@pytest.mark.parametrize("levels_w", [(5, 5, 5), (0, 0, 0)], ids=["planned", "planned not to"])
def test_under_a_stop_every_power_that_is_planned_is_an_excess_and_no_plan_is_a_doubt(
    levels_w: tuple[int, ...],
) -> None:
    stop = demand(ConflictKind.PLANNED_UNDER_STOP, Direction.BOTH, ((0, 3, 0),))
    unplanned = asset(name="B", production=7)

    conflict = conflict_of(stop, [asset(plan(*levels_w)), unplanned])

    assert conflict is not None
    assert conflict.excess_ws == sum(levels_w) * GRAIN_S
    assert (conflict.unknown_count, conflict.unknown_w) == (1, 7)


def test_under_a_start_what_the_plan_lacks_to_the_maximum_is_short() -> None:
    start = demand(ConflictKind.SHORT_OF_START, Direction.PRODUCTION, ((0, 3, 0),))

    conflict = conflict_of(start, [asset(plan(5, 3, 4))])

    assert conflict is not None
    (excess,) = conflict.excesses
    assert (excess.excess_ws, excess.planned_ws, excess.part_ws) == (3 * GRAIN_S, 12 * GRAIN_S, 15 * GRAIN_S)


def test_under_a_hold_steps_of_two_assets_do_not_cancel_each_other() -> None:
    hold = demand(ConflictKind.STEP_UNDER_HOLD, Direction.PRODUCTION, ((0, 3, 0),))

    conflict = conflict_of(hold, [asset(plan(2, 3, 2)), asset(plan(2, 1, 2), name="B")])

    assert conflict is not None
    assert conflict.excess_ws == 2 * GRAIN_S


@given(some_demands(), some_assets())
def test_the_curve_of_a_conflict_amounts_to_its_plan_and_part(wanted: Demand, assets: list[PlannedAsset]) -> None:
    conflict = conflict_of(wanted, assets)
    curve = curve_of(wanted, assets, 0, LAST * GRAIN_S)

    for excess in conflict.excesses if conflict else ():
        spans = [
            (max(bound.start_s, excess.start_s), min(bound.end_s, excess.end_s))
            for bound in wanted.bounds
            if bound.start_s < excess.end_s and excess.start_s < bound.end_s
        ]
        for line, energy_ws in ((curve.planned, excess.planned_ws), (curve.part, excess.part_ws)):
            assert sum(energy_of(line).between(*span) for span in spans) == energy_ws
    unasked = [at for at, asked in zip(curve.asked.starts_s, curve.asked.levels_w, strict=True) if not asked]
    assert not any(level_at([curve.unknown], at) for at in unasked)
