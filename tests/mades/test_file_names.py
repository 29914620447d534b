"""Names of message files (FSSF): strict parsing, and names that can always be parsed again."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mades.builders import OPERATOR, PLATFORM
from tps.errors import Malformed
from tps.mades.file_names import (
    MAXIMUM_BYTES,
    OutgoingName,
    conversation_of,
    incoming_name,
    read_outgoing,
    safe_name,
)

ID = "0123456789abcdef0123456789abcdef"


def make_incoming(**changes: str | None) -> str:
    """Return the name of a received file."""
    values = {"sender_application": "TPS", "sender": PLATFORM, "type": "TPS-POINT-ACK", "ba_message_id": "a-1"}
    return incoming_name(**{**values, **changes}, message_id=ID, content=b"<x/>")  # type: ignore[arg-type]


def test_a_name_tells_application_receiver_type_and_id() -> None:
    name = f"SCADA 2_{PLATFORM}_TPS-POINT_job.7 (again).xml"

    assert read_outgoing(name) == OutgoingName("SCADA 2", PLATFORM, "TPS-POINT", "job.7 (again)")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "x.xml",
        f"S_{PLATFORM}_TPS-POINT.xml",
        f"S_{PLATFORM}_TPS-POINT_1_2.xml",
        f"_{PLATFORM}_TPS-POINT_1.xml",
        f"S__{PLATFORM}_TPS-POINT_1.xml",
        f"S_{PLATFORM}_TPS-POINT_.xml",
        f"S_{PLATFORM}_TPS-POINT_ .xml",
        f"S_{PLATFORM}_TPS-POINT_1",
        f"S_{PLATFORM}_TPS-POINT_1.",
        f"S_{PLATFORM}_TPS-POINT_1.x ml",
        f"S_{PLATFORM}_TPS-POINT_1..xml",
        f"S_{PLATFORM}_../../x_1.xml",
        f".S_{PLATFORM}_TPS-POINT_1.xml",
        f"S_{PLATFORM}_TPS-POINT_1\n.xml",
        f"S_{PLATFORM}_TPS-POINT_1\x00.xml",
        f"S_{PLATFORM}_TPS-POINT_\udcff.xml",
        f"S_{PLATFORM}_TPS-POINT_\u202e1.xml",
        f"S_{PLATFORM}_TPS.POINT_1.xml",
        f"S_5790 0000_TPS-POINT_1.xml",  # noqa: F541
        f"{'S' * 61}_{PLATFORM}_TPS-POINT_1.xml",
        f"S_{PLATFORM}_TPS-POINT_{'1' * 200}.xml",
        f"S_{PLATFORM}_TPS-POINT_{'ø' * 100}.xml",
    ],
)
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_outgoing(name)

    assert refused.value.findings[0].code == "bad_name"


def test_a_received_file_is_named_by_who_sent_what() -> None:
    assert make_incoming() == f"TPS_{PLATFORM}_TPS-POINT-ACK_a-1_{ID}.xml"


@pytest.mark.parametrize(
    ("given_id", "part"),
    [(None, "-"), ("a_b", "a%5Fb"), ("../x", "%2E.%2Fx"), ("a b\n", "a%20b%0A"), ("%5F", "%255F")],
)
def test_what_a_part_cannot_hold_is_written_as_in_addresses(given_id: str | None, part: str) -> None:
    assert make_incoming(ba_message_id=given_id).split("_")[3] == part


def test_a_content_that_is_no_xml_has_another_extension() -> None:
    name = incoming_name(
        sender_application=None, sender=OPERATOR, type="X", ba_message_id=None, message_id=ID, content=b"\x00"
    )

    assert name == f"-_{OPERATOR}_X_-_{ID}.bin"


@settings(max_examples=50)
@given(st.text(max_size=60), st.text(max_size=255))
def test_whatever_the_sender_calls_itself_the_name_is_one_plain_name_of_five_parts(application: str, ba: str) -> None:
    name = make_incoming(sender_application=application, ba_message_id=ba)

    assert len(name.split("_")) == 5
    assert name.isascii()
    assert name.isprintable()
    assert not name.startswith(".")
    assert "/" not in name
    assert len(name) <= 230


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300) | st.binary(min_size=1).map(os.fsdecode))
def test_a_refused_file_has_a_name_that_can_be_read_and_one_beside_it(name: str) -> None:
    safe = safe_name(name)

    assert safe.isprintable()
    assert not safe.startswith(".")
    assert len(f"{safe}.99.error".encode()) <= 255
    assert len(safe.encode()) <= MAXIMUM_BYTES


def test_a_conversation_is_a_name_and_its_content() -> None:
    assert conversation_of("a", b"1") == conversation_of("a", b"1")
    assert len({conversation_of("a", b"1"), conversation_of("b", b"1"), conversation_of("a", b"2")}) == 3
