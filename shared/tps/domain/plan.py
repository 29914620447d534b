"""Plans in force: the index of pieces that remain valid after many schedules of an asset.

A piece says where the power of an interval is stored, and not the power itself. Intervals are half-open, aware UTC.

Source: docs/semantics.md, "Schedules" (SCH-OVL).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tps.domain.limit import Interval
from tps.domain.schedule import MAX_LENGTH, Schedule, part_within, with_levels

MANY_LEVELS = 200
"""A schedule with more levels is stored day by day, so that a query for one day does not read the whole schedule."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """The plan of one asset in one interval.

    Attributes:
        rank: Where two pieces overlap, the piece with the higher rank counts.
        block_id: Where the power is stored. None means that there is no plan.
        document_id: The document that stated the plan, or "" where no caller needs it.
    """

    asset_id: str
    period: Interval
    rank: int
    block_id: str | None
    document_id: str = ""


def ranked(standing: Sequence[Piece], incoming: Sequence[Piece]) -> list[Piece]:
    """Return the plan in force for one asset after new pieces arrive.

    Args:
        standing: The pieces in force, without overlap.
        incoming: The new pieces, without overlap, all of the same rank.
    """
    if not incoming:
        return list(standing)
    higher = [piece for piece in standing if piece.rank > incoming[0].rank]
    lower = [piece for piece in standing if piece.rank <= incoming[0].rank]
    return laid_over(laid_over(lower, incoming), higher)


def laid_over(lower: Sequence[Piece], upper: Sequence[Piece]) -> list[Piece]:
    """Return the upper pieces and the uncovered rest of the lower pieces, sorted by time.

    Neither argument may contain overlapping pieces.
    """
    covers = sorted((piece.period for piece in upper), key=lambda period: period.start)
    ends = [cover.end for cover in covers]
    left = [
        piece if rest == piece.period else replace(piece, period=rest)
        for piece in lower
        for rest in _uncovered(piece.period, covers, ends)
    ]
    return sorted([*upper, *left], key=lambda piece: piece.period.start)


def by_asset(pieces: Iterable[Piece]) -> dict[str, list[Piece]]:
    """Group pieces by asset, in the given order."""
    pieces_by_asset: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        pieces_by_asset[piece.asset_id].append(piece)
    return pieces_by_asset


def lost(before: Iterable[Piece], after: Iterable[Piece]) -> list[Piece]:
    """Return the planned pieces of `before` that are no longer in force.

    A piece is in force where a piece of `after` with the same asset covers it from the same block.
    """
    stands: dict[tuple[str, str | None], list[Interval]] = defaultdict(list)
    for piece in after:
        stands[piece.asset_id, piece.block_id].append(piece.period)
    return [
        replace(piece, period=rest)
        for piece in before
        if piece.block_id is not None
        for rest in uncovered([piece.period], stands[piece.asset_id, piece.block_id])
    ]


def uncovered(periods: Iterable[Interval], covers: Iterable[Interval]) -> list[Interval]:
    """Return the time in `periods` that `covers` leaves out: merged intervals, sorted by time."""
    merged_covers = merged(covers)
    ends = [cover.end for cover in merged_covers]
    return [rest for period in merged(periods) for rest in _uncovered(period, merged_covers, ends)]


def merged(periods: Iterable[Interval]) -> list[Interval]:
    """Return the same time in the fewest intervals, sorted. Intervals that overlap or touch become one."""
    merged_periods: list[Interval] = []
    for period in sorted(periods, key=lambda interval: interval.start):
        if merged_periods and period.start <= merged_periods[-1].end:
            merged_periods[-1] = Interval(merged_periods[-1].start, max(merged_periods[-1].end, period.end))
        else:
            merged_periods.append(period)
    return merged_periods


def hull(periods: Iterable[Interval]) -> Interval:
    """Return the interval from the earliest start to the latest end. At least one period is required."""
    known = list(periods)
    return Interval(min(period.start for period in known), max(period.end for period in known))


def by_days(schedule: Schedule) -> list[Schedule]:
    """Split a schedule into the parts that are stored separately.

    A schedule with few levels stays whole. A longer schedule is cut near every UTC midnight. A cut falls between two
    intervals of the schedule, so that each part keeps the resolution.
    """
    if len(schedule.levels_kw) <= MANY_LEVELS:
        return [schedule]
    parts = (part_within(schedule, Interval(start, end)) for start, end in _days(schedule))
    return [part for part in parts if part is not None]


def joined(schedules: Iterable[Schedule]) -> list[Schedule]:
    """Join consecutive schedules that have the same asset and resolution.

    Then the result does not show how the schedules were sent, stored or superseded.

    Args:
        schedules: Sorted by asset and time.
    """
    runs: list[list[Schedule]] = []
    for schedule in schedules:
        if runs and _follows(schedule, runs[-1]):
            runs[-1].append(schedule)
        else:
            runs.append([schedule])
    return [_joined_run(run) for run in runs]


def _uncovered(period: Interval, covers: Sequence[Interval], ends: Sequence[datetime]) -> Iterator[Interval]:
    """Yield the uncovered parts of a period. The covers are sorted, do not overlap, and end at `ends`."""
    start = period.start
    for index in range(bisect_right(ends, start), len(covers)):
        cover = covers[index]
        if cover.start >= period.end:
            break
        if start < cover.start:
            yield Interval(start, cover.start)
        start = max(start, cover.end)
    if start < period.end:
        yield Interval(start, period.end)


def _days(schedule: Schedule) -> Iterator[tuple[datetime, datetime]]:
    start, whole = schedule.start, schedule.period
    while start < whole.end:
        midnight = start.replace(hour=0, minute=0) + _DAY
        steps = -((schedule.start - midnight) // schedule.step)
        end = min(schedule.start + steps * schedule.step, whole.end)
        yield start, end
        start = end


def _follows(schedule: Schedule, run: Sequence[Schedule]) -> bool:
    first, last = run[0], run[-1]
    is_next = schedule.asset_id == last.asset_id and schedule.start == last.period.end
    return is_next and schedule.resolution == last.resolution and schedule.period.end - first.start <= MAX_LENGTH


def _joined_run(run: Sequence[Schedule]) -> Schedule:
    if len(run) == 1:
        return run[0]
    indexes: list[int] = []
    offset = 0
    for part in run:
        indexes += [offset + index for index in part.change_indexes]
        offset += part.interval_count
    levels_kw = [level_kw for part in run for level_kw in part.levels_kw]
    return with_levels(replace(run[0], interval_count=offset), indexes, levels_kw)
