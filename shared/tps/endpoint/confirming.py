"""Messages that no business application has confirmed, as rows of the message ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.mades.states import State
from tps.mades.types import CONNECTIVITY_TEST

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A received message that no application has confirmed."""

    message_id: str
    type: str
    peer: str
    ba_message_id: str | None
    sender_application: str | None


def next_unconfirmed(tx: Transaction, component: str, type: str | None) -> tuple[Unconfirmed | None, int]:
    """Return the oldest unconfirmed message of a component and the number of its other unconfirmed messages.

    Two kinds of message are left out. Answers to REST calls are left out because the REST interface returns them.
    Connectivity tests are left out because the endpoint answers them.

    Args:
        type: Message type. None for any type.
    """
    row = tx.execute(
        """SELECT message_id, type, peer, ba_message_id, sender_application, count(*) OVER () AS waiting
             FROM message m
            WHERE component = %s AND direction = 'in' AND confirmed_at IS NULL AND is_proven AND is_handled
              AND state = ANY(%s) AND type <> %s AND (%s::text IS NULL OR type = %s)
              AND NOT EXISTS (SELECT FROM message request
                               WHERE request.component = m.component AND request.message_id = m.in_reply_to
                                 AND request.direction = 'out' AND NOT request.by_application)
            ORDER BY created_at, message_id LIMIT 1""",
        (component, [State.DELIVERED, State.RECEIVED], CONNECTIVITY_TEST, type, type),
    ).fetchone()
    if row is None:
        return None, 0
    waiting = row.pop("waiting")
    return Unconfirmed(**row), waiting - 1


def mark_confirmed(tx: Transaction, component: str, message_id: str, now: datetime) -> bool:
    """Note that an application has confirmed a message. Return False if there is no such message to confirm."""
    return bool(
        tx.execute(
            """UPDATE message SET confirmed_at = coalesce(confirmed_at, %s)
                WHERE component = %s AND message_id = %s AND direction = 'in' AND is_proven AND is_handled
                  AND state = ANY(%s)""",
            (now, component, message_id, [State.DELIVERED, State.RECEIVED]),
        ).rowcount
    )
