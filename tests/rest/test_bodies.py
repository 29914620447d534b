"""JSON bodies: accepted values, and errors that name the field (docs/rest.md, "Errors")."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tps.api.bodies import MAX_ITEMS, Body, parse_json, pointer_of, read_body
from tps.api.types import (
    AssetsBody,
    IdsBody,
    PointsBody,
    UnforeseenBody,
    minute_after,
    moment_json,
    number_json,
    read_moment,
)
from tps.errors import Malformed, TooLarge
from tps.rest.json_text import to_json

ASSET = "571313190000000011"


def one_asset(**fields: Any) -> bytes:
    return json.dumps({"assets": [{"id": ASSET, "connection_point_id": "T17"} | fields]}).encode()


@given(st.decimals(-(10**9), 10**9, places=3))
def test_three_decimals_survive_the_wire_exactly(power_kw: Decimal) -> None:
    """UNI-PWR: a float represents 10^9 kW exactly to the watt, and prints it so."""
    text = json.dumps(number_json(power_kw))

    assert Decimal(text) == power_kw
    assert json.loads(to_json({"power_kw": power_kw}), parse_float=Decimal)["power_kw"] == power_kw


@pytest.mark.parametrize("text", ["1.1", "1.10", "11e-1", "0.11E1"])
def test_a_power_is_read_exactly_however_it_is_written(text: str) -> None:
    body = read_body(AssetsBody, one_asset(max_production_kw=4711).replace(b"4711", text.encode()))

    assert body.assets[0].to_domain().max_production_kw == Decimal("1.1")


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", ["1E+999999999", "-1e999999999999", "1E-999999999", "9" * 4000])
def test_an_absurd_power_costs_nothing(text: str) -> None:
    body = read_body(AssetsBody, one_asset(max_production_kw=4711).replace(b"4711", text.encode()))

    power_kw = body.assets[0].to_domain().max_production_kw

    assert power_kw == Decimal(text)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_is_read_at_any_offset_and_written_in_utc(moment: datetime, offset_min: int) -> None:
    """UNI-TIN: moments have any offset in requests, and UTC in answers."""
    local = moment.replace(tzinfo=timezone(timedelta(minutes=offset_min)))

    read = read_moment(local.isoformat())

    assert read == local
    assert read.tzinfo is UTC
    assert moment_json(read).endswith("Z")
    assert read_moment(moment_json(read)) == read


@pytest.mark.parametrize(
    "text",
    ["2026-04-10", "2026-04-10T08:00:00", "20260410T080000Z", "2026-W15-5T08:00Z", "2026-04-10T24:00:01Z",
     "2026-04-10T08:00:00+25:00", "1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z", "\uff12026-04-10T08:00:00Z", ""],
)  # fmt: skip
def test_what_is_no_moment_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        read_moment(text)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_moment_is_rounded_up_to_the_next_whole_minute(moment: datetime) -> None:
    rounded = minute_after(moment)

    assert timedelta() <= rounded - moment < timedelta(minutes=1)
    assert (rounded.second, rounded.microsecond) == (0, 0)


def test_an_emergency_begins_with_the_minute_it_is_sent_in() -> None:
    body = read_body(
        UnforeseenBody,
        json.dumps({"asset_ids": [ASSET], "action": "stop", "expected_end": "2099-01-01T00:00Z"}).encode(),
    )

    limit = body.to_domain(datetime(2026, 4, 10, 8, 0, 59, 999_999, tzinfo=UTC))

    assert limit.period.start == datetime(2026, 4, 10, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "pointer"),
    [((), ""), (("assets", 3, "id"), "/assets/3/id"), (("a/b", "c~d"), "/a~1b/c~0d")],
)
def test_pointers_are_those_of_rfc_6901(place: tuple[str | int, ...], pointer: str) -> None:
    assert pointer_of(place) == pointer


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"max_production_kw": "600"}, ["bad_type"]),
        ({"max_production_kw": True}, ["bad_type"]),
        ({"colour": "red", "kind": "reactor"}, ["bad_type", "unknown_field"]),
        ({"id": ""}, ["bad_type"]),
        ({"id": " 1"}, ["bad_type"]),
        ({"id": "1\n"}, ["bad_type"]),
        ({"id": None}, ["bad_type"]),
    ],
)
def test_each_bad_field_is_named(fields: dict[str, Any], codes: list[str]) -> None:
    with pytest.raises(Malformed) as caught:
        read_body(AssetsBody, one_asset(**fields))

    assert sorted(finding.code for finding in caught.value.findings) == codes
    assert {finding.pointer for finding in caught.value.findings} == {f"/assets/0/{name}" for name in fields}
    assert not [finding for finding in caught.value.findings if "Value error" in finding.detail]


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(Malformed):
        parse_json(raw)


def malformed(model: type[Body], raw: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read_body(model, raw)
    return caught.value


@pytest.mark.parametrize("item", [b"1", b'"x"', b"{}", b"[]"])
def test_validation_stops_after_100_errors(item: bytes) -> None:
    error = malformed(AssetsBody, b'{"assets": [' + b",".join([item] * 40_000) + b"]}")

    assert len(error.findings) == 100


def test_fewer_errors_than_100_are_all_named_and_counted() -> None:
    items = [b"1"] * 99 + [b'{"id": "a", "connection_point_id": "b"}'] * 50

    error = malformed(AssetsBody, b'{"assets": [' + b",".join(items) + b"]}")

    assert [finding.pointer for finding in error.findings] == [f"/assets/{index}" for index in range(99)]


def test_errors_of_inner_lists_count_once() -> None:
    point = b'{"id": "a", "sections": [' + b",".join([b"1"] * 10) + b"]}"

    error = malformed(PointsBody, b'{"connection_points": [' + b",".join([point] * 40) + b"]}")

    assert len(error.findings) == 100
    assert error.findings[-1].pointer == "/connection_points/9/sections/9"


def test_more_entries_than_allowed_are_refused() -> None:
    error = malformed(IdsBody, b'{"ids": [' + b",".join([b'"a"'] * (MAX_ITEMS + 1)) + b"]}")

    assert [(finding.pointer, finding.code) for finding in error.findings] == [("/ids", "too_many")]


def test_an_object_of_countless_fields_is_refused() -> None:
    names = b",".join(b'"a%d": 1' % number for number in range(10_000))

    error = malformed(AssetsBody, b'{"assets": [{' + names + b"}]}")

    assert [finding.code for finding in error.findings] == ["unknown_field"]


def test_a_body_of_countless_lists_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge) as caught:
        read_body(AssetsBody, b'{"assets": [' + b",".join([b"[]"] * 300_000) + b"]}")

    assert [finding.code for finding in caught.value.findings] == ["too_large"]


@pytest.mark.parametrize("item", [b"1", b"{}", b'{"id": 1, "name": 2, "colour": 3}'])
def test_a_refused_body_takes_memory_in_proportion_to_its_size(item: bytes) -> None:
    """Each error object of pydantic takes more than one kilobyte."""
    raw = b'{"assets": [' + b",".join([item] * 40_000) + b"]}"
    tracemalloc.start()
    try:
        malformed(AssetsBody, raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 20 * len(raw) + 2_000_000
