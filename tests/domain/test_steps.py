"""Compare sums, parts and energies of steps with a model that works second by second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tps.domain.steps import Steps, clipped, energy_of, gaps, lengths_within, level_at, summed

LONGEST_S = 40


@st.composite
def some_steps(draw: st.DrawFn) -> Steps:
    starts = sorted(draw(st.sets(st.integers(0, LONGEST_S - 1), min_size=1, max_size=6)))
    levels = draw(st.lists(st.integers(-5, 5), min_size=len(starts), max_size=len(starts)))
    return Steps(tuple(starts), levels, draw(st.integers(starts[-1] + 1, LONGEST_S)))


windows = st.tuples(st.integers(0, LONGEST_S - 1), st.integers(1, LONGEST_S)).map(
    lambda pair: (pair[0], min(LONGEST_S, pair[0] + pair[1]))
)


def second_by_second(steps: Steps | None) -> dict[int, int]:
    if steps is None:
        return {}
    bounds = [*steps.starts_s, steps.end_s]
    return {
        second: level
        for index, level in enumerate(steps.levels_w)
        for second in range(bounds[index], bounds[index + 1])
    }


@given(some_steps(), windows)
def test_a_part_is_what_lies_in_the_window(steps: Steps, window: tuple[int, int]) -> None:
    inside = {second: level for second, level in second_by_second(steps).items() if window[0] <= second < window[1]}

    assert second_by_second(clipped(steps, *window)) == inside


@given(st.lists(some_steps(), max_size=6), windows)
def test_a_sum_is_that_of_each_second_and_has_no_step_that_is_none(parts: list[Steps], window: tuple[int, int]) -> None:
    total = summed([*parts, *parts[:2]], *window)

    seconds_of_parts = [second_by_second(part) for part in [*parts, *parts[:2]]]
    expected = {at: sum(levels.get(at, 0) for levels in seconds_of_parts) for at in range(*window)}
    assert second_by_second(total) == expected
    assert all(before != after for before, after in zip(total.levels_w, list(total.levels_w)[1:], strict=False))


@given(some_steps(), st.data())
def test_energy_between_two_moments_is_the_sum_of_the_seconds(steps: Steps, data: st.DataObject) -> None:
    seconds = second_by_second(steps)
    start = data.draw(st.integers(steps.starts_s[0], steps.end_s))
    end = data.draw(st.integers(start, steps.end_s))

    assert energy_of(steps).between(start, end) == sum(seconds[at] for at in range(start, end))


@given(some_steps(), windows)
def test_each_level_lasts_as_many_seconds_of_a_window_as_there_are(steps: Steps, window: tuple[int, int]) -> None:
    start, end = window
    halves = [(start, (start + end) // 2), ((start + end) // 2, end)]

    ends = (*steps.starts_s[1:], steps.end_s)
    spans = zip(steps.starts_s, ends, strict=True)
    assert lengths_within(steps, halves) == [max(0, min(end, last) - max(start, first)) for first, last in spans]


@given(st.lists(some_steps(), max_size=1), windows)
def test_gaps_are_the_seconds_of_which_nothing_is_said(parts: list[Steps], window: tuple[int, int]) -> None:
    covered = {second for part in parts for second in second_by_second(part)}

    gap_seconds = [second for start, end in gaps(parts, *window) for second in range(start, end)]

    assert gap_seconds == [second for second in range(*window) if second not in covered]
    assert all((level_at(parts, second) is None) is (second not in covered) for second in range(*window))
