"""Hostile bytes, texts and metadata are refused as malformed, without any other exception (F1, NF3)."""

import dataclasses
import json
from typing import Any

import pytest

from tests.mades.builders import (
    NOW,
    OPERATOR,
    PLATFORM,
    component,
    find,
    make_acknowledgement,
    make_sealed,
    metadata_fields,
    signed_anew,
)
from tests.mades.forging import encoded, refusal_of
from tps.errors import MessageRefused
from tps.mades.envelope import (
    ACKNOWLEDGEMENT_TYP,
    Envelope,
    read_metadata,
    seal_acknowledgement,
)


class TestForm:
    """Hostile bytes are refused as malformed and raise no other exception."""

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"null",
            b"[]",
            b'"text"',
            b"{}",
            b'{"metadata":7}',
            b'{"metadata":"a","content":null}',
            b'{"metadata":"a","content":["b"]}',
            b'{"metadata":"a","metadata":"b"}',
            b'{"metadata":"a","unknown":1}',
            b'{"metadata":"a","detached":{}}',
            b'{"metadata":"a","detached":[]}',
            b'{"metadata":"a","detached":{"name":1,"chunks":1,"size":1,"sha256":1}}',
            b'{"metadata":"\\u00f8"}',
            b'{"metadata":NaN}',
            b'{"metadata":1e999}',
            b'{"metadata":' + b"9" * 5000 + b"}",
            b"\xff\xfe",
            b"[" * 500_000,
            b'{"a":' * 100_000,
            b'{"metadata":"' + b"a" * 1_048_576 + b'"}',
        ],
    )
    def test_bytes_that_are_no_envelope_are_malformed(self, data: bytes) -> None:
        with pytest.raises(MessageRefused) as refused:
            Envelope.from_bytes(data)

        assert refused.value.code == "malformed"

    def test_content_and_detached_content_at_once_are_malformed(self) -> None:
        sealed = make_sealed()
        detached = sealed.detach("0" * 32)[0].detached

        with pytest.raises(MessageRefused) as refused:
            Envelope.from_bytes(dataclasses.replace(sealed, detached=detached).to_bytes())

        assert refused.value.code == "malformed"

    @pytest.mark.parametrize(
        "token", ["", ".", "..", "a.b.c", "....", "e30.e30.", "!!!.!!!.!!!", "W10.W10.W10", "øøø.ø.ø", "x" * 800_000]
    )
    def test_a_text_that_is_no_signed_text_is_malformed(self, token: str) -> None:
        assert refusal_of(Envelope(token, "x")) == "malformed"

    def test_a_header_of_nothing_but_nesting_is_malformed(self) -> None:
        token = encoded(b"[" * 380) + ".e30.AA"

        assert refusal_of(Envelope(token, "x")) == "malformed"

    @pytest.mark.parametrize(
        "change",
        [
            {"message_id": "0123"},
            {"message_id": "0123456789ABCDEF0123456789ABCDEF"},
            {"type": "TPS_ASSET"},
            {"type": "TPS.ASSET"},
            {"type": "MADES-ACK"},
            {"type": ""},
            {"sender": "a.b"},
            {"sender": "5790000000036\n"},
            {"receiver": "*"},
            {"receiver": "x" * 61},
            {"receiver": None},
            {"sent_at": "2026-05-04"},
            {"sent_at": "2026-05-04T12:00:00+00:00"},
            {"sent_at": "2026-02-30T12:00:00Z"},
            {"sent_at": "\uff12026-05-04T12:00:00Z"},
            {"expires_at": "2026-05-04T12:00:00Z"},
            {"expires_at": "2036-05-04T12:00:00Z"},
            {"sequence": -1},
            {"sequence": True},
            {"sequence": "7"},
            {"sequence": 2**63},
            {"content_size": -1},
            {"content_sha256": "0"},
            {"ba_message_id": ""},
            {"ba_message_id": "a\nb"},
            {"ba_message_id": 7},
            {"in_reply_to": "x"},
            {"sender_application": {"deep": []}},
            {"priority": 9},
        ],
    )
    def test_signed_metadata_of_another_form_is_malformed(self, change: dict[str, Any]) -> None:
        sealed = make_sealed()

        assert refusal_of(signed_anew(sealed, metadata_fields(sealed) | change)) == "malformed"

    def test_signed_metadata_blown_up_with_blanks_is_malformed(self) -> None:
        sealed = make_sealed()
        payload = json.dumps(metadata_fields(sealed)).encode() + b" " * 600_000

        assert refusal_of(signed_anew(sealed, payload)) == "malformed"

    @pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":1,"a":2}'])
    def test_signed_metadata_that_is_no_object_is_malformed(self, payload: bytes) -> None:
        assert refusal_of(signed_anew(make_sealed(), payload)) == "malformed"

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "PRAISE"},
            {"kind": []},
            {"messages": []},
            {"messages": {}},
            {"messages": [7]},
            {"messages": [{"message_id": "0" * 32}]},
            {"messages": [{"message_id": "0" * 32, "at": "2026-05-04T12:00:00Z", "more": 1}]},
            {"messages": [{"message_id": "0" * 32, "at": "2026-05-04T12:00:00Z", "detail": "x" * 201}]},
            {"messages": [{"message_id": "0" * 32, "at": "2026-05-04T12:00:00Z"}] * 501},
            {"type": "TPS-ASSET"},
            {"more": 1},
        ],
    )
    def test_an_acknowledgement_of_another_form_is_malformed(self, change: dict[str, Any]) -> None:
        acknowledgement = make_acknowledgement(sender=OPERATOR, receiver=PLATFORM)
        sealed = seal_acknowledgement(acknowledgement, component(OPERATOR).signing_key)

        forged = signed_anew(sealed, metadata_fields(sealed) | change, ACKNOWLEDGEMENT_TYP)

        assert refusal_of(forged) == "malformed"

    def test_an_acknowledgement_with_content_is_malformed(self) -> None:
        sealed = seal_acknowledgement(make_acknowledgement(), component(PLATFORM).signing_key)

        assert refusal_of(dataclasses.replace(sealed, content="x")) == "malformed"

    def test_an_acknowledgement_is_no_message(self) -> None:
        sealed = seal_acknowledgement(make_acknowledgement(), component(PLATFORM).signing_key)

        with pytest.raises(MessageRefused) as refused:
            read_metadata(sealed, find, NOW)

        assert refused.value.code == "malformed"
