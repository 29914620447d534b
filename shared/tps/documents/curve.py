"""Curves of IEC 62325-451: periods with a resolution and points, read without point-by-point expansion.

Curve A01 has fixed blocks, with every position present. Curve A03 has variable blocks: a point holds until the next
position. The first position is always 1.

Source: docs/documents.md, "What all documents have in common".
"""

from calendar import isleap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from tps.documents.errors import refusal
from tps.documents.xml import Element, read_integer, read_interval, read_power_kw, text
from tps.domain import schedule
from tps.domain.limit import Interval

FIXED_BLOCKS = "A01"
VARIABLE_BLOCKS = "A03"
RESOLUTIONS = {
    **schedule.RESOLUTIONS,
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
    "P7D": timedelta(days=7),
}
"""A day has 24 hours here. P1D does not divide a local day of 23 or 25 hours and is refused there (A41)."""
YEAR = "P1Y"
"""From a day to the same day of the next year. The length is not fixed."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One period as written.

    Attributes:
        resolution: A key of `RESOLUTIONS`, or `YEAR`.
        count: Number of intervals in the period.
        positions: Ascending from 1 to `count` at most.
        powers_kw: One power for each position, with the document's sign.
    """

    interval: Interval
    resolution: str
    count: int
    positions: tuple[int, ...]
    powers_kw: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A constant power throughout `interval`, in kW, with the document's sign."""

    interval: Interval
    power_kw: Decimal


def read_curve(period: Element, curve_type: str, unit: str) -> Curve:
    """Return the curve of one period.

    Args:
        period: `timeInterval`, `resolution` and `Point`s in this order, schema-valid.
        curve_type: A01 or A03.
        unit: KWT or MAW.

    Raises:
        DocumentRefused: A04 (end not after start), A41 (the resolution does not divide the period), A49 (positions),
            A42 (a quantity with too many digits). The sender must correct it.
    """
    time_interval, resolution_element, *points = period
    interval, resolution = read_interval(time_interval), text(resolution_element)
    count = _count(interval, resolution)
    positions, powers_kw = zip(*_read_points(points, unit), strict=True)
    _check_positions(positions, count, curve_type)
    return Curve(interval, resolution, count, positions, powers_kw)


def read_blocks(period: Element, curve_type: str, unit: str) -> list[Block]:
    """Return the blocks of one period, in order and without gaps. Equal neighbours are not merged.

    Arguments and errors are those of `read_curve`.
    """
    curve = read_curve(period, curve_type, unit)
    starts = [_start_of(curve, position) for position in curve.positions]
    ends = [*starts[1:], curve.interval.end]
    return [
        Block(Interval(start, end), power_kw)
        for start, end, power_kw in zip(starts, ends, curve.powers_kw, strict=True)
    ]


def _start_of(curve: Curve, position: int) -> datetime:
    start, steps = curve.interval.start, position - 1
    return _years_after(start, steps) if curve.resolution == YEAR else start + steps * RESOLUTIONS[curve.resolution]


def _count(interval: Interval, resolution: str) -> int:
    if interval.end <= interval.start:
        raise refusal("A04", "the end of a period must be after its start")
    if resolution == YEAR:
        count = interval.end.year - interval.start.year
        is_whole = _years_after(interval.start, count) == interval.end
    else:
        count, rest = divmod(interval.end - interval.start, RESOLUTIONS[resolution])
        is_whole = not rest
    if not is_whole:
        raise refusal("A41", "the resolution must divide the period without remainder")
    return count


def _years_after(start: datetime, years: int) -> datetime:
    """Return the same day of a later year. 29 February becomes 28 February in years without a leap day."""
    is_leap_day = (start.month, start.day) == (2, 29)
    year = start.year + years
    return start.replace(year=year, day=28 if is_leap_day and not isleap(year) else start.day)


def _read_points(points: Iterable[Element], unit: str) -> Iterator[tuple[int, Decimal]]:
    for point in points:
        position, quantity = point
        power_kw = read_power_kw(text(quantity), unit)
        if power_kw is None:
            raise refusal("A42", "quantity has too many digits; power is in kW with at most three decimals")
        yield read_integer(text(position)), power_kw


def _check_positions(positions: Sequence[int], count: int, curve_type: str) -> None:
    if positions[0] != 1:
        raise refusal("A49", "the first position must be 1")
    if any(after <= before for before, after in pairwise(positions)):
        raise refusal("A49", "positions must ascend")
    if positions[-1] > count:
        raise refusal("A49", f"position {positions[-1]} is outside the period, which has {count} positions")
    if curve_type == FIXED_BLOCKS and len(positions) != count:
        raise refusal("A49", f"curve A01 must have all {count} positions")
