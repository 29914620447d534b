"""Each fault of an envelope has its own failure code, and reading raises only MessageRefused (F1, NF3)."""

import dataclasses
import hmac
import zlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe

from tests.mades.builders import (
    NOW,
    OLD_OPERATOR,
    OPERATOR,
    PLATFORM,
    STRANGER,
    component,
    find,
    make_acknowledgement,
    make_entry,
    make_message,
    make_sealed,
    metadata_fields,
    signed_anew,
)
from tests.mades.forging import (
    content_changed,
    encoded,
    flipped,
    header_of,
    metadata_changed,
    refusal_of,
    with_header,
    with_segment,
)
from tps.errors import MessageRefused
from tps.mades import jose
from tps.mades.certificates import CertificateUse, dump_public_key
from tps.mades.envelope import (
    ACKNOWLEDGEMENT_TYP,
    Envelope,
    open_content,
    peek_metadata,
    read,
    read_metadata,
    seal_acknowledgement,
)
from tps.mades.keys import DecryptionKey
from tps.mades.states import FAILURES, is_answerable


class TestSignature:
    """The signed metadata names the sender, and no other component can forge it."""

    def test_a_changed_signature_is_bad_signature(self) -> None:
        assert refusal_of(metadata_changed(lambda token: flipped(token, 2))) == "bad_signature"

    @pytest.mark.parametrize("field", ["sequence", "content_size"])
    def test_a_changed_field_is_bad_signature(self, field: str) -> None:
        fields = metadata_fields(make_sealed()) | {field: 1}

        assert refusal_of(metadata_changed(lambda token: with_segment(token, 1, encoded(fields)))) == "bad_signature"

    def test_naming_oneself_as_another_sender_is_certificate_unknown(self) -> None:
        sealed = make_sealed()

        forged = signed_anew(sealed, metadata_fields(sealed) | {"sender": STRANGER})

        assert refusal_of(forged) == "certificate_unknown"

    def test_another_components_certificate_named_with_its_code_is_bad_signature(self) -> None:
        sealed = make_sealed()
        lying = signed_anew(sealed, metadata_fields(sealed) | {"sender": STRANGER})
        kid = component(STRANGER).certificate(CertificateUse.SIGNING).certificate_id

        forged = dataclasses.replace(lying, metadata=with_header(lying.metadata, kid=kid))

        assert refusal_of(forged) == "bad_signature"

    @pytest.mark.parametrize("use", [CertificateUse.AUTHENTICATION, CertificateUse.ENCRYPTION])
    def test_a_certificate_for_another_use_is_certificate_unknown(self, use: CertificateUse) -> None:
        kid = component(OPERATOR).certificate(use).certificate_id

        assert refusal_of(metadata_changed(lambda token: with_header(token, kid=kid))) == "certificate_unknown"

    def test_a_certificate_of_another_component_in_ones_entry_is_certificate_unknown(self) -> None:
        """A directory entry with a stranger's certificate does not let the stranger send."""
        fed = make_entry(STRANGER, certificates=component(OPERATOR).certificates)
        sealed = make_sealed()
        forged = signed_anew(sealed, metadata_fields(sealed) | {"sender": STRANGER})

        assert refusal_of(forged, {STRANGER: fed}.get) == "certificate_unknown"

    def test_an_unknown_sender_is_unknown_sender(self) -> None:
        assert refusal_of(make_sealed(), lambda _: None) == "unknown_sender"

    def test_an_expired_certificate_is_certificate_expired(self) -> None:
        later = NOW + timedelta(days=731)

        assert refusal_of(make_sealed(), now=later) == "certificate_expired"

    @pytest.mark.parametrize("is_dropped", [False, True])
    def test_a_revoked_certificate_is_certificate_revoked_even_of_what_was_signed_before(
        self, is_dropped: bool
    ) -> None:
        certificates = component(OPERATOR).certificates
        ids = frozenset(certificate.certificate_id for certificate in certificates)
        entry = make_entry(OPERATOR, certificates=() if is_dropped else certificates, revoked_certificates=ids)

        assert refusal_of(make_sealed(), {OPERATOR: entry}.get, now=NOW + timedelta(days=1)) == "certificate_revoked"

    def test_a_certificate_not_yet_valid_is_certificate_expired(self) -> None:
        assert refusal_of(make_sealed(), now=NOW - timedelta(days=1)) == "certificate_expired"


class TestAlgorithms:
    """Only the accepted algorithms are valid."""

    def test_alg_none_is_bad_signature(self) -> None:
        def unsigned(token: str) -> str:
            return with_segment(with_header(token, alg="none"), 2, "")

        assert refusal_of(metadata_changed(unsigned)) == "bad_signature"

    def test_a_mac_keyed_with_the_public_key_is_bad_signature(self) -> None:
        """The classic algorithm confusion: the verifier's public key is used as a shared secret."""
        sealed = make_sealed(make_message(sender=OLD_OPERATOR))
        public_key = dump_public_key(component(OLD_OPERATOR).keys.signing.public_key())
        unsigned = with_header(sealed.metadata, alg="HS256").rpartition(".")[0]
        token = f"{unsigned}.{encoded(hmac.digest(public_key, unsigned.encode(), 'sha256'))}"

        assert refusal_of(dataclasses.replace(sealed, metadata=token)) == "bad_signature"

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "ES384"])
    def test_not_even_a_peek_is_taken_at_another_algorithm(self, algorithm: str) -> None:
        changed = metadata_changed(lambda token: with_header(token, alg=algorithm))

        with pytest.raises(MessageRefused) as refused:
            peek_metadata(changed)

        assert refused.value.code == "bad_signature"

    def test_a_header_longer_than_any_of_ours_is_malformed(self) -> None:
        assert refusal_of(metadata_changed(lambda token: with_header(token, kid="k" * 600))) == "malformed"

    @pytest.mark.parametrize("algorithm", ["PS256", "RS256", "ES384", "EdDSA", "HS256"])
    def test_an_algorithm_that_is_not_the_keys_is_bad_signature(self, algorithm: str) -> None:
        assert refusal_of(metadata_changed(lambda token: with_header(token, alg=algorithm))) == "bad_signature"

    @pytest.mark.parametrize(
        "changes",
        [
            {"crit": ["b64"], "b64": False},
            {"jwk": {"kty": "EC"}},
            {"jku": "https://evil.example"},
            {"x5c": ["MII"]},
            {"kid": None},
            {"kid": 7},
            {"alg": ["ES256"]},
            {"typ": "JWT"},
            {"typ": ACKNOWLEDGEMENT_TYP},
        ],
    )
    def test_a_header_with_anything_but_ours_is_malformed(self, changes: dict[str, Any]) -> None:
        assert refusal_of(metadata_changed(lambda token: with_header(token, **changes))) == "malformed"

    @pytest.mark.parametrize(
        "changes",
        [
            {"alg": "RSA-OAEP-256"},
            {"alg": "ECDH-ES"},
            {"alg": "dir"},
            {"enc": "A128GCM"},
            {"enc": "A128CBC-HS256"},
            {"zip": "DEF"},
            {"epk": None},
            {"epk": {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}},
            {"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
            {"epk": {"kty": "oct", "crv": "P-256", "x": "AA", "y": "AA"}},
            {"epk": ["kty"]},
            {"kid": "0" * 64},
            {"p2c": 10**9},
        ],
    )
    def test_an_encryption_header_with_anything_but_ours_is_not_decryptable(self, changes: dict[str, Any]) -> None:
        assert refusal_of(content_changed(lambda token: with_header(token, **changes))) == "not_decryptable"


class TestContent:
    """The content is the signed content, encrypted for its reader."""

    @pytest.mark.parametrize("index", [1, 2, 3, 4])
    @pytest.mark.parametrize("receiver", [PLATFORM, OLD_OPERATOR])
    def test_a_changed_part_of_the_encryption_is_not_decryptable(self, index: int, receiver: str) -> None:
        sealed = make_sealed(make_message(receiver=receiver))

        changed = content_changed(lambda token: flipped(token, index), sealed)

        assert refusal_of(changed, key=component(receiver).decryption_key) == "not_decryptable"

    @pytest.mark.parametrize("kept", [0, 1, 100, 400, -1, -30])
    def test_a_truncated_content_is_not_decryptable(self, kept: int) -> None:
        assert refusal_of(content_changed(lambda token: token[:kept])) == "not_decryptable"

    def test_the_content_of_another_message_is_content_damaged(self) -> None:
        other = make_sealed(make_message(content=b"<ref_MarketDocument/>" * 50))

        swapped = dataclasses.replace(make_sealed(), content=other.content)

        assert refusal_of(swapped) == "content_damaged"

    def test_a_message_for_somebody_else_is_not_decryptable(self) -> None:
        assert refusal_of(make_sealed(), key=component(STRANGER).decryption_key) == "not_decryptable"

    def test_a_key_that_is_not_the_one_named_is_not_decryptable(self) -> None:
        named = component(PLATFORM).decryption_key.certificate_id
        wrong = DecryptionKey(PLATFORM, named, component(STRANGER).keys.encryption)

        assert refusal_of(make_sealed(), key=wrong) == "not_decryptable"

    def test_metadata_for_one_with_content_for_another_is_wrong_receiver(self) -> None:
        """Both components may belong to one group, which holds the keys of both."""
        sealed = make_sealed()

        crossed = signed_anew(sealed, metadata_fields(sealed) | {"receiver": STRANGER})

        assert refusal_of(crossed) == "wrong_receiver"

    def test_a_missing_content_is_content_missing(self) -> None:
        assert refusal_of(dataclasses.replace(make_sealed(), content=None)) == "content_missing"

    def encrypted(self, plain: bytes) -> str:
        certificate = component(PLATFORM).certificate(CertificateUse.ENCRYPTION)
        return jose.encrypt(plain, certificate.jose, certificate.certificate_id)

    def test_a_bomb_is_stopped_at_the_size_that_was_signed(self) -> None:
        bomb = self.encrypted(zlib.compress(bytes(200_000_000), 9))

        assert refusal_of(content_changed(lambda _: bomb)) == "content_too_large"

    def test_a_bomb_that_declares_its_size_is_content_too_large_before_it_is_opened(self) -> None:
        sealed = make_sealed()

        bomb = signed_anew(sealed, metadata_fields(sealed) | {"content_size": 50_000_001})

        assert refusal_of(bomb, key=lambda _: pytest.fail("opened")) == "content_too_large"

    @pytest.mark.parametrize(
        "plain",
        [
            b"",
            b"not deflated",
            zlib.compress(b"short"),
            zlib.compress(make_message().content)[:-1],
            zlib.compress(make_message().content) + b"more",
        ],
    )
    def test_what_does_not_inflate_to_what_was_signed_is_content_damaged(self, plain: bytes) -> None:
        assert refusal_of(content_changed(lambda _: self.encrypted(plain))) == "content_damaged"

    def test_a_content_key_of_a_wrong_length_is_not_decryptable(self) -> None:
        """The sender chooses the wrapped key, so the reader must handle any length."""
        certificate = component(OLD_OPERATOR).certificate(CertificateUse.ENCRYPTION)
        sealed = make_sealed(make_message(receiver=OLD_OPERATOR))
        token = jwe.encrypt_compact(
            {**header_of(str(sealed.content)), "enc": "A128GCM"},
            b"x",
            certificate.jose,
            algorithms=["RSA-OAEP-256", "A128GCM"],
        )

        forged = dataclasses.replace(sealed, content=with_header(token, enc="A256GCM"))

        assert refusal_of(forged, key=component(OLD_OPERATOR).decryption_key) == "not_decryptable"


class TestTime:
    """A message is read within its time to live, and clocks may differ slightly."""

    def test_at_its_expiry_it_is_expired(self) -> None:
        message = make_message()

        assert refusal_of(make_sealed(message), now=message.expires_at) == "expired"

    def test_just_before_its_expiry_it_is_read(self) -> None:
        message = make_message()

        last = message.expires_at - timedelta(microseconds=1)

        assert message.message_id == read_metadata(make_sealed(message), find, last).message_id

    def test_sent_more_than_five_minutes_ahead_is_sent_in_future(self) -> None:
        message = make_message(sent_at=NOW + timedelta(minutes=5, seconds=1))

        assert refusal_of(make_sealed(message)) == "sent_in_future"

    def test_an_acknowledgement_from_the_future_is_sent_in_future(self) -> None:
        acknowledgement = make_acknowledgement(sent_at=NOW + timedelta(hours=1))
        sealed = seal_acknowledgement(acknowledgement, component(PLATFORM).signing_key)

        assert refusal_of(sealed) == "sent_in_future"


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_change_of_any_character_is_refused_by_a_name_of_the_table(data: st.DataObject) -> None:
    sealed = data.draw(st.sampled_from(_SEALED))
    wire = bytearray(sealed.to_bytes())
    position = data.draw(st.integers(0, len(wire) - 1))
    wire[position] = data.draw(st.integers(0, 255).filter(lambda byte: byte != wire[position]))

    with pytest.raises(MessageRefused) as refused:
        read(Envelope.from_bytes(bytes(wire)), find, _KEYS.get, NOW)

    assert refused.value.code in FAILURES


_SEALED = [make_sealed(), make_sealed(make_message(sender=OLD_OPERATOR, receiver=OLD_OPERATOR))]
_KEYS = {key.certificate_id: key for key in (component(code).decryption_key for code in (PLATFORM, OLD_OPERATOR))}


def test_once_the_sender_is_proven_a_failure_can_be_answered() -> None:
    sealed = content_changed(lambda token: flipped(token, 3))

    metadata = read_metadata(sealed, find, NOW)
    with pytest.raises(MessageRefused) as refused:
        open_content(sealed, metadata, component(PLATFORM).decryption_key)

    assert is_answerable(refused.value.code)
    assert metadata.sender == OPERATOR
