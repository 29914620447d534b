"""The envelope of a message: signed metadata with the encrypted content, or with the content's location.

Source: docs/mades.md, "Wire form".
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tps.mades import codes, jose
from tps.mades.states import refusal
from tps.mades.strict_json import check_fields, read_object

MAXIMUM_INLINE_BYTES = 700_000
MAXIMUM_ENVELOPE_BYTES = 1_048_576
CHUNK_BYTES = 524_288
ACKNOWLEDGEMENT_TYP = "mades-acknowledgement+jws"


@dataclass(frozen=True, slots=True)
class DetachedContent:
    """The location and checksum of an encrypted content that is stored beside its message.

    Attributes:
        name: Unguessable name of the object, 32 hex digits (`ids.new_id`, `ids.derived_id`).
        chunks: Number of chunks of 512 KiB. The last chunk may be shorter.
        size: Size of the encrypted content in bytes.
        sha256: SHA-256 of the encrypted content, 64 hex digits.
    """

    name: str
    chunks: int
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, data: bytes) -> "DetachedContent":
        """Return the description of these bytes under a name."""
        return cls(name, -(-len(data) // CHUNK_BYTES), len(data), hashlib.sha256(data).hexdigest())

    def describes(self, data: bytes | bytearray) -> bool:
        """Return True if these bytes have the announced size and SHA-256."""
        return len(data) == self.size and hashlib.sha256(data).hexdigest() == self.sha256

    def __post_init__(self) -> None:
        codes.message_id(self.name, "name of the detached content")
        codes.count(self.size, "size of the detached content", jose.MAXIMUM_ENCRYPTED_CHARACTERS)
        codes.sha256_hex(self.sha256, "SHA-256 of the detached content")
        if codes.count(self.chunks, "chunks") != -(-self.size // CHUNK_BYTES):
            raise refusal("malformed", "chunks must match the size of the detached content")


def split(data: bytes) -> Iterator[bytes]:
    """Return the chunks of a detached content, in order."""
    return (data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES))


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message or acknowledgement on the wire. Its fields are unverified.

    Attributes:
        metadata: JWS of the metadata.
        content: JWE of the content. None in acknowledgements and for detached content.
        detached: Location of the content if it is stored beside the message.
    """

    metadata: str
    content: str | None = None
    detached: DetachedContent | None = None

    @property
    def is_acknowledgement(self) -> bool:
        """Return True if the envelope claims to be an acknowledgement.

        Raises:
            MessageRefused: `malformed`, `bad_signature`: the metadata is not a JWS that this system accepts.
        """
        return jose.parse_signed(self.metadata).type == ACKNOWLEDGEMENT_TYP

    @property
    def is_large(self) -> bool:
        """Return True if the content is too large for a broker message and must be detached."""
        return self.content is not None and len(self.content) > MAXIMUM_INLINE_BYTES

    def detach(self, name: str) -> tuple["Envelope", bytes]:
        """Return the envelope without its content, and the content to store beside it under an unguessable name.

        Raises:
            ValueError: The envelope has no content.
        """
        if self.content is None:
            raise ValueError("the envelope has no content to detach")
        data = self.content.encode("ascii")
        return Envelope(self.metadata, None, DetachedContent.of(name, data)), data

    def attach(self, data: bytes | bytearray) -> "Envelope":
        """Return the complete envelope with the content that was fetched.

        Raises:
            MessageRefused: `content_damaged`: the size or SHA-256 differs, or the content is not ASCII.
        """
        if self.detached is None or not self.detached.describes(data) or not data.isascii():
            raise refusal("content_damaged", "The detached content differs from its announced size or SHA-256.")
        return Envelope(self.metadata, data.decode("ascii"))

    def to_bytes(self) -> bytes:
        """Return the envelope as compact JSON."""
        value: dict[str, Any] = {"metadata": self.metadata}
        if self.content is not None:
            value["content"] = self.content
        if self.detached is not None:
            value["detached"] = {name: getattr(self.detached, name) for name in _DETACHED_FIELDS}
        return json.dumps(value, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Envelope":
        """Return the envelope that `to_bytes` wrote, at most 1 MiB.

        Raises:
            MessageRefused: `malformed`: the data is not such an envelope.
        """
        if len(data) > MAXIMUM_ENVELOPE_BYTES:
            raise refusal("malformed", "the envelope must have at most 1 MiB")
        value = read_object(data, "the envelope")
        check_fields(value, "the envelope", needed=_NEEDED, allowed=_ALLOWED)
        texts = [value[name] for name in ("metadata", "content") if name in value]
        if not all(isinstance(text, str) and text.isascii() for text in texts) or value.keys() >= _ALLOWED:
            raise refusal("malformed", "invalid envelope: use ASCII texts, and either content or detached")
        return cls(value["metadata"], value.get("content"), _detached(value.get("detached")))


_NEEDED = frozenset({"metadata"})
_ALLOWED = frozenset({"content", "detached"})
_DETACHED_FIELDS = ("name", "chunks", "size", "sha256")


def _detached(value: Any) -> DetachedContent | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != set(_DETACHED_FIELDS):
        raise refusal("malformed", "the detached content has a missing or unknown field")
    return DetachedContent(**value)
