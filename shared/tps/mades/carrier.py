"""The outer form of a message on the wire: signed metadata, encrypted content, or where the content lies."""

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
    """Where an encrypted content lies that travels beside its message, and what it must be.

    Attributes:
        name: Unguessable name of the object, 32 hex digits (`ids.new_id`, `ids.derived_id`).
        chunks: Number of pieces of 512 KiB, the last one shorter.
        size: Bytes of the encrypted content.
        sha256: Its SHA-256, 64 hex digits.
    """

    name: str
    chunks: int
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, data: bytes) -> "DetachedContent":
        """The description of these bytes under a name."""
        return cls(name, -(-len(data) // CHUNK_BYTES), len(data), hashlib.sha256(data).hexdigest())

    def describes(self, data: bytes | bytearray) -> bool:
        """Whether these bytes are the ones announced."""
        return len(data) == self.size and hashlib.sha256(data).hexdigest() == self.sha256

    def __post_init__(self) -> None:
        codes.message_id(self.name, "name of the detached content")
        codes.count(self.size, "size of the detached content", jose.MAXIMUM_ENCRYPTED_CHARACTERS)
        codes.sha256_hex(self.sha256, "SHA-256 of the detached content")
        if codes.count(self.chunks, "chunks") != -(-self.size // CHUNK_BYTES):
            raise refusal("malformed", "chunks and size of the detached content do not agree")


def split(data: bytes) -> Iterator[bytes]:
    """The chunks in which detached content travels, one by one; joined in order they are the content."""
    return (data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES))


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message or acknowledgement as it lies on the wire; nothing in it is believed before it was read.

    Attributes:
        metadata: JWS of the metadata.
        content: JWE of the content; None in acknowledgements and when it is detached.
        detached: Where the content lies if it travels beside the message.
    """

    metadata: str
    content: str | None = None
    detached: DetachedContent | None = None

    @property
    def is_acknowledgement(self) -> bool:
        """Whether it claims to be an acknowledgement; reading it finds out.

        Raises:
            MessageRefused: `malformed`, `bad_signature`: it is neither.
        """
        return jose.parse_signed(self.metadata).type == ACKNOWLEDGEMENT_TYP

    @property
    def is_large(self) -> bool:
        """Whether its content is too large for a message of the broker and must be detached."""
        return self.content is not None and len(self.content) > MAXIMUM_INLINE_BYTES

    def detach(self, name: str) -> tuple["Envelope", bytes]:
        """The envelope without its content, and the content to be stored beside it under an unguessable name.

        Raises:
            ValueError: There is no content to detach.
        """
        if self.content is None:
            raise ValueError("this envelope holds no content")
        data = self.content.encode("ascii")
        return Envelope(self.metadata, None, DetachedContent.of(name, data)), data

    def attach(self, data: bytes | bytearray) -> "Envelope":
        """The whole envelope again, with the content that was fetched.

        Raises:
            MessageRefused: `content_damaged`: size or SHA-256 is not as announced, or it is no text.
        """
        if self.detached is None or not self.detached.describes(data) or not data.isascii():
            raise refusal("content_damaged", "The detached content is not the one announced.")
        return Envelope(self.metadata, data.decode("ascii"))

    def to_bytes(self) -> bytes:
        """The envelope as compact JSON."""
        value: dict[str, Any] = {"metadata": self.metadata}
        if self.content is not None:
            value["content"] = self.content
        if self.detached is not None:
            value["detached"] = {name: getattr(self.detached, name) for name in _DETACHED_FIELDS}
        return json.dumps(value, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Envelope":
        """The envelope that `to_bytes` wrote, at most 1 MiB.

        Raises:
            MessageRefused: `malformed`: it did not.
        """
        if len(data) > MAXIMUM_ENVELOPE_BYTES:
            raise refusal("malformed", "the envelope is too large")
        value = read_object(data, "the envelope")
        check_fields(value, "the envelope", needed=_NEEDED, allowed=_ALLOWED)
        texts = [value[name] for name in ("metadata", "content") if name in value]
        if not all(isinstance(text, str) and text.isascii() for text in texts) or value.keys() >= _ALLOWED:
            raise refusal("malformed", "the envelope does not have its form")
        return cls(value["metadata"], value.get("content"), _detached(value.get("detached")))


_NEEDED = frozenset({"metadata"})
_ALLOWED = frozenset({"content", "detached"})
_DETACHED_FIELDS = ("name", "chunks", "size", "sha256")


def _detached(value: Any) -> DetachedContent | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != set(_DETACHED_FIELDS):
        raise refusal("malformed", "the detached content does not have its form")
    return DetachedContent(**value)
