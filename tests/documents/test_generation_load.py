"""Schedules in GL documents: round trips, faulty series beside good series, and the energy of real curves."""

import re
from calendar import isleap
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents.oracle import ORACLE, files
from tests.samples import CHP, HEAT_PUMP, SAMPLES, make_schedule, make_schedule_document, minute
from tests.support.growth import grows_at_most_linearly
from tps.documents import DocumentRefused, InvalidDocument, ScheduleDocument, decode, encode, xml
from tps.documents.curve import read_blocks
from tps.documents.generation_load import series_ids
from tps.domain.limit import Interval
from tps.domain.schedule import RESOLUTIONS, Schedule, schedule_of

DAY = make_schedule_document().period
BOTH = make_schedule_document(make_schedule(CHP, "500", "400"), make_schedule(HEAT_PUMP, "-7", "-8"))
powers_kw = st.integers(-(10**12), 10**12).map(lambda watts: Decimal(watts) / 1000)
asset_ids = st.from_regex(r"NDK:[a-zæøå0-9<&>\"'\-]{1,60}", fullmatch=True)


@st.composite
def documents(draw: st.DrawFn) -> ScheduleDocument:
    """Draw a document with planned assets, assets with gaps, and cancelled assets."""
    ids = sorted(draw(st.sets(asset_ids, min_size=1, max_size=4)))
    planned = {asset_id for asset_id in ids if draw(st.booleans())}
    plans = [schedule for asset_id in ids if asset_id in planned for schedule in draw(plans_of(asset_id))]
    cancelled = tuple(asset_id for asset_id in ids if asset_id not in planned)
    return make_schedule_document(
        *plans,
        period=Interval(DAY.start, DAY.start + timedelta(days=30)),
        revision=draw(st.integers(1, 999)),
        cancelled_asset_ids=cancelled,
    )


@st.composite
def plans_of(draw: st.DrawFn, asset_id: str) -> list[Schedule]:
    """Draw consecutive schedules of an asset, some with a gap between them."""
    plans: list[Schedule] = []
    start = DAY.start
    for _ in range(draw(st.integers(1, 3))):
        start += timedelta(minutes=draw(st.integers(0, 90)))
        powers = draw(st.lists(powers_kw | st.sampled_from([Decimal(0), Decimal(5)]), min_size=1, max_size=20))
        plans.append(schedule_of(asset_id, start, draw(st.sampled_from(list(RESOLUTIONS))), powers))
        start = plans[-1].period.end
    return plans


@given(documents())
def test_any_schedules_are_the_same_after_a_round_trip(document: ScheduleDocument) -> None:
    read = decode(encode(document))

    assert document == read
    assert isinstance(read, ScheduleDocument)
    assert not read.refused
    assert series_ids(document) == series_ids(read)


def test_schedules_are_written_by_asset_and_time_whatever_order_they_have() -> None:
    gap = SAMPLES["schedule with a gap"]
    assert isinstance(gap, ScheduleDocument)

    assert encode(gap) == encode(replace(gap, schedules=gap.schedules[::-1]))


def test_a_power_that_lasts_is_written_once() -> None:
    content = encode(make_schedule_document(make_schedule(CHP, *["5"] * 48, *["0"] * 48, resolution="PT15M")))

    assert re.findall(rb"<position>(\d+)<", content) == [b"1", b"49"]


def in_blocks_of_a01(content: bytes) -> bytes:
    """Return the document with one point per hour in the first series."""
    point = b"<Point><position>%d</position><quantity>%d</quantity></Point>"
    start, end = content.index(b"<Point>"), content.index(b"</Period>")
    points = b"".join(point % (position, 500 if position == 1 else 400) for position in range(1, 3))
    return content[:start] + points + content[end:]


def changed(*changes: tuple[bytes, bytes], count: int = 1) -> Callable[[bytes], bytes]:
    """Return a function that replaces each first text by the second, `count` times. The first text must occur."""

    def change(content: bytes) -> bytes:
        for old, new in changes:
            assert old in content
            content = content.replace(old, new, count)
        return content

    return change


SAME = {
    "curve A01": lambda content: changed((b"A03</curveType>", b"A01</curveType>"))(in_blocks_of_a01(content)),
    "an hour": changed((b">PT60M<", b">PT1H<"), count=2),
    "megawatts": changed((b">KWT<", b">MAW<"), (b">500<", b">0.5<"), (b">400<", b">0.4<")),
    "repeated values": changed(
        (b">PT60M<", b">PT30M<"),
        (b"<position>2<", b"<position>3<"),
        (b"<Point>", b"<Point><position>1</position><quantity>500.0</quantity></Point><Point>"),
        (b"<position>1</position>\n", b"<position>2</position>\n"),
    ),
    "not cancelled": changed((b"</curveType>", b"</curveType><cancelledTS>A02</cancelledTS>")),
}


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in SAME.items()])
def test_the_same_plan_is_read_in_other_words(change: Callable[[bytes], bytes]) -> None:
    read = decode(change(encode(BOTH)))

    assert isinstance(read, ScheduleDocument)
    assert not read.refused
    assert _hourly(BOTH) == _hourly(read)


FIRST_POINT = b"<position>1</position>\n        <quantity>500</quantity>\n      </Point>"
SERIES_FAULTS = {
    "production by business type": ("A62", changed((b">A07<", b">A01<"))),
    "a curve with holes": ("A49", changed((b">A03</curveType>", b">A01</curveType>"), (FIRST_POINT, FIRST_POINT
                           + b"<Point><position>1</position><quantity>5</quantity></Point>"))),
    "a position outside": ("A49", changed((b"<position>2<", b"<position>3<"))),
    "the first position missing": ("A49", changed((b"<position>1<", b"<position>2<"))),
    "a resolution of a day": ("A41", changed((b">PT60M<", b">P1D<"))),
    "a resolution that does not divide": ("A41", changed((b"10T00:00Z</end>", b"09T23:30Z</end>"))),
    "finer than a watt": ("A42", changed((b">500<", b">500.0001<"))),
    "too many digits": ("A42", changed((b">500<", b">" + b"5" * 30 + b"<"))),
    "neither planned nor cancelled": ("A69", lambda xml: re.sub(rb"(?s)<Period>.*?</Period>", b"", xml, count=1)),
    "planned and cancelled": ("A59", changed((b"</curveType>", b"</curveType><cancelledTS>A01</cancelledTS>"))),
    "a wrong check digit": ("A64", changed((b">571313190000000011<", b">571313190000000012<"))),
    "outside the document's period": ("A04", changed((b"09T22:00Z</start>\n        <end>2020-04-10T00", b"09T21:00Z"
                                      b"</start>\n        <end>2020-04-10T00"))),
    "an end before the start": ("A04", changed((b"10T00:00Z</end>", b"08T00:00Z</end>"))),
}  # fmt: skip


@pytest.mark.parametrize(("code", "change"), [pytest.param(*fault, id=name) for name, fault in SERIES_FAULTS.items()])
def test_a_bad_series_is_named_and_the_others_stand(code: str, change: Callable[[bytes], bytes]) -> None:
    read = decode(change(encode(BOTH)))

    assert isinstance(read, ScheduleDocument)
    assert {code} == {finding.code for finding in read.refused}
    assert {"1"} == {read.read_series_ids[str(finding.subject)] for finding in read.refused}
    assert BOTH.schedules[1:] == read.schedules


@pytest.mark.parametrize(("code", "change"), [pytest.param(*fault, id=name) for name, fault in SERIES_FAULTS.items()])
def test_a_document_of_nothing_but_bad_series_is_refused(code: str, change: Callable[[bytes], bytes]) -> None:
    alone = replace(BOTH, schedules=BOTH.schedules[:1])

    with pytest.raises(DocumentRefused) as refused:
        decode(change(encode(alone)))

    assert [code] == [finding.code for finding in refused.value.findings]
    assert refused.value.received is not None


DOCUMENT_FAULTS = {
    "what was metered": ("A79", changed((b">A17<", b">A16<"))),
    "a DSO plans": ("A78", changed((b">A52</sender", b">A50</sender"))),
    "a DSO gets it at once": ("A53", changed((b">A39</receiver", b">A50</receiver"))),
    "two series of one id": ("A55", changed((b"<mRID>2</mRID>", b"<mRID>1</mRID>"))),
    "one asset in all series": ("A55", changed((HEAT_PUMP.encode(), CHP.encode()))),
    "an end before the start": ("A04", changed((b"<end>2020-04-10T22", b"<end>2020-04-09T22"))),
    "another version": ("A94", changed((b"generationloaddocument:3:1", b"generationloaddocument:3:0"))),
    "a price": ("A94", changed((b">A67<", b">A44<"))),
}


@pytest.mark.parametrize(("code", "change"), [pytest.param(*fault, id=name) for name, fault in DOCUMENT_FAULTS.items()])
def test_a_document_that_makes_no_sense_is_refused_whole(code: str, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DocumentRefused) as refused:
        decode(change(encode(BOTH)))

    assert {code} == {finding.code for finding in refused.value.findings}


CANCELLED_FAULTS = {
    "an end before the start": ("A04", changed((b"<end>2020-04-10T22", b"<end>2020-04-09T22"))),
    "a wrong check digit": ("A64", changed((b">571313190000000028<", b">571313190000000027<"))),
}


@pytest.mark.parametrize(("code", "change"), [pytest.param(*case, id=name) for name, case in CANCELLED_FAULTS.items()])
def test_a_cancellation_is_held_to_the_rules_as_well(code: str, change: Callable[[bytes], bytes]) -> None:
    cancelled = make_schedule_document(cancelled_asset_ids=(HEAT_PUMP,))

    with pytest.raises(DocumentRefused) as refused:
        decode(change(encode(cancelled)))

    assert [code] == [finding.code for finding in refused.value.findings]


def test_periods_of_a_series_are_read_in_any_order() -> None:
    gap = make_schedule_document(make_schedule(CHP, "1"), make_schedule(CHP, "2", start=9))
    first, second = re.findall(rb"(?s)<Period>.*?</Period>", encode(gap))

    read = decode(encode(gap).replace(first, b"!").replace(second, first).replace(b"!", second))

    assert gap == read


WRONG = {
    "no series": make_schedule_document(),
    "an empty period": replace(BOTH, period=Interval(DAY.start, DAY.start)),
    "a period beside the schedules": replace(BOTH, period=Interval(minute(6), minute(22))),
    "planned and cancelled": replace(BOTH, cancelled_asset_ids=(CHP,)),
    "one time twice": replace(BOTH, schedules=BOTH.schedules * 2),
    "a process of meters": replace(BOTH, process="A16"),
    "finer than a watt": make_schedule_document(make_schedule(CHP, "0.0001")),
    "an unknown resolution": replace(BOTH, schedules=(replace(BOTH.schedules[0], resolution="PT20M"),)),
}


@pytest.mark.parametrize("document", [pytest.param(document, id=name) for name, document in WRONG.items()])
def test_what_no_receiver_would_accept_does_not_get_out(document: ScheduleDocument) -> None:
    with pytest.raises(InvalidDocument):
        encode(document)


def test_minutes_of_a_thousand_series_take_no_room_however_many_they_are() -> None:
    """Half a megabyte describes half a billion minutes. A decoder that expands them runs out of memory."""

    def make(days: int) -> Callable[[], object]:
        period = Interval(DAY.start, DAY.start + timedelta(days=days))
        minutes = int((period.end - period.start) / timedelta(minutes=1))
        plans = (
            Schedule(f"NDK:{number:04d}", period.start, "PT1M", minutes, (0,), (Decimal(1),)) for number in range(1000)
        )
        document = make_schedule_document(*plans, period=period)
        return lambda: read_back(document)

    assert grows_at_most_linearly(make, 91)


def test_a_day_of_quarters_of_2000_assets_takes_linear_time() -> None:
    """192,000 powers in 20 MB. The measured time is one second per direction."""
    powers = [Decimal(number) / 1000 for number in range(96)]

    def make(count: int) -> Callable[[], object]:
        plans = (schedule_of(f"NDK:{number:04d}", DAY.start, "PT15M", powers) for number in range(count))
        document = make_schedule_document(*plans)
        return lambda: read_back(document)

    assert grows_at_most_linearly(make, 125)


def read_back(document: ScheduleDocument) -> None:
    assert document == decode(encode(document))


def real_documents() -> list[Any]:
    """Return the GL documents among the documents of the transparency platform."""
    return [
        parameter
        for parameter in files(ORACLE / "transparency", "*.xml")
        if not parameter.values[0].is_file() or b"<GL_MarketDocument" in parameter.values[0].read_bytes()
    ]


def test_there_are_eleven_real_documents() -> None:
    if not (ORACLE / "transparency").is_dir():
        pytest.skip("no transparency: oracle absent")

    assert len(real_documents()) == 11


@pytest.mark.parametrize("path", real_documents())
def test_the_blocks_of_a_real_document_add_up_to_what_its_points_do_one_by_one(path: Path) -> None:
    root = xml.parse(_nested(path.read_bytes()))

    total = sum(
        block.power_kw * _hours(block.interval.end - block.interval.start)
        for series in xml.repeated(root, "TimeSeries")
        for period in xml.repeated(series, "Period")
        for block in read_blocks(period, *_curve_and_unit(series))
    )

    assert _expected_total(path) == total
    assert total


@pytest.mark.parametrize("path", real_documents())
def test_a_real_document_is_refused_by_name_even_in_our_version(path: Path) -> None:
    content = path.read_bytes().replace(b"generationloaddocument:3:0", b"generationloaddocument:3:1")

    with pytest.raises(DocumentRefused) as refused:
        decode(content)

    assert [finding.code for finding in refused.value.findings] == ["A94"]
    assert "type" in refused.value.detail


def _hourly(document: ScheduleDocument) -> list[tuple[str, datetime, datetime, Decimal]]:
    """Return asset, period and energy of each schedule."""
    return [
        (
            schedule.asset_id,
            schedule.period.start,
            schedule.period.end,
            sum(schedule.power_kw, Decimal(0)) * _hours(schedule.step),
        )
        for schedule in document.schedules
    ]


def _hours(length: timedelta) -> Decimal:
    return Decimal(length // timedelta(minutes=1)) / 60


def _curve_and_unit(series: Any) -> tuple[str, str]:
    fields = xml.children(series)
    return xml.text(fields["curveType"]), xml.text(fields["quantity_Measure_Unit.name"])


def _nested(content: bytes) -> bytes:
    """Repair a real document that has `timeInterval.start`, an element that no schema contains."""
    start, end = (rb"<timeInterval\.%b>([^<]{16}):00Z</timeInterval\.%b>" % (side, side) for side in (b"start", b"end"))
    return re.sub(start + rb"\s*" + end, rb"<timeInterval><start>\1Z</start><end>\2Z</end></timeInterval>", content)


def _expected_total(path: Path) -> Decimal:
    """Compute the energy with another parser, interval by interval. Each interval has the last stated value."""
    root = ElementTree.fromstring(_nested(path.read_bytes()))
    total = Decimal(0)
    for series in root.findall("{*}TimeSeries"):
        factor = 1000 if series.findtext("{*}quantity_Measure_Unit.name") == "MAW" else 1
        total += factor * sum(_energy(period) for period in series.findall("{*}Period"))
    return total


def _energy(period: ElementTree.Element) -> Decimal:
    start, end = (_moment(period.findtext(f"{{*}}timeInterval/{{*}}{side}")) for side in ("start", "end"))
    values = {
        point.findtext("{*}position"): Decimal(str(point.findtext("{*}quantity")))
        for point in period.findall("{*}Point")
    }
    energy, value, position, now = Decimal(0), Decimal("NaN"), 1, start
    while now < end:
        value = values.get(str(position), value)
        step = _step(str(period.findtext("{*}resolution")), now)
        energy += value * _hours(step)
        now, position = now + step, position + 1
    assert now == end
    return energy


def _moment(value: str | None) -> datetime:
    return datetime.strptime(str(value), "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)


def _step(resolution: str, now: datetime) -> timedelta:
    if resolution == "P1Y":
        return timedelta(days=366 if isleap((now + timedelta(days=1)).year) else 365)
    days, minutes = re.fullmatch(r"P(?:(\d+)D)?(?:T(\d+)M)?", resolution).groups()  # type: ignore[union-attr]
    return timedelta(days=int(days or 0), minutes=int(minutes or 0))
