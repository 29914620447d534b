"""Feeds a party can wait on, and the cursors into them.

A feed is a counter per party and name, raised under its row's lock in the transaction that adds an entry: positions
are in commit order, and no reader can skip one. Outside, a position is an opaque cursor bound to party and feed.
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
    """Take the next position of a feed; the feed stays locked until the transaction ends."""
    row = tx.execute(
        """INSERT INTO feed VALUES (%s, %s, 1)
           ON CONFLICT (party, name) DO UPDATE SET last = feed.last + 1 RETURNING last""",
        (party, name),
    ).fetchone()
    assert row is not None
    return int(row["last"])


def reader_position(tx: Transaction, party: str, name: str, reader: str) -> int:
    """Where a reader of this party was; 0, the beginning, if it never read."""
    row = tx.execute(
        "SELECT position FROM feed_reader WHERE party = %s AND name = %s AND reader = %s", (party, name, reader)
    ).fetchone()
    return int(row["position"]) if row else 0


def move_reader(tx: Transaction, *, party: str, name: str, reader: str, position: int) -> None:
    """Remember what a reader was handed; never backwards."""
    tx.execute(
        """INSERT INTO feed_reader VALUES (%s, %s, %s, %s) ON CONFLICT (party, name, reader)
           DO UPDATE SET position = greatest(feed_reader.position, excluded.position)""",
        (party, name, reader, position),
    )


def make_cursor(key: bytes, party: str, name: str, position: int) -> str:
    """A position as an opaque text that only this party can use, and only on this feed."""
    return seal(key, [party, name], position.to_bytes(8, "big"))


def read_cursor(key: bytes, party: str, name: str, cursor: str) -> int:
    """The position behind a cursor.

    Raises:
        Malformed: Not a cursor of this party and feed; the caller must use one it was given.
    """
    position = unseal(key, [party, name], cursor)
    if position is None:
        raise Malformed(
            "invalid cursor",
            [Finding("bad_type", "/after", "after must be a cursor from an answer of this route to this party")],
        )
    return int.from_bytes(position, "big")


def seal(key: bytes, bound_to: Sequence[str], content: bytes) -> str:
    """Bytes as a text that cannot be read or changed, of use for whom and what it is bound to; 16 bytes longer."""
    sealed = _cipher(key).encrypt(content, [each.encode() for each in bound_to])
    return base64.urlsafe_b64encode(sealed).decode()


def unseal(key: bytes, bound_to: Sequence[str], text: str) -> bytes | None:
    """What was sealed; None if this was not, or not so bound."""
    from cryptography.exceptions import InvalidTag

    try:
        sealed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        content: bytes = _cipher(key).decrypt(sealed, [each.encode() for each in bound_to])
    except (binascii.Error, UnicodeEncodeError, ValueError, InvalidTag):
        return None
    return content


def _cipher(key: bytes):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(key)
