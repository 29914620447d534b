"""Power over time as steps: integer seconds since 1970 (UTC) and integer watts, so that sums and means are exact.

Nothing is expanded point by point. The cost depends on the number of changes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from operator import mul
from typing import Any, Generic, TypeVar

_Key = TypeVar("_Key")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Steps:
    """A power over one stretch of time without gaps.

    Attributes:
        starts_s: The start of each level, ascending. At least one.
        levels_w: One level for each start. Neighbours may be equal.
        end_s: The end of the last level.
    """

    starts_s: tuple[int, ...]
    levels_w: Sequence[int]
    end_s: int


@dataclass(frozen=True, slots=True)
class Pile(Generic[_Key]):
    """The levels of many keys over one stretch of time, with changes at the same moments. Otherwise like `Steps`."""

    starts_s: tuple[int, ...]
    end_s: int
    rows: list[tuple[_Key, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Energy:
    """The energy of a power, in watt-seconds, from its start to any moment in it."""

    steps: Steps
    so_far_ws: tuple[int, ...]

    def between(self, start_s: int, end_s: int) -> int:
        """Return the energy in watt-seconds. Both moments lie within the steps."""
        return self._until(end_s) - self._until(start_s)

    def _until(self, moment_s: int) -> int:
        index = bisect_right(self.steps.starts_s, moment_s) - 1
        return self.so_far_ws[index] + self.steps.levels_w[index] * (moment_s - self.steps.starts_s[index])


def seconds(moment: datetime) -> int:
    """Return whole seconds since 1970. Fractions of a second are dropped."""
    return (moment - _EPOCH) // _SECOND


def moment(seconds_since: int) -> datetime:
    """Return the moment as aware UTC."""
    return _EPOCH + seconds_since * _SECOND


def clipped(steps: Steps, start_s: int, end_s: int) -> Steps | None:
    """Return the part within a half-open interval, or None if there is no such part."""
    start, end = max(steps.starts_s[0], start_s), min(steps.end_s, end_s)
    if start >= end:
        return None
    if start == steps.starts_s[0] and end == steps.end_s:
        return steps
    first, last = bisect_right(steps.starts_s, start) - 1, bisect_left(steps.starts_s, end)
    return Steps((start, *steps.starts_s[first + 1 : last]), steps.levels_w[first:last], end)


def piled(plans: Iterable[tuple[_Key, Steps]], start_s: int, end_s: int) -> list[Pile[_Key]]:
    """Return the parts of the plans within a half-open interval, grouped by equal times."""
    rows: dict[tuple[tuple[int, ...], int], list[tuple[_Key, Sequence[int]]]] = defaultdict(list)
    for key, steps in plans:
        part = clipped(steps, start_s, end_s)
        if part is not None:
            rows[part.starts_s, part.end_s].append((key, part.levels_w))
    return [Pile(starts_s, last_s, alike) for (starts_s, last_s), alike in rows.items()]


def summed(parts: Iterable[Steps], start_s: int, end_s: int) -> Steps:
    """Return the sum of all parts throughout an interval. A missing part counts as 0. Neighbouring levels differ."""
    return sum_of(piled(((None, part) for part in parts), start_s, end_s), start_s, end_s)


def sum_of(piles: Iterable[Pile[Any]], start_s: int, end_s: int) -> Steps:
    """Return the same sum as `summed` for parts that are already piled and lie within the interval."""
    changes: dict[int, int] = defaultdict(int)
    for pile in piles:
        before = 0
        columns = zip(*(levels_w for _, levels_w in pile.rows), strict=True)
        # A pile without rows has no columns.
        for at_s, column in zip(pile.starts_s, columns, strict=bool(pile.rows)):
            level_w = sum(column)
            changes[at_s] += level_w - before
            before = level_w
        changes[pile.end_s] -= before
    return _from_changes(changes, start_s, end_s)


def energy_of(steps: Steps) -> Energy:
    """Return the energy of the power, precomputed so that any stretch can be queried."""
    ends_s = (*steps.starts_s[1:], steps.end_s)
    lengths_s = [end - start for start, end in zip(steps.starts_s, ends_s, strict=True)]
    return Energy(steps, tuple(accumulate(map(mul, steps.levels_w, lengths_s), initial=0)))


def lengths_within(steps: Steps | Pile[Any], spans: Iterable[tuple[int, int]]) -> list[int]:
    """Return the number of seconds of each level within half-open spans that do not overlap."""
    ends_s = (*steps.starts_s[1:], steps.end_s)
    lengths_s = [0] * len(ends_s)
    for start_s, end_s in spans:
        at_s, last_s = max(start_s, steps.starts_s[0]), min(end_s, steps.end_s)
        index = bisect_right(steps.starts_s, at_s) - 1
        while at_s < last_s:
            until_s = min(ends_s[index], last_s)
            lengths_s[index] += until_s - at_s
            at_s, index = until_s, index + 1
    return lengths_s


def level_at(parts: Iterable[Steps], moment_s: int) -> int | None:
    """Return the power at a moment, from parts that do not overlap. None if no part covers the moment."""
    for part in parts:
        if part.starts_s[0] <= moment_s < part.end_s:
            return part.levels_w[bisect_right(part.starts_s, moment_s) - 1]
    return None


def gaps(parts: Iterable[Steps], start_s: int, end_s: int) -> Iterator[tuple[int, int]]:
    """Yield the gaps between parts in an interval. The parts are sorted by time and do not overlap."""
    at_s = start_s
    for part in parts:
        if part.starts_s[0] >= end_s:
            break
        if at_s < part.starts_s[0]:
            yield at_s, part.starts_s[0]
        at_s = max(at_s, part.end_s)
    if at_s < end_s:
        yield at_s, end_s


def _from_changes(changes: Mapping[int, int], start_s: int, end_s: int) -> Steps:
    starts_s, levels_w = [start_s], [changes.get(start_s, 0)]
    for at_s in sorted(changes):
        if start_s < at_s < end_s and changes[at_s]:
            starts_s.append(at_s)
            levels_w.append(levels_w[-1] + changes[at_s])
    return Steps(tuple(starts_s), levels_w, end_s)
