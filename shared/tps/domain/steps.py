"""Power over time as steps, in whole numbers: seconds since 1970 (UTC) and watts, so that sums and means are exact.

Nothing is expanded point by point: the work is that of the changes there are.
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
    """A power over one stretch of time without gap.

    Attributes:
        starts_s: Ascending; when each level begins. There is one at least.
        levels_w: As many; neighbours may be equal.
        end_s: When the last one ends.
    """

    starts_s: tuple[int, ...]
    levels_w: Sequence[int]
    end_s: int


@dataclass(frozen=True, slots=True)
class Pile(Generic[_Key]):
    """Levels of many, each by its key, over one stretch of time, that change at the same moments; else as `Steps`."""

    starts_s: tuple[int, ...]
    end_s: int
    rows: list[tuple[_Key, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Energy:
    """What power amounts to, in watt-seconds, from its beginning to any moment in it."""

    steps: Steps
    so_far_ws: tuple[int, ...]

    def between(self, start_s: int, end_s: int) -> int:
        """In watt-seconds; both moments lie within the steps."""
        return self._until(end_s) - self._until(start_s)

    def _until(self, moment_s: int) -> int:
        index = bisect_right(self.steps.starts_s, moment_s) - 1
        return self.so_far_ws[index] + self.steps.levels_w[index] * (moment_s - self.steps.starts_s[index])


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970; what is beyond a whole second is dropped."""
    return (moment - _EPOCH) // _SECOND


def moment(seconds_since: int) -> datetime:
    """Aware UTC."""
    return _EPOCH + seconds_since * _SECOND


def clipped(steps: Steps, start_s: int, end_s: int) -> Steps | None:
    """The part that lies in a half-open interval; None if there is none."""
    start, end = max(steps.starts_s[0], start_s), min(steps.end_s, end_s)
    if start >= end:
        return None
    if start == steps.starts_s[0] and end == steps.end_s:
        return steps
    first, last = bisect_right(steps.starts_s, start) - 1, bisect_left(steps.starts_s, end)
    return Steps((start, *steps.starts_s[first + 1 : last]), steps.levels_w[first:last], end)


def piled(plans: Iterable[tuple[_Key, Steps]], start_s: int, end_s: int) -> list[Pile[_Key]]:
    """The parts of these that lie in a half-open interval, by their times."""
    rows: dict[tuple[tuple[int, ...], int], list[tuple[_Key, Sequence[int]]]] = defaultdict(list)
    for key, steps in plans:
        part = clipped(steps, start_s, end_s)
        if part is not None:
            rows[part.starts_s, part.end_s].append((key, part.levels_w))
    return [Pile(starts_s, last_s, alike) for (starts_s, last_s), alike in rows.items()]


def summed(parts: Iterable[Steps], start_s: int, end_s: int) -> Steps:
    """The sum of all parts throughout an interval; where a part says nothing it counts as 0. Neighbours differ."""
    return sum_of(piled(((None, part) for part in parts), start_s, end_s), start_s, end_s)


def sum_of(piles: Iterable[Pile[Any]], start_s: int, end_s: int) -> Steps:
    """The same of parts that are piled, and lie in the interval."""
    changes: dict[int, int] = defaultdict(int)
    for pile in piles:
        before = 0
        columns = zip(*(levels_w for _, levels_w in pile.rows), strict=True)
        # Without rows there are no columns.
        for at_s, column in zip(pile.starts_s, columns, strict=bool(pile.rows)):
            level_w = sum(column)
            changes[at_s] += level_w - before
            before = level_w
        changes[pile.end_s] -= before
    return _from_changes(changes, start_s, end_s)


def energy_of(steps: Steps) -> Energy:
    """The power's energy, ready to be asked for any stretch."""
    ends_s = (*steps.starts_s[1:], steps.end_s)
    lengths_s = [end - start for start, end in zip(steps.starts_s, ends_s, strict=True)]
    return Energy(steps, tuple(accumulate(map(mul, steps.levels_w, lengths_s), initial=0)))


def lengths_within(steps: Steps | Pile[Any], spans: Iterable[tuple[int, int]]) -> list[int]:
    """How many seconds of each level lie in half-open spans that do not overlap."""
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
    """The power at a moment, of parts that do not overlap; None where none of them says."""
    for part in parts:
        if part.starts_s[0] <= moment_s < part.end_s:
            return part.levels_w[bisect_right(part.starts_s, moment_s) - 1]
    return None


def gaps(parts: Iterable[Steps], start_s: int, end_s: int) -> Iterator[tuple[int, int]]:
    """Where in an interval none of these parts says anything; they are given by time and do not overlap."""
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
