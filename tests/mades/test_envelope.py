"""Round trips: the right receiver reads the sealed message (F1)."""

import dataclasses
import random
from datetime import timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mades.builders import (
    NOW,
    OLD_OPERATOR,
    OPERATOR,
    PLATFORM,
    STRANGER,
    authority,
    component,
    find,
    make_acknowledgement,
    make_entry,
    make_message,
    make_sealed,
    metadata_fields,
)
from tps.errors import MessageRefused
from tps.mades.certificates import CertificateUse, create_component
from tps.mades.envelope import Envelope, peek_metadata, read, read_metadata, seal, seal_acknowledgement, split
from tps.mades.ids import new_id
from tps.mades.message import AcknowledgedMessage, AcknowledgementKind

IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
TYPES = st.from_regex(r"[A-Za-z0-9-]{1,60}", fullmatch=True).filter(lambda text: text != "MADES-ACK")
TEXTS = st.text(min_size=1, max_size=60).filter(str.isprintable)
MESSAGES = st.builds(
    make_message,
    message_id=IDS,
    type=TYPES,
    sent_at=st.timedeltas(timedelta(days=-1), timedelta(minutes=5)).map(lambda delta: NOW + delta),
    expires_at=st.timedeltas(timedelta(minutes=6), timedelta(days=20)).map(lambda delta: NOW + delta),
    sequence=st.integers(0, 2**63 - 1),
    content=st.binary(max_size=3000),
    ba_message_id=st.none() | TEXTS,
    in_reply_to=st.none() | IDS,
    sender_application=st.none() | TEXTS,
)


@pytest.mark.parametrize("sender", [OPERATOR, OLD_OPERATOR])
@pytest.mark.parametrize("receiver", [PLATFORM, OLD_OPERATOR])
def test_a_message_is_read_as_it_was_sealed_whatever_the_kind_of_keys(sender: str, receiver: str) -> None:
    message = make_message(sender=sender, receiver=receiver)

    wire = make_sealed(message).to_bytes()

    assert message == read(Envelope.from_bytes(wire), find, component(receiver).decryption_key, NOW)


@given(MESSAGES)
@settings(max_examples=60, deadline=None)
def test_every_message_survives_the_wire(message) -> None:
    wire = make_sealed(message).to_bytes()

    assert message == read(Envelope.from_bytes(wire), find, component(PLATFORM).decryption_key, NOW)


@pytest.mark.parametrize("sender", [PLATFORM, OLD_OPERATOR])
def test_a_batch_of_500_acknowledgements_is_one_signed_envelope_without_content(sender: str) -> None:
    messages = tuple(AcknowledgedMessage(f"{number:032x}", NOW, "ø" * 200) for number in range(500))
    acknowledgement = make_acknowledgement(sender=sender, kind=AcknowledgementKind.FAILURE, messages=messages)

    envelope = Envelope.from_bytes(seal_acknowledgement(acknowledgement, component(sender).signing_key).to_bytes())

    assert envelope.is_acknowledgement
    assert envelope.content is None
    assert acknowledgement == read(envelope, find, lambda _: None, NOW)


def test_the_metadata_tells_of_the_content_its_size_and_hash_and_nothing_else() -> None:
    envelope = make_sealed(make_message(content=b"a household's plan"))

    assert {
        "message_id",
        "type",
        "sender",
        "receiver",
        "sent_at",
        "expires_at",
        "sequence",
        "content_size",
        "content_sha256",
    } == metadata_fields(envelope).keys()
    assert b"household" not in envelope.to_bytes()


def test_the_same_message_sealed_twice_is_encrypted_with_fresh_keys() -> None:
    first, second = make_sealed(), make_sealed()

    assert first.content != second.content


def test_a_time_with_an_offset_is_the_same_moment_in_utc() -> None:
    message = make_message(sent_at=NOW.astimezone(timezone(timedelta(hours=2))))

    metadata = read_metadata(make_sealed(message), find, NOW)

    assert metadata.sent_at == NOW
    assert metadata.sent_at.utcoffset() == timedelta()


def test_peeking_tells_what_an_unverified_message_claims_for_the_log() -> None:
    envelope = make_sealed()

    assert make_message().message_id == peek_metadata(envelope).message_id


def test_after_a_rotation_the_older_key_still_opens_what_was_sent_to_it() -> None:
    before = component(PLATFORM)
    after = create_component(authority(), PLATFORM, "Renewed", now=NOW)
    keys = {key.certificate_id: key for key in (before.decryption_key, after.decryption_key)}
    sent_before, sent_after = (
        seal(make_message(), component(OPERATOR).signing_key, renewal.certificate(CertificateUse.ENCRYPTION))
        for renewal in (before, after)
    )

    assert make_message() == read(sent_before, find, keys.get, NOW)
    assert make_message() == read(sent_after, find, keys.get, NOW)


def test_after_a_rotation_of_the_senders_keys_both_signatures_hold() -> None:
    renewed = create_component(authority(), OPERATOR, "Renewed", now=NOW)
    entry = make_entry(OPERATOR, certificates=component(OPERATOR).certificates + renewed.certificates)
    certificate = component(PLATFORM).certificate(CertificateUse.ENCRYPTION)
    directory = {OPERATOR: entry}

    for sender in (component(OPERATOR), renewed):
        sealed = seal(make_message(), sender.signing_key, certificate)

        assert read_metadata(sealed, directory.get, NOW).sender == OPERATOR


class TestDetachedContent:
    """Contents above 700 kB are stored beside the message, encrypted."""

    def test_it_comes_together_again(self) -> None:
        message = make_message(content=bytes(range(256)) * 10)
        name = new_id()

        envelope, data = make_sealed(message).detach(name)
        again = Envelope.from_bytes(envelope.to_bytes()).attach(b"".join(split(data)))

        assert envelope.content is None
        assert message == read(again, find, component(PLATFORM).decryption_key, NOW)

    def test_only_large_contents_need_it(self) -> None:
        incompressible = random.Random(1).randbytes(600_000)

        assert not make_sealed().is_large
        assert make_sealed(make_message(content=incompressible)).is_large

    def test_its_chunks_are_counted_and_its_last_one_is_shorter(self) -> None:
        envelope, data = Envelope("x", "y" * 1_200_000).detach(new_id())

        assert envelope.detached is not None
        assert envelope.detached.chunks == 3
        assert [len(chunk) for chunk in split(data)] == [524_288, 524_288, 151_424]

    @pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"A" + data[1:], lambda data: data + b"A"])
    def test_other_bytes_than_announced_are_content_damaged(self, change) -> None:
        envelope, data = make_sealed().detach(new_id())

        with pytest.raises(MessageRefused) as refused:
            envelope.attach(change(data))

        assert refused.value.code == "content_damaged"

    def test_reading_without_having_attached_it_is_content_missing(self) -> None:
        envelope, _ = make_sealed().detach(new_id())

        with pytest.raises(MessageRefused) as refused:
            read(envelope, find, component(PLATFORM).decryption_key, NOW)

        assert refused.value.code == "content_missing"

    @pytest.mark.parametrize(
        "change", [{"chunks": 2}, {"size": -1}, {"size": 10**9}, {"size": True}, {"sha256": "x"}, {"name": "../etc"}]
    )
    def test_an_announcement_that_does_not_add_up_is_malformed(self, change) -> None:
        envelope, _ = make_sealed().detach(new_id())
        assert envelope.detached is not None

        with pytest.raises(MessageRefused) as refused:
            dataclasses.replace(envelope.detached, **change)

        assert refused.value.code == "malformed"


class TestSealing:
    """Sealing with a wrong key fails at the sender."""

    def test_with_another_components_signing_key_is_wrong_sender(self) -> None:
        certificate = component(PLATFORM).certificate(CertificateUse.ENCRYPTION)

        with pytest.raises(MessageRefused) as refused:
            seal(make_message(), component(STRANGER).signing_key, certificate)

        assert refused.value.code == "wrong_sender"

    def test_an_acknowledgement_with_another_components_key_is_wrong_sender(self) -> None:
        with pytest.raises(MessageRefused) as refused:
            seal_acknowledgement(make_acknowledgement(), component(STRANGER).signing_key)

        assert refused.value.code == "wrong_sender"

    @pytest.mark.parametrize(
        ("code", "use"), [(STRANGER, CertificateUse.ENCRYPTION), (PLATFORM, CertificateUse.SIGNING)]
    )
    def test_for_another_components_or_use_certificate_is_wrong_receiver(self, code: str, use: CertificateUse) -> None:
        with pytest.raises(MessageRefused) as refused:
            seal(make_message(), component(OPERATOR).signing_key, component(code).certificate(use))

        assert refused.value.code == "wrong_receiver"

    def test_more_than_50_mb_is_content_too_large(self) -> None:
        with pytest.raises(MessageRefused) as refused:
            make_sealed(make_message(content=bytes(50_000_001)))

        assert refused.value.code == "content_too_large"
