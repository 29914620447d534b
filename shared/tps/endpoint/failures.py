"""FAILED messages of a group's components with their reasons, as rows of the message ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """A message that will never be delivered.

    Attributes:
        failed_at: When this group learned of the failure.
        sender, receiver: Component codes. Unverified unless `is_proven`.
        reason: A code of `tps.mades.states.FAILURES`.
        is_proven: The sender's signature was valid, or the message is outgoing.
    """

    message_id: str
    failed_at: datetime
    type: str
    sender: str
    receiver: str
    reason: str
    is_proven: bool


def failed_messages(tx: Transaction, *, after: str | None = None, limit: int = 100) -> list[FailedMessage]:
    """Return FAILED messages, oldest first.

    Args:
        after: Id of the last known message. None starts with the oldest.
        limit: Maximum number of messages.
    """
    rows = tx.execute(
        """SELECT m.message_id, m.type, m.direction, m.component, m.peer, m.is_proven,
                  coalesce(m.answer -> 'errors' -> 0 ->> 'code', 'failed') AS reason,
                  coalesce((SELECT max(at) FROM message_trace t
                             WHERE t.component = m.component AND t.message_id = m.message_id AND t.state = 'FAILED'),
                           m.created_at) AS failed_at
             FROM message m
            WHERE m.state = 'FAILED'
              AND (%(after)s::text IS NULL OR (m.created_at, m.message_id) > (
                     SELECT max(created_at), %(after)s FROM message WHERE message_id = %(after)s AND state = 'FAILED'))
            ORDER BY m.created_at, m.message_id LIMIT %(limit)s""",
        {"after": after, "limit": limit},
    ).fetchall()
    return [
        FailedMessage(
            message_id=row["message_id"],
            failed_at=row["failed_at"],
            type=row["type"],
            sender=row["component"] if row["direction"] == "out" else row["peer"],
            receiver=row["peer"] if row["direction"] == "out" else row["component"],
            reason=row["reason"],
            is_proven=row["is_proven"],
        )
        for row in rows
    ]


def count_failed(tx: Transaction) -> int:
    """Return the number of FAILED messages."""
    row = tx.execute("SELECT count(*) AS failed FROM message WHERE state = 'FAILED'").fetchone()
    return int(row["failed"]) if row else 0
