"""Plans in force: what holds of an asset's schedules when many were sent, as an index of pieces (SEMANTICS, Schedules).

A piece says where the power of an interval is to be found, not what it is. Intervals are half-open, aware UTC.
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
"""A schedule of more is kept day by day, so that whoever asks for one day does not read all of it."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """What holds for one asset in one interval.

    Attributes:
        rank: Of two over the same time the one of the higher rank holds.
        block_id: Where its power is kept; None: there is no plan.
        document_id: Of the document that said so; "" where nobody asks for it.
    """

    asset_id: str
    period: Interval
    rank: int
    block_id: str | None
    document_id: str = ""


def ranked(standing: Sequence[Piece], incoming: Sequence[Piece]) -> list[Piece]:
    """What holds of one asset when these come to what stands: neither overlaps in itself, incoming are of one rank."""
    if not incoming:
        return list(standing)
    higher = [piece for piece in standing if piece.rank > incoming[0].rank]
    lower = [piece for piece in standing if piece.rank <= incoming[0].rank]
    return laid_over(laid_over(lower, incoming), higher)


def laid_over(lower: Sequence[Piece], upper: Sequence[Piece]) -> list[Piece]:
    """The upper pieces, and what they leave of the lower ones; by time. Neither overlaps in itself."""
    covers = sorted((piece.period for piece in upper), key=lambda period: period.start)
    ends = [cover.end for cover in covers]
    left = [
        piece if rest == piece.period else replace(piece, period=rest)
        for piece in lower
        for rest in _uncovered(piece.period, covers, ends)
    ]
    return sorted([*upper, *left], key=lambda piece: piece.period.start)


def by_asset(pieces: Iterable[Piece]) -> dict[str, list[Piece]]:
    """Each asset's, in the order given."""
    found: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        found[piece.asset_id].append(piece)
    return found


def lost(before: Iterable[Piece], after: Iterable[Piece]) -> list[Piece]:
    """What was planned and does not stand any more: of the pieces before, what no later one has from the same block."""
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
    """What some intervals have that others do not cover: merged, by time."""
    merged_covers = merged(covers)
    ends = [cover.end for cover in merged_covers]
    return [rest for period in merged(periods) for rest in _uncovered(period, merged_covers, ends)]


def merged(periods: Iterable[Interval]) -> list[Interval]:
    """The same time in as few intervals as can be, by time: those that overlap or touch become one."""
    found: list[Interval] = []
    for period in sorted(periods, key=lambda each: each.start):
        if found and period.start <= found[-1].end:
            found[-1] = Interval(found[-1].start, max(found[-1].end, period.end))
        else:
            found.append(period)
    return found


def hull(periods: Iterable[Interval]) -> Interval:
    """From the earliest start to the latest end; there is at least one."""
    known = list(periods)
    return Interval(min(period.start for period in known), max(period.end for period in known))


def by_days(schedule: Schedule) -> list[Schedule]:
    """A schedule in parts that are kept apart: whole if it has few levels, else cut near every UTC midnight.

    Cuts fall between two of its intervals, so that each part has its resolution.
    """
    if len(schedule.levels_kw) <= MANY_LEVELS:
        return [schedule]
    parts = (part_within(schedule, Interval(start, end)) for start, end in _days(schedule))
    return [part for part in parts if part is not None]


def joined(schedules: Iterable[Schedule]) -> list[Schedule]:
    """Schedules, given by asset and time, with those that follow on each other at one resolution made one.

    So what is read does not tell how it was sent, kept or superseded.
    """
    runs: list[list[Schedule]] = []
    for schedule in schedules:
        if runs and _follows(schedule, runs[-1]):
            runs[-1].append(schedule)
        else:
            runs.append([schedule])
    return [_one(run) for run in runs]


def _uncovered(period: Interval, covers: Sequence[Interval], ends: Sequence[datetime]) -> Iterator[Interval]:
    """Covers are sorted, do not overlap, and end at `ends`."""
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


def _one(run: Sequence[Schedule]) -> Schedule:
    if len(run) == 1:
        return run[0]
    indexes: list[int] = []
    offset = 0
    for part in run:
        indexes += [offset + index for index in part.change_indexes]
        offset += part.interval_count
    levels_kw = [level_kw for part in run for level_kw in part.levels_kw]
    return with_levels(replace(run[0], interval_count=offset), indexes, levels_kw)
