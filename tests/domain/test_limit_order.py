"""Test which of several limits on one asset counts. Source: docs/semantics.md, "Limits" and "Emergencies"."""

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import make_slot, minutes
from tps.domain.limit import Action, Direction, Interval
from tps.domain.limit_order import EffectiveBound, Emergency, bounds, effective_bound_kw, prevailing

HOUR = Interval(minutes(0), minutes(60))


def emergency(
    action: Action, accepted: float = 0, direction: Direction = Direction.BOTH, period: Interval = HOUR
) -> Emergency:
    return Emergency(action, direction, period, minutes(accepted))


def test_stop_goes_over_hold_over_start_whenever_each_was_accepted() -> None:
    """EMG-ORD."""
    for order in permutations([Action.STOP, Action.HOLD, Action.START]):
        every = [emergency(action, accepted) for accepted, action in enumerate(order)]
        for strongest in (Action.STOP, Action.HOLD, Action.START):
            emergency_in_force = prevailing(every, Direction.PRODUCTION, minutes(30))
            assert emergency_in_force is not None
            assert emergency_in_force.action is strongest
            every.remove(emergency_in_force)


def test_of_the_same_kind_the_later_accepted_prevails() -> None:
    """EMG-ORD."""
    earlier, later = emergency(Action.HOLD, 1), emergency(Action.HOLD, 2)

    assert prevailing([later, earlier], Direction.CONSUMPTION, minutes(30)) is later


@pytest.mark.parametrize(("moment", "is_in_force"), [(-1, False), (0, True), (59, True), (60, False)])
def test_an_emergency_counts_while_it_is_in_force(moment: float, is_in_force: bool) -> None:
    assert bool(prevailing([emergency(Action.STOP)], Direction.PRODUCTION, minutes(moment))) is is_in_force


def test_an_emergency_for_one_direction_leaves_the_other_alone() -> None:
    """LIM-DIR."""
    stop = emergency(Action.STOP, direction=Direction.PRODUCTION)

    assert prevailing([stop], Direction.CONSUMPTION, minutes(30)) is None
    assert effective_bound_kw([], [stop], Direction.CONSUMPTION, HOUR) is None
    assert effective_bound_kw([], [stop], Direction.PRODUCTION, HOUR) == 0


def test_a_stop_that_touches_the_interval_makes_it_zero_and_a_hold_does_not() -> None:
    """EMG-STP, EMG-HLD."""
    part = [make_slot(0, 60, "70")]
    late = Interval(minutes(59), minutes(90))

    assert effective_bound_kw([part], [emergency(Action.STOP, period=late)], Direction.PRODUCTION, HOUR) == 0
    assert effective_bound_kw([part], [emergency(Action.HOLD)], Direction.PRODUCTION, HOUR) == 70


@given(st.lists(st.tuples(st.integers(-60, 100), st.integers(1, 60), st.integers(0, 99)), max_size=6))
def test_the_bound_is_the_smallest_part_that_holds_at_some_minute_of_the_interval(
    slots: list[tuple[int, int, int]],
) -> None:
    """LIM-WHN."""
    parts = [[make_slot(start, start + length, str(power_kw))] for start, length, power_kw in slots]

    holding = [power_kw for start, length, power_kw in slots if set(range(start, start + length)) & set(range(60))]

    assert effective_bound_kw(parts, [], Direction.PRODUCTION, HOUR) == min(map(Decimal, holding), default=None)


some_spans = st.tuples(st.integers(-60, 100), st.integers(1, 60))


@given(st.lists(st.tuples(some_spans, st.integers(0, 3)), max_size=5), st.lists(some_spans, max_size=2))
def test_the_pieces_say_for_each_minute_what_binds_in_it(
    slots: list[tuple[tuple[int, int], int]], spans: list[tuple[int, int]]
) -> None:
    """LIM-OVL, EMG-ORD: all limits stay in force, and an emergency takes precedence."""
    parts = [[make_slot(start, start + length, str(power_kw))] for (start, length), power_kw in slots]
    periods = [Interval(minutes(start), minutes(start + length)) for start, length in spans]
    emergencies = [
        emergency(action, period=period) for action, period in zip((Action.STOP, Action.HOLD), periods, strict=False)
    ]

    pieces = bounds(parts, emergencies, Direction.PRODUCTION)

    for minute in range(-61, 161):
        interval = Interval(minutes(minute), minutes(minute + 1))
        followed = prevailing(emergencies, Direction.PRODUCTION, interval.start)
        power_kw = effective_bound_kw(parts, emergencies, Direction.PRODUCTION, interval)
        holding = [piece for piece in pieces if piece.interval.start <= interval.start < piece.interval.end]
        expected = (power_kw, followed.action if followed else None)
        assert [(piece.power_kw, piece.action) for piece in holding] == ([] if expected == (None, None) else [expected])


def test_pieces_that_say_the_same_are_one() -> None:
    halves = [[make_slot(0, 30, "5"), make_slot(30, 60, "5")]]

    assert bounds(halves, [], Direction.PRODUCTION) == [EffectiveBound(HOUR, Decimal(5), None)]
