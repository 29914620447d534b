"""Forged envelopes, and the failure code of reading them."""

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.mades.builders import (
    NOW,
    PLATFORM,
    component,
    find,
    make_sealed,
)
from tps.errors import MessageRefused
from tps.mades.envelope import (
    Envelope,
    read,
)


def refusal_of(envelope: Envelope, directory: Any = find, now: Any = NOW, key: Any = None) -> str:
    """Return the failure code of reading an envelope."""
    with pytest.raises(MessageRefused) as refused:
        read(envelope, directory, key or component(PLATFORM).decryption_key, now)
    return refused.value.code


def encoded(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header_of(token: str) -> dict[str, Any]:
    segment = token.split(".")[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=="))
    return header


def with_segment(token: str, index: int, segment: str) -> str:
    segments = token.split(".")
    segments[index] = segment
    return ".".join(segments)


def with_header(token: str, **changes: Any) -> str:
    header = {name: value for name, value in {**header_of(token), **changes}.items() if value is not None}
    return with_segment(token, 0, encoded(header))


def flipped(token: str, index: int) -> str:
    """Return the token with one bit of the decoded segment changed."""
    segment = token.split(".")[index]
    data = bytearray(base64.urlsafe_b64decode(segment + "=="))
    data[len(data) // 2] ^= 1
    return with_segment(token, index, encoded(bytes(data)))


def metadata_changed(change: Callable[[str], str]) -> Envelope:
    sealed = make_sealed()
    return dataclasses.replace(sealed, metadata=change(sealed.metadata))


def content_changed(change: Callable[[str], str], sealed: Envelope | None = None) -> Envelope:
    sealed = sealed or make_sealed()
    assert sealed.content is not None
    return dataclasses.replace(sealed, content=change(sealed.content))
