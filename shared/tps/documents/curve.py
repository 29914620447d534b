"""Curves of IEC 62325-451: a period with a resolution and points, read as intervals without point-by-point expansion.

Curve A01: fixed blocks, every position present. Curve A03: variable blocks, a point holds until the next position.
The first position is always 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from tps.documents.errors import refusal
from tps.documents.xml import Element, children, read_interval, read_power_kw, repeated, text
from tps.domain.limit import Interval

FIXED_BLOCKS = "A01"
VARIABLE_BLOCKS = "A03"
RESOLUTIONS = {
    "PT1M": timedelta(minutes=1),
    "PT5M": timedelta(minutes=5),
    "PT10M": timedelta(minutes=10),
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT60M": timedelta(hours=1),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
    "P7D": timedelta(days=7),
}
"""A day is 24 hours here: P1D does not divide a local day of 23 or 25 hours, and is refused there (A41)."""


@dataclass(frozen=True, slots=True)
class Block:
    """The same power, in kW and with the document's sign, throughout `interval`."""

    interval: Interval
    power_kw: Decimal


def read_blocks(period: Element, curve_type: str, unit: str) -> list[Block]:
    """The blocks of one period, in order and without gap; equal neighbours are not merged.

    Args:
        period: With `timeInterval`, `resolution` and `Point`s; schema-valid.
        curve_type: A01 or A03.
        unit: KWT or MAW.

    Raises:
        DocumentRefused: A04 (end not after start), A41 (the resolution does not divide the period), A49 (positions),
            A42 (a quantity with more digits than a power has); the sender must correct it.
    """
    fields = children(period)
    interval = read_interval(fields["timeInterval"])
    resolution = RESOLUTIONS[text(fields["resolution"])]
    count = _count(interval, resolution)
    points = list(_read_points(period, unit))
    positions = [position for position, _ in points]
    _check_positions(positions, count, curve_type)
    starts = [interval.start + (position - 1) * resolution for position in positions]
    ends = [*starts[1:], interval.end]
    return [
        Block(Interval(start, end), power_kw) for start, end, (_, power_kw) in zip(starts, ends, points, strict=True)
    ]


def _count(interval: Interval, resolution: timedelta) -> int:
    if interval.end <= interval.start:
        raise refusal("A04", "the end of a period is not after its start")
    count, rest = divmod(interval.end - interval.start, resolution)
    if rest:
        raise refusal("A41", "the resolution does not divide the period without rest")
    return count


def _read_points(period: Element, unit: str) -> Iterator[tuple[int, Decimal]]:
    for point in repeated(period, "Point"):
        position, quantity = point
        power_kw = read_power_kw(text(quantity), unit)
        if power_kw is None:
            raise refusal("A42", "a quantity with more digits than a power has")
        yield int(text(position)), power_kw


def _check_positions(positions: list[int], count: int, curve_type: str) -> None:
    if positions[0] != 1:
        raise refusal("A49", "the first position is not 1")
    if any(after <= before for before, after in pairwise(positions)):
        raise refusal("A49", "positions do not ascend")
    if positions[-1] > count:
        raise refusal("A49", f"position {positions[-1]} is outside the period, which has {count}")
    if curve_type == FIXED_BLOCKS and len(positions) != count:
        raise refusal("A49", f"curve A01 needs all {count} positions")
