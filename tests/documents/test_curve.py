"""Curves: fixed and variable blocks, usual resolutions, days of 23 and 25 hours, no point-by-point expansion."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.support.growth import grows_at_most_linearly
from tps.documents import DocumentRefused
from tps.documents.curve import RESOLUTIONS, Block, read_blocks
from tps.domain.limit import Interval

START = datetime(2020, 4, 9, 22, tzinfo=UTC)


def make_period(
    resolution: str, end: datetime, points: list[tuple[int, str]], start: datetime = START
) -> etree._Element:
    period = etree.Element("Available_Period")
    interval = etree.SubElement(period, "timeInterval")
    etree.SubElement(interval, "start").text = start.strftime("%Y-%m-%dT%H:%MZ")
    etree.SubElement(interval, "end").text = end.strftime("%Y-%m-%dT%H:%MZ")
    etree.SubElement(period, "resolution").text = resolution
    for position, quantity in points:
        point = etree.SubElement(period, "Point")
        etree.SubElement(point, "position").text = str(position)
        etree.SubElement(point, "quantity").text = quantity
    return period


def block(start: datetime, end: datetime, power_kw: str) -> Block:
    return Block(Interval(start, end), Decimal(power_kw))


def test_a_variable_block_holds_until_the_next_position() -> None:
    hours = [START + timedelta(hours=hour) for hour in range(9)]

    blocks = read_blocks(make_period("PT60M", hours[8], [(1, "500"), (5, "250")]), "A03", "KWT")

    assert [block(hours[0], hours[4], "500"), block(hours[4], hours[8], "250")] == blocks


def test_equal_neighbours_stay_apart() -> None:
    hours = [START + timedelta(hours=hour) for hour in range(3)]

    blocks = read_blocks(make_period("PT1H", hours[2], [(1, "5"), (2, "5.0")]), "A01", "KWT")

    assert [block(hours[0], hours[1], "5"), block(hours[1], hours[2], "5")] == blocks


def test_a_minus_and_megawatts_are_read() -> None:
    end = START + timedelta(minutes=15)

    assert [block(START, end, "-1500")] == read_blocks(make_period("PT15M", end, [(1, "-1.500")]), "A03", "MAW")


@pytest.mark.parametrize(
    ("start", "quarters"), [(datetime(2020, 3, 28, 23, tzinfo=UTC), 92), (datetime(2020, 10, 24, 22, tzinfo=UTC), 100)]
)
def test_danish_days_of_23_and_25_hours_have_92_and_100_quarters(start: datetime, quarters: int) -> None:
    """UNI-DAY."""
    end = start + quarters * timedelta(minutes=15)
    points = [(position, "1") for position in range(1, quarters + 1)]

    assert quarters == len(read_blocks(make_period("PT15M", end, points, start), "A01", "KWT"))


def test_one_minute_point_for_years_is_one_block_at_no_further_cost() -> None:
    def make(days: int) -> Callable[[], object]:
        end = START + timedelta(days=days)
        period = make_period("PT1M", end, [(1, "7")])
        return lambda: [block(START, end, "7")] == read_blocks(period, "A03", "KWT") or pytest.fail("another block")

    assert grows_at_most_linearly(make, 250)


def test_a_day_does_not_divide_a_day_of_23_hours() -> None:
    with pytest.raises(DocumentRefused) as refused:
        read_blocks(make_period("P1D", START + timedelta(hours=23), [(1, "1")]), "A03", "KWT")

    assert refused.value.findings[0].code == "A41"


def test_a_year_is_as_long_as_the_calendar_says() -> None:
    new_years_eves = [datetime(year, 12, 31, 23, tzinfo=UTC) for year in (2022, 2023, 2024, 2025)]
    points = [(1, "1"), (2, "2"), (3, "3")]

    blocks = read_blocks(make_period("P1Y", new_years_eves[3], points, new_years_eves[0]), "A01", "KWT")

    assert [(int(piece.power_kw), (piece.interval.end - piece.interval.start).days) for piece in blocks] == [
        (1, 365),
        (2, 366),
        (3, 365),
    ]


def test_a_year_from_a_leap_day_ends_on_the_last_of_february() -> None:
    leap_day, end = datetime(2024, 2, 29, tzinfo=UTC), datetime(2025, 2, 28, tzinfo=UTC)

    assert [block(leap_day, end, "1")] == read_blocks(make_period("P1Y", end, [(1, "1")], leap_day), "A03", "KWT")


@pytest.mark.parametrize("end", [START + timedelta(days=1), START + timedelta(days=364), START + timedelta(days=366)])
def test_a_year_divides_nothing_but_whole_years(end: datetime) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read_blocks(make_period("P1Y", end, [(1, "1")]), "A03", "KWT")

    assert refused.value.findings[0].code == "A41"


@given(
    resolution=st.sampled_from(sorted(RESOLUTIONS)),
    count=st.integers(1, 200),
    data=st.data(),
)
def test_blocks_are_without_gap_and_keep_the_energy_of_the_points(
    resolution: str, count: int, data: st.DataObject
) -> None:
    end = START + count * RESOLUTIONS[resolution]
    later = data.draw(st.sets(st.integers(1, count), max_size=8))
    watts = {position: data.draw(st.integers(-(10**12), 10**12)) for position in sorted({1, *later})}
    points = [(position, f"{Decimal(power) / 1000:f}") for position, power in watts.items()]

    blocks = read_blocks(make_period(resolution, end, points), "A03", "KWT")

    assert (START, end) == (blocks[0].interval.start, blocks[-1].interval.end)
    assert [piece.interval.end for piece in blocks[:-1]] == [piece.interval.start for piece in blocks[1:]]
    assert [Decimal(power) / 1000 for power in watts.values()] == [piece.power_kw for piece in blocks]
    assert sorted(watts) == [(piece.interval.start - START) // RESOLUTIONS[resolution] + 1 for piece in blocks]
