"""Values from strangers at the MADES door: whatever a field holds, the only error is a refusal."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from tests.mades.builders import make_acknowledgement, make_message, make_sealed
from tests.mades.test_directory_xml import make_listed, make_listing
from tps.errors import Malformed, MessageRefused
from tps.mades import directory_xml, web_service, wire
from tps.mades.envelope import Envelope

VALUES: list[Any] = [
    10**30, -(10**30), 2**63, 10**4_299, 1.5, float("inf"), float("nan"), True, None, [], {}, [[]], {"a": {}}, "",
    "0" * 5_000, "9" * 5_000, "\u0661", "\ud800", "\0", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-06-30T23:59:60Z",
]  # fmt: skip
TEXTS = [value for value in VALUES if isinstance(value, str) and value.isprintable() and "\ud800" not in value]
MESSAGE = json.loads(wire.write_message(make_message()))
ACKNOWLEDGEMENT = json.loads(wire.write_acknowledgement(make_acknowledgement()))
ENVELOPE = json.loads(make_sealed().to_bytes()) | {"detached": {"name": "a" * 32, "chunks": 1, "size": 1, "sha256": ""}}


@given(st.sampled_from(sorted(MESSAGE)), st.sampled_from(VALUES))
def test_a_message_is_read_or_refused(name: str, value: Any) -> None:
    with suppress(MessageRefused):
        wire.read_message(json.dumps(MESSAGE | {name: value}).encode())


@given(st.sampled_from(sorted(ACKNOWLEDGEMENT)), st.sampled_from(VALUES), st.booleans())
def test_an_acknowledgement_is_read_or_refused(name: str, value: Any, is_inside: bool) -> None:
    inside = {"messages": [ACKNOWLEDGEMENT["messages"][0] | {"at" if name == "kind" else "detail": value}]}
    changes = inside if is_inside else {name: value}

    with suppress(MessageRefused):
        wire.read_acknowledgement(json.dumps(ACKNOWLEDGEMENT | changes).encode())


@given(st.sampled_from(sorted(ENVELOPE["detached"])), st.sampled_from(VALUES))
def test_an_envelope_is_read_or_refused(name: str, value: Any) -> None:
    detached = {key: field for key, field in ENVELOPE.items() if key != "content"}

    with suppress(MessageRefused):
        Envelope.from_bytes(json.dumps(detached | {"detached": ENVELOPE["detached"] | {name: value}}).encode())


@given(st.data())
@example(None)
def test_a_list_of_components_is_read_or_refused(data: st.DataObject | None) -> None:
    root = etree.fromstring(directory_xml.write_listing(make_listing(make_listed())).encode())
    leaves = [element for element in root.iter() if len(element) == 0]
    if data is not None:
        data.draw(st.sampled_from(leaves)).text = data.draw(st.sampled_from(TEXTS))

    with suppress(Malformed):
        directory_xml.read_listing(etree.tostring(root))


@pytest.mark.parametrize("number", ["9" * 18, "0" * 4_301, "9" * 19, "-1", "\u0661"])
def test_a_number_of_a_list_is_read_or_refused(number: str) -> None:
    text = directory_xml.write_listing(make_listing(make_listed()))
    before, _, after = text.partition("<ttl>")

    with suppress(Malformed):
        directory_xml.read_listing(f"{before}<ttl>{number}{after[after.index('<') :]}".encode())


@pytest.mark.parametrize("content", ["====", "A", "\u0661", "0" * 5_001, "a=b"])
def test_a_content_of_the_web_service_is_read_or_refused(content: str) -> None:
    body = f"""<s:Envelope xmlns:s="{web_service.SOAP}"><s:Body><m:SendMessageRequest xmlns:m="{web_service.MADES}">
        <message><content>{content}</content></message></m:SendMessageRequest></s:Body></s:Envelope>"""

    with pytest.raises(Malformed):
        web_service.read_request(body.encode())
