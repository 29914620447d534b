"""Test plans in force: precedence between pieces, the rest of covered pieces, and joined schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tps.domain.limit import Interval
from tps.domain.plan import MANY_LEVELS, Piece, by_days, joined, laid_over, merged, ranked, uncovered
from tps.domain.schedule import RESOLUTIONS, Schedule, part_within, schedule_of

ASSET = "571313190000000011"
START = datetime(2026, 4, 3, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

minutes = st.integers(0, 60)
intervals = st.tuples(minutes, st.integers(1, 20)).map(lambda pair: span(pair[0], pair[0] + pair[1]))
resolutions = st.sampled_from(sorted(RESOLUTIONS))


def span(start: int, end: int) -> Interval:
    """Return the interval from one minute to another."""
    return Interval(START + start * MINUTE, START + end * MINUTE)


def moments(periods: list[Interval]) -> set[datetime]:
    """Return every minute of the intervals, and assert that no minute appears twice."""
    starts = [
        period.start + step * MINUTE for period in periods for step in range((period.end - period.start) // MINUTE)
    ]
    assert len(starts) == len(set(starts))
    return set(starts)


def kept(number: int, period: Interval, rank: int = 0) -> Piece:
    return Piece(ASSET, period, rank, f"block {number}")


def minute_by_minute(pieces: list[Piece]) -> dict[datetime, Piece]:
    return {moment: piece for piece in pieces for moment in moments([piece.period])}


@given(st.lists(intervals))
def test_merged_intervals_are_the_same_time_without_overlap_or_touch(periods: list[Interval]) -> None:
    merged_periods = merged(periods)

    assert moments(merged_periods) == {moment for period in periods for moment in moments([period])}
    assert all(before.end < after.start for before, after in pairwise(merged_periods))


@given(st.lists(intervals), st.lists(intervals))
def test_what_is_not_covered_is_what_is_left_of_each_minute(periods: list[Interval], covers: list[Interval]) -> None:
    assert moments(uncovered(periods, covers)) == moments(merged(periods)) - moments(merged(covers))


@given(st.lists(intervals), st.lists(intervals))
def test_upper_pieces_hold_and_lower_ones_where_there_is_none(lower: list[Interval], upper: list[Interval]) -> None:
    below = [kept(number, period) for number, period in enumerate(merged(lower))]
    above = [kept(number + 100, period, 1) for number, period in enumerate(merged(upper))]

    held = minute_by_minute(laid_over(below, above))

    expected = {**minute_by_minute(below), **minute_by_minute(above)}
    assert {at: piece.block_id for at, piece in held.items()} == {at: piece.block_id for at, piece in expected.items()}


@given(st.permutations(range(5)), st.lists(st.lists(intervals), min_size=5, max_size=5))
def test_the_higher_rank_holds_in_whatever_order_they_come(order: list[int], documents: list[list[Interval]]) -> None:
    """MADES guarantees no order. The DSO gets the same plan in any order."""
    pieces = [[kept(rank, period, rank) for period in merged(periods)] for rank, periods in enumerate(documents)]

    held: list[Piece] = []
    for rank in order:
        held = ranked(held, pieces[rank])

    expected = {at: piece.rank for standing in pieces for at, piece in minute_by_minute(standing).items()}
    assert {at: piece.rank for at, piece in minute_by_minute(held).items()} == expected


@given(resolutions, st.integers(0, 2000), st.integers(MANY_LEVELS + 1, 900))
def test_a_schedule_of_many_levels_is_kept_by_days_and_read_as_it_was(resolution: str, offset: int, count: int) -> None:
    schedule = schedule_of(ASSET, START + offset * MINUTE, resolution, [Decimal(number) for number in range(count)])

    parts = by_days(schedule)

    assert joined(parts) == [schedule]
    assert {part.resolution for part in parts} == {resolution}
    assert all(part.period.end - part.period.start <= timedelta(hours=25) for part in parts)
    assert len(parts) == 1 or (schedule.period.end - schedule.start) > (len(parts) - 2) * timedelta(hours=23)


def test_a_day_of_quarters_is_kept_whole_whatever_zone_it_is_of() -> None:
    day = schedule_of(ASSET, START, "PT15M", [Decimal(number) for number in range(96)])

    assert by_days(day) == [day]


@given(st.lists(st.tuples(resolutions, st.integers(0, 500), st.integers(1, 30)), max_size=6))
def test_an_index_of_pieces_plans_what_the_schedules_themselves_do(sent: list[tuple[str, int, int]]) -> None:
    """Compare the index of pieces with the schedules laid over each other minute by minute."""
    schedules = [
        schedule_of(ASSET, START + offset * MINUTE, resolution, [Decimal(number + step) for step in range(count)])
        for number, (resolution, offset, count) in enumerate(sent)
    ]
    pieces: list[Piece] = []
    for rank, schedule in enumerate(schedules):
        pieces = ranked(pieces, [Piece(ASSET, schedule.period, rank, str(rank))])
    read = [part_within(schedules[piece.rank], piece.period) for piece in pieces]

    expected: dict[datetime, Decimal] = {}
    for schedule in schedules:
        expected |= powers([schedule])
    assert powers([part for part in read if part]) == expected


def powers(schedules: list[Schedule]) -> dict[datetime, Decimal]:
    """Return the power of every minute."""
    return {
        schedule.start + index * schedule.step + step * MINUTE: power_kw
        for schedule in schedules
        for index, power_kw in enumerate(schedule.power_kw)
        for step in range(schedule.step // MINUTE)
    }


def test_what_follows_on_each_other_is_read_as_one_and_a_gap_as_two() -> None:
    hour = schedule_of(ASSET, START, "PT15M", [Decimal(1), Decimal(1), Decimal(2), Decimal(2)])
    over = schedule_of(ASSET, START + timedelta(minutes=30), "PT15M", [Decimal(2)])
    cut = [schedule_of(ASSET, START, "PT15M", [Decimal(1), Decimal(1)])]
    rest = [schedule_of(ASSET, START + timedelta(minutes=45), "PT15M", [Decimal(2)])]
    gap = schedule_of(ASSET, START + timedelta(hours=2), "PT15M", [Decimal(2)])
    other = schedule_of("571313190000000028", START + timedelta(hours=1), "PT15M", [Decimal(2)])

    read = joined([*cut, over, *rest, gap, other])

    assert read == [hour, gap, other]
