"""The cost of a refusal: CPU time and memory grow at most linearly with the document, for any content."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.samples import SAMPLES
from tps.documents import DocumentRefused, decode, encode
from tps.documents.unavailability import LimitDocument
from tps.documents.xml import MAX_ATTRIBUTES, MAX_BYTES
from tps.domain.limit import MAX_INTERVALS, AvailablePower, ForeseenLimit, Interval, check_foreseen

GOOD = encode(SAMPLES["foreseen limit"])
POINT = re.compile(rb"<Point>.*?</Point>", re.DOTALL)
BAD_POINT = b"<Point><position>x</position><quantity>y</quantity></Point>"
# One clock tick and the noise of a busy machine.
NOISE_S = 0.05


def names(pattern: bytes, count: int) -> bytes:
    return b"".join(pattern.replace(b"N", b"%d" % number) for number in range(count))


def on_one_element(pattern: bytes) -> Callable[[int], bytes]:
    return lambda count: GOOD.replace(b"<docStatus", b"<docStatus" + names(pattern, count), 1)


def crowded_points(count: int) -> bytes:
    point = b"<Point" + names(b' aN=""', MAX_ATTRIBUTES) + b"><position>1</position><quantity>5</quantity></Point>"
    return POINT.sub(lambda _: point * (count // MAX_ATTRIBUTES), GOOD)


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "attributes": on_one_element(b' aN=""'),
    "attributes in single quotes": on_one_element(b" aN = 'x>y'"),
    "namespaces": on_one_element(b' xmlns:aN="urn:N"'),
    "attributes of many elements": crowded_points,
    "bad points": lambda count: POINT.sub(lambda _: BAD_POINT * count, GOOD),
    "a long code": lambda count: GOOD.replace(b"571313190000000011", b"a b" * count + b" ", 1),
    "a long number": lambda count: GOOD.replace(b"<position>1", b"<position>" + b"0" * count + b"x", 1),
}


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in HOSTILE.items()])
def test_a_refusal_takes_time_that_grows_no_faster_than_the_document(make: Callable[[int], bytes]) -> None:
    few, many = (best_cpu_s(make(count)) for count in (1_500, 6_000))

    assert many < 8 * few + NOISE_S


def best_cpu_s(content: bytes) -> float:
    took_s = []
    for _ in range(3):
        began = time.process_time()
        with pytest.raises(DocumentRefused):
            decode(content)
        took_s.append(time.process_time() - began)
    return min(took_s)


@pytest.mark.parametrize("pattern", [b' aN=""', b" aN = 'x>y'", b' xmlns:aN="urn:N"'])
def test_an_element_with_too_many_attributes_is_refused_before_it_is_validated(pattern: bytes) -> None:
    with pytest.raises(DocumentRefused, match=f"more than {MAX_ATTRIBUTES} attributes"):
        decode(on_one_element(pattern)(MAX_ATTRIBUTES + 1))


def test_text_that_looks_like_attributes_is_no_attribute() -> None:
    text = b'a="1" ' * (MAX_ATTRIBUTES + 1)
    content = GOOD.replace(b"<code>B19</code>", b"<code>B19</code><text>" + text + b"</text>", 1)

    with pytest.raises(DocumentRefused) as refused:
        decode(GOOD.replace(b"<mRID>1<", b"<mRID>" + text + b"<", 1))

    assert "attributes" not in refused.value.detail
    assert decode(content)


def test_a_large_document_is_refused_with_element_and_rule() -> None:
    with pytest.raises(DocumentRefused) as refused:
        decode(HOSTILE["bad points"](6_000))

    assert "'position'" in refused.value.detail
    assert "{urn" not in refused.value.detail


def limit_of(count: int, gap: timedelta) -> LimitDocument:
    document = SAMPLES["foreseen limit"]
    assert isinstance(document, LimitDocument)
    step, start = timedelta(minutes=15), document.period.start
    starts = [start + index * (step + gap) for index in range(count)]
    available = tuple(AvailablePower(Interval(one, one + step), Decimal(500)) for one in starts)
    limit = replace(document.limit, available=available)
    return replace(document, limit=limit, period=limit.period)


@pytest.mark.parametrize("gap", [timedelta(), timedelta(minutes=1)])
def test_the_largest_limit_is_encoded_and_read_back(gap: timedelta) -> None:
    document = limit_of(MAX_INTERVALS, gap)

    content = encode(document)

    assert decode(content) == document
    assert len(content) < MAX_BYTES / 5
    assert content.count(b"<Available_Period>") == (MAX_INTERVALS if gap else 1)


def test_a_limit_of_more_intervals_than_operators_can_take_is_refused_in_both_forms() -> None:
    document = limit_of(MAX_INTERVALS + 1, timedelta())

    with pytest.raises(DocumentRefused) as refused:
        decode(encode(document))

    assert isinstance(document.limit, ForeseenLimit)
    found = check_foreseen(document.limit, document.period.start)
    assert [finding.code for finding in (*refused.value.findings, *found)] == ["A59", "A59"]
    assert found[0].pointer == "/available"
