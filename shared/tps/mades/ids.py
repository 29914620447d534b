"""Ids of outgoing messages. The holder of the secret can repeat them. Others can neither guess nor correlate them."""

import hashlib
import hmac
import secrets

ID_LENGTH = 32
MINIMUM_SECRET_BYTES = 16


def derived_id(secret: bytes, consumed_id: str, recipient: str, purpose: str) -> str:
    """Return the id of a message to one recipient that a consumed message caused. The same input gives the same id.

    Args:
        secret: The group's secret, at least 16 bytes.
        consumed_id: Id of the message or request that caused the sending.
        recipient: Code of the receiving party.
        purpose: Purpose of the message ("limit", "acknowledgement", ...), so that several messages to one recipient
            differ.

    Returns:
        32 lower-case hex digits: the first half of HMAC-SHA256.

    Raises:
        ValueError: The secret is too short to keep the id unguessable.

    Source: docs/requirements.md, NF3; docs/adr/0004-accept-first-then-fan-out.md.
    """
    if len(secret) < MINIMUM_SECRET_BYTES:
        raise ValueError("the secret of derived ids must have at least 16 bytes")
    fields = [field.encode() for field in (consumed_id, recipient, purpose)]
    # A length before each field makes sure that two different triples never give the same bytes.
    text = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:ID_LENGTH]


def new_id() -> str:
    """Return a random id: 32 lower-case hex digits."""
    return secrets.token_hex(ID_LENGTH // 2)
