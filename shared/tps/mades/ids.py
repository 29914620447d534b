"""Ids of what goes out: repeatable for whoever holds the secret, unguessable and correlatable by nobody else."""

import hashlib
import hmac
import secrets

ID_LENGTH = 32
MINIMUM_SECRET_BYTES = 16


def derived_id(secret: bytes, consumed_id: str, recipient: str, purpose: str) -> str:
    """The id of what is sent to one recipient because one thing was consumed; the same again for the same input.

    Args:
        secret: The group's secret, at least 16 bytes.
        consumed_id: Id of the message or request that caused the sending.
        recipient: Code of the party it goes to.
        purpose: What it is, so that several things to one recipient differ ("limit", "acknowledgement", ...).

    Returns:
        32 lower-case hex digits: the first half of HMAC-SHA256.

    Raises:
        ValueError: The secret is too short to keep the id unguessable.

    Source: ARCHITECTURE.md, invariant 3.
    """
    if len(secret) < MINIMUM_SECRET_BYTES:
        raise ValueError("the secret of derived ids needs at least 16 bytes")
    fields = [field.encode() for field in (consumed_id, recipient, purpose)]
    # Each field after its length: no two different triples give the same bytes.
    text = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:ID_LENGTH]


def new_id() -> str:
    """A random id: 32 lower-case hex digits."""
    return secrets.token_hex(ID_LENGTH // 2)
