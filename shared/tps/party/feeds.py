"""Feeds that a party can wait on, and their cursors.

A feed is a counter per party and name. The transaction that adds an entry raises the counter under its row lock. So
positions are in commit order, and no reader can skip an entry. Callers see a position as an opaque cursor, which is
bound to the party and the feed.

Source: docs/semantics.md, "Cursors".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tps.errors import Finding, Malformed

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def next_position(tx: Transaction, party: str, name: str) -> int:
    """Return the next position of a feed. The feed stays locked until the transaction ends."""
    row = tx.execute(
        """INSERT INTO feed VALUES (%s, %s, 1)
           ON CONFLICT (party, name) DO UPDATE SET last = feed.last + 1 RETURNING last""",
        (party, name),
    ).fetchone()
    assert row is not None
    return int(row["last"])


def reader_position(tx: Transaction, party: str, name: str, reader: str) -> int:
    """Return the position of a reader of this party. Return 0, the beginning, for a new reader."""
    row = tx.execute(
        "SELECT position FROM feed_reader WHERE party = %s AND name = %s AND reader = %s", (party, name, reader)
    ).fetchone()
    return int(row["position"]) if row else 0


def move_reader(tx: Transaction, *, party: str, name: str, reader: str, position: int) -> None:
    """Move a reader to the position that it received. A reader never moves backwards."""
    tx.execute(
        """INSERT INTO feed_reader VALUES (%s, %s, %s, %s) ON CONFLICT (party, name, reader)
           DO UPDATE SET position = greatest(feed_reader.position, excluded.position)""",
        (party, name, reader, position),
    )


def make_cursor(key: bytes, party: str, name: str, position: int) -> str:
    """Return a position as an opaque text that is valid only for this party and feed."""
    return seal(key, [party, name], position.to_bytes(8, "big"))


def read_cursor(key: bytes, party: str, name: str, cursor: str) -> int:
    """Return the position of a cursor.

    Raises:
        Malformed: The cursor does not belong to this party and feed. The caller must use a cursor that it was given.
    """
    position = unseal(key, [party, name], cursor)
    if position is None:
        raise Malformed(
            "invalid cursor",
            [Finding("bad_type", "/after", "after must be a cursor from an answer of this route to this party")],
        )
    return int.from_bytes(position, "big")


def seal(key: bytes, bound_to: Sequence[str], content: bytes) -> str:
    """Encrypt bytes into a text that is valid only with the same `bound_to`. The text is authenticated.

    The ciphertext is 16 bytes longer than the content, before base64.
    """
    sealed = _cipher(key).encrypt(content, [part.encode() for part in bound_to])
    return base64.urlsafe_b64encode(sealed).decode()


def unseal(key: bytes, bound_to: Sequence[str], text: str) -> bytes | None:
    """Return the content of a sealed text. Return None if the text is invalid or bound to something else."""
    from cryptography.exceptions import InvalidTag

    try:
        sealed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        content: bytes = _cipher(key).decrypt(sealed, [part.encode() for part in bound_to])
    except (binascii.Error, UnicodeEncodeError, ValueError, InvalidTag):
        return None
    return content


def _cipher(key: bytes):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(key)
