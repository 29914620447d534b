"""Seal and open envelopes: signed metadata, and the content deflated and encrypted for the receiver.

The metadata is JSON signed as JWS. It holds the SHA-256 and size of the plain content, so one signature covers both.
Reading has two steps, so that a failure of the second step can be traced and answered. The first step verifies the
metadata. The second step opens the content. Acknowledgements are signed metadata without content.

The form is our own, because ENTSO-E's internal wire form is not public.

Source: docs/mades.md, "Wire form"; RFC 7515; RFC 7516.
"""

import hashlib
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta

from tps.mades import jose, wire
from tps.mades.carrier import ACKNOWLEDGEMENT_TYP, DetachedContent, Envelope, split
from tps.mades.certificates import Certificate, CertificateUse
from tps.mades.directory import ComponentEntry
from tps.mades.jose import MAXIMUM_CONTENT_BYTES
from tps.mades.keys import DecryptionKey, SigningKey
from tps.mades.message import MadesAcknowledgement, Message, Metadata
from tps.mades.states import refusal

__all__ = [
    "DetachedContent",
    "Envelope",
    "open_content",
    "peek_metadata",
    "read",
    "read_acknowledgement",
    "read_metadata",
    "seal",
    "seal_acknowledgement",
    "split",
]

CLOCK_TOLERANCE = timedelta(minutes=5)
MESSAGE_TYP = "mades-message+jws"

FindComponent = Callable[[str], ComponentEntry | None]
FindDecryptionKey = Callable[[str], DecryptionKey | None]


def seal(message: Message, signing: SigningKey, encryption_certificate: Certificate) -> Envelope:
    """Sign and encrypt a message.

    Args:
        message: The message to send.
        signing: Signing key of its sender.
        encryption_certificate: Encryption certificate of its receiver, valid now (`ComponentEntry.certificate`).

    Raises:
        MessageRefused: `wrong_sender`, `wrong_receiver` (the key or certificate belongs to another component),
            `content_too_large`.
    """
    _check_sender(message.sender, signing)
    certificate = encryption_certificate
    if (certificate.component, certificate.use) != (message.receiver, CertificateUse.ENCRYPTION):
        raise refusal("wrong_receiver", "The certificate must be the receiver's encryption certificate.")
    if len(message.content) > MAXIMUM_CONTENT_BYTES:
        raise refusal("content_too_large")
    metadata = jose.sign(wire.write_message(message), signing.jose, signing.certificate_id, MESSAGE_TYP)
    deflated = zlib.compress(message.content)
    return Envelope(metadata, jose.encrypt(deflated, certificate.jose, certificate.certificate_id))


def seal_acknowledgement(acknowledgement: MadesAcknowledgement, signing: SigningKey) -> Envelope:
    """Sign an acknowledgement.

    Raises:
        MessageRefused: `wrong_sender`: the key belongs to another component.
    """
    _check_sender(acknowledgement.sender, signing)
    payload = wire.write_acknowledgement(acknowledgement)
    return Envelope(jose.sign(payload, signing.jose, signing.certificate_id, ACKNOWLEDGEMENT_TYP))


def _check_sender(sender: str, signing: SigningKey) -> None:
    if signing.component != sender:
        raise refusal("wrong_sender", "The signing key must belong to the sender.")


def peek_metadata(envelope: Envelope) -> Metadata:
    """Return the unverified metadata of a message. Use it for the log and the trace only.

    Raises:
        MessageRefused: `malformed`, or `bad_signature` for an algorithm that is not accepted.
    """
    return wire.read_message(_parse(envelope, MESSAGE_TYP).payload)


def read_metadata(envelope: Envelope, find: FindComponent, now: datetime) -> Metadata:
    """Return the metadata after verifying the sender's signature: the first step of reading a message.

    Args:
        envelope: As received.
        find: Lookup in the directory copy: returns the entry of a component code, or None.
        now: The moment of reading.

    Raises:
        MessageRefused: `malformed`, `unknown_sender`, `certificate_revoked` (also for earlier signatures),
            `certificate_unknown`, `certificate_expired`, `bad_signature`. After the signature is verified:
            `sent_in_future`, `expired`, `content_too_large`. These three are answered (`is_answerable`), and
            `peek_metadata` names the sender.
    """
    signed = _parse(envelope, MESSAGE_TYP)
    metadata = wire.read_message(signed.payload)
    _verify(signed, metadata.sender, find, now)
    _check_clock(metadata.sent_at, now)
    if metadata.expires_at <= now:
        raise refusal("expired")
    if metadata.content_size > MAXIMUM_CONTENT_BYTES:
        raise refusal("content_too_large")
    return metadata


def read_acknowledgement(envelope: Envelope, find: FindComponent, now: datetime) -> MadesAcknowledgement:
    """Return an acknowledgement after verifying its sender's signature.

    Raises:
        MessageRefused: As in `read_metadata`. An acknowledgement is never answered.
    """
    signed = _parse(envelope, ACKNOWLEDGEMENT_TYP)
    acknowledgement = wire.read_acknowledgement(signed.payload)
    _verify(signed, acknowledgement.sender, find, now)
    _check_clock(acknowledgement.sent_at, now)
    if envelope.content is not None or envelope.detached is not None:
        raise refusal("malformed", "an acknowledgement must not have content")
    return acknowledgement


def _parse(envelope: Envelope, type: str) -> jose.Signed:
    signed = jose.parse_signed(envelope.metadata)
    if signed.type != type:
        raise refusal("malformed", f"the metadata must have the JWS type {type}")
    return signed


def _verify(signed: jose.Signed, sender: str, find: FindComponent, now: datetime) -> None:
    entry = find(sender)
    if entry is None:
        raise refusal("unknown_sender")
    if entry.is_revoked(signed.certificate_id):
        raise refusal("certificate_revoked")
    certificate = entry.certificate_by_id(CertificateUse.SIGNING, signed.certificate_id)
    if certificate is None:
        raise refusal("certificate_unknown")
    if not certificate.is_valid_at(now):
        raise refusal("certificate_expired")
    jose.verify(signed, certificate.jose)


def _check_clock(sent_at: datetime, now: datetime) -> None:
    if sent_at > now + CLOCK_TOLERANCE:
        raise refusal("sent_in_future")


def open_content(envelope: Envelope, metadata: Metadata, decryption_key: DecryptionKey | FindDecryptionKey) -> bytes:
    """Return the plain content of a message: the second step of reading.

    Args:
        envelope: As received, with detached content attached.
        metadata: As `read_metadata` returned it for this envelope.
        decryption_key: The receiver's key, or a lookup by certificate id. After a key rotation, older keys still
            decrypt contents that were encrypted for them.

    Raises:
        MessageRefused: `content_missing`, `not_decryptable`, `wrong_receiver`, `content_too_large`,
            `content_damaged`.
    """
    if envelope.content is None:
        raise refusal("content_missing")
    encrypted = jose.parse_encrypted(envelope.content)
    key = _find_key(decryption_key, encrypted.certificate_id)
    if key is None:
        raise refusal("not_decryptable")
    if key.component != metadata.receiver:
        raise refusal("wrong_receiver")
    content = _inflate(jose.decrypt(encrypted, key.jose), metadata.content_size)
    if hashlib.sha256(content).hexdigest() != metadata.content_sha256:
        raise refusal("content_damaged")
    return content


def _find_key(decryption_key: DecryptionKey | FindDecryptionKey, certificate_id: str) -> DecryptionKey | None:
    if isinstance(decryption_key, DecryptionKey):
        return decryption_key if decryption_key.certificate_id == certificate_id else None
    return decryption_key(certificate_id)


def _inflate(deflated: bytes, size: int) -> bytes:
    """Return the inflated bytes if they have the signed size.

    Inflating stops one byte after that size, so a decompression bomb has no effect.
    """
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(deflated, min(size, MAXIMUM_CONTENT_BYTES) + 1)
    except zlib.error as error:
        raise refusal("content_damaged") from error
    if len(content) > size:
        raise refusal("content_too_large")
    if len(content) < size or not inflater.eof or inflater.unused_data:
        raise refusal("content_damaged")
    return content


def read(
    envelope: Envelope, find: FindComponent, decryption_key: DecryptionKey | FindDecryptionKey, now: datetime
) -> Message | MadesAcknowledgement:
    """Verify the metadata and open the content of an envelope.

    Raises:
        MessageRefused: As in `read_metadata`, `read_acknowledgement` and `open_content`.
    """
    if envelope.is_acknowledgement:
        return read_acknowledgement(envelope, find, now)
    metadata = read_metadata(envelope, find, now)
    return metadata.with_content(open_content(envelope, metadata, decryption_key))
