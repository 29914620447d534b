"""The message ledger of a group's components: inbox, states, traces, idempotency keys.

Every function takes an open transaction. The consumed message, the decision, and the messages to send are written
together (ARCHITECTURE.md, "Decided once").
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.endpoint.message_row import MessageRow, Status, TraceStep
from tps.errors import Finding, KeyReused
from tps.mades.message import Message, Metadata
from tps.mades.states import FAILURES, State, predecessors
from tps.stores.database import note_transfer

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Step:
    """A step of one message: when it happened, with details."""

    message_id: str
    at: datetime
    details: str | None = None


def add_incoming(tx: Transaction, message: Message, now: datetime) -> bool:
    """Write a message into the inbox as DELIVERED. Return False for a repeat, which only its trace notes.

    The message replaces an unverified row. It also replaces a row that only notes the arrival.
    """
    deflated = zlib.compress(message.content, 1)
    added = tx.execute(
        """INSERT INTO message AS m (component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id,
                                     state, created_at, expires_at, content, sent_at, sender_application)
           VALUES (%s, %s, 'in', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (component, message_id) DO UPDATE
              SET type = excluded.type, peer = excluded.peer, sequence = excluded.sequence,
                  in_reply_to = excluded.in_reply_to, ba_message_id = excluded.ba_message_id, state = excluded.state,
                  status = excluded.status, answer = excluded.answer, created_at = excluded.created_at,
                  expires_at = excluded.expires_at, content = excluded.content, sent_at = excluded.sent_at,
                  sender_application = excluded.sender_application, is_handled = false, is_proven = true
            WHERE NOT m.is_proven OR m.state = 'TRANSPORTED'""",
        (
            *(message.receiver, message.message_id, message.type, message.sender, message.sequence),
            *(message.in_reply_to, message.ba_message_id, State.DELIVERED, now, message.expires_at),
            *(deflated, message.sent_at, message.sender_application),
        ),
    ).rowcount
    note_transfer(tx, deflated)
    details = None if added else "came again"
    trace(
        tx, message.receiver, [Step(message.message_id, now, details)], State.DELIVERED, at_component=message.receiver
    )
    return bool(added)


def add_arrived(tx: Transaction, message: Message, now: datetime) -> bool:
    """Note as TRANSPORTED that a message arrived and cannot be handled yet. Return False if it is noted already."""
    added = tx.execute(
        """INSERT INTO message (component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id,
                                state, created_at, expires_at, sent_at, sender_application)
           VALUES (%s, %s, 'in', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (
            *(message.receiver, message.message_id, message.type, message.sender, message.sequence),
            *(message.in_reply_to, message.ba_message_id, State.TRANSPORTED, now, message.expires_at),
            *(message.sent_at, message.sender_application),
        ),
    ).rowcount
    if added:
        steps = [Step(message.message_id, now, "arrived, not processed yet")]
        trace(tx, message.receiver, steps, State.TRANSPORTED, at_component=message.receiver)
    return bool(added)


def add_failed(tx: Transaction, metadata: Metadata, code: str, now: datetime, *, is_proven: bool) -> None:
    """Keep an incoming message that could not be opened as FAILED. A message that was handled already stays unchanged.

    Args:
        is_proven: The sender's signature was valid. Otherwise all values are unverified.
    """
    added = tx.execute(
        """INSERT INTO message AS m (component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id,
                                     state, status, answer, created_at, expires_at, is_handled, is_proven)
           VALUES (%s, %s, 'in', %s, %s, %s, %s, %s, %s, 'failed', %s, %s, %s, true, %s)
           ON CONFLICT (component, message_id) DO UPDATE
              SET state = excluded.state, status = excluded.status, answer = excluded.answer, is_handled = true
            WHERE m.state = 'TRANSPORTED' AND m.direction = 'in' AND excluded.is_proven""",
        (
            *(metadata.receiver, metadata.message_id, metadata.type, metadata.sender, metadata.sequence),
            *(metadata.in_reply_to, metadata.ba_message_id, State.FAILED),
            json.dumps({"errors": [{"code": code, "detail": FAILURES[code]}]}),
            *(now, metadata.expires_at, is_proven),
        ),
    ).rowcount
    if added:
        trace(
            tx, metadata.receiver, [Step(metadata.message_id, now, code)], State.FAILED, at_component=metadata.receiver
        )


def find(tx: Transaction, component: str, message_id: str, lock: bool = False) -> MessageRow | None:
    """Return one message of this component, or None.

    Args:
        lock: Lock the row until the transaction ends.
    """
    row = tx.execute(
        """SELECT component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id, document_id,
                  revision, state, status, answer, created_at, expires_at, is_handled, sent_at, sender_application,
                  by_application, is_proven
             FROM message WHERE component = %s AND message_id = %s"""
        + (" FOR UPDATE" if lock else ""),
        (component, message_id),
    ).fetchone()
    return message_row(row) if row else None


def message_row(row: Mapping[str, Any]) -> MessageRow:
    """Return a row as a value. The row must have all columns of `MessageRow`."""
    columns = {name: row[name] for name in MessageRow.__slots__}
    return MessageRow(**{**columns, "state": State(row["state"]), "status": Status(row["status"])})


def trace_of(tx: Transaction, component: str, message_id: str) -> list[TraceStep]:
    """Return every step of a message, in the order of the states.

    This is the order of the events. News of them can arrive in another order, and the components' clocks differ.
    """
    rows = tx.execute(
        """SELECT at, state, at_component, details FROM message_trace
            WHERE component = %s AND message_id = %s ORDER BY array_position(%s, state), at, step""",
        (component, message_id, [str(state) for state in State]),
    ).fetchall()
    return [TraceStep(**{**row, "state": State(row["state"])}) for row in rows]


def mark_handled(
    tx: Transaction, component: str, message_id: str, *, status: str, document: tuple[str | None, int | None]
) -> None:
    """Note that an incoming message was decided on, and the outcome."""
    tx.execute(
        """UPDATE message SET is_handled = true, status = %s, document_id = %s, revision = %s
            WHERE component = %s AND message_id = %s""",
        (status, *document, component, message_id),
    )


def set_answer(
    tx: Transaction, component: str, message_ids: Sequence[str], *, status: str, answer: Mapping[str, Any]
) -> None:
    """Store the business answer to outgoing messages: `accepted`, `partly_accepted`, `refused` or `failed`."""
    tx.execute(
        "UPDATE message SET status = %s, answer = %s WHERE component = %s AND message_id = ANY(%s)",
        (status, json.dumps(answer), component, list(message_ids)),
    )


def advance(
    tx: Transaction,
    component: str,
    message_ids: Sequence[str],
    state: State,
    *,
    at: datetime,
    at_component: str,
    details: str | None = None,
) -> list[str]:
    """Move messages to a state if the table of states allows it. The others stay unchanged.

    Returns:
        The ids of the moved messages.
    """
    return advance_each(
        tx, component, [Step(message_id, at, details) for message_id in message_ids], state, at_component=at_component
    )


def advance_each(
    tx: Transaction, component: str, steps: Sequence[Step], state: State, *, at_component: str
) -> list[str]:
    """Move messages to a state as `advance` does, each at its own time."""
    if not steps:
        return []
    rows = tx.execute(
        """UPDATE message SET state = %s
            WHERE component = %s AND message_id = ANY(%s) AND state = ANY(%s) RETURNING message_id""",
        (state, component, [step.message_id for step in steps], [str(before) for before in predecessors(state)]),
    ).fetchall()
    moved = {row["message_id"] for row in rows}
    trace(tx, component, [step for step in steps if step.message_id in moved], state, at_component=at_component)
    return sorted(moved)


def trace_passage(tx: Transaction, component: str, steps: Sequence[Step], *, at_component: str) -> None:
    """Note in the traces that a component on the way has seen these messages (TRANSPORTED). Repeats are noted once."""
    tx.execute(
        """INSERT INTO message_trace (component, message_id, at, state, at_component, details)
           SELECT m.component, id, at, %(state)s, %(place)s, details
             FROM unnest(%(ids)s::text[], %(times)s::timestamptz[], %(details)s::text[]) AS step(id, at, details)
             JOIN message m ON m.component = %(component)s AND m.message_id = id
            WHERE NOT EXISTS (SELECT FROM message_trace t WHERE t.component = m.component AND t.message_id = id
                                 AND t.state = %(state)s AND t.at_component = %(place)s)""",
        {
            "component": component,
            "state": State.TRANSPORTED,
            "place": at_component,
            "ids": [step.message_id for step in steps],
            "times": [step.at for step in steps],
            "details": [step.details for step in steps],
        },
    )


def sent_to(tx: Transaction, component: str, peer: str, message_ids: Sequence[str]) -> set[str]:
    """Return the ids of those messages that the component sent to the peer."""
    rows = tx.execute(
        """SELECT message_id FROM message
            WHERE component = %s AND peer = %s AND message_id = ANY(%s) AND direction = 'out'""",
        (component, peer, list(message_ids)),
    ).fetchall()
    return {row["message_id"] for row in rows}


def remember_key(tx: Transaction, *, party: str, key: str, digest: bytes, message_id: str, now: datetime) -> str:
    """Bind an Idempotency-Key to a request, or return the earlier message of the key.

    Args:
        digest: Digest of the request.

    Returns:
        The id of the message that serves this request: the given one, or the earlier one.

    Raises:
        KeyReused: The key belongs to another request.
    """
    row = tx.execute(
        """INSERT INTO idempotency_key VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (party, key) DO UPDATE SET key = excluded.key RETURNING digest, message_id""",
        (party, key, digest, message_id, now),
    ).fetchone()
    assert row is not None
    if bytes(row["digest"]) != digest:
        raise _key_reused()
    return str(row["message_id"])


def message_of_key(tx: Transaction, *, party: str, key: str, digest: bytes) -> str | None:
    """Return the id of the message that an Idempotency-Key is bound to, or None.

    Raises:
        KeyReused: The key belongs to another request.
    """
    row = tx.execute(
        "SELECT digest, message_id FROM idempotency_key WHERE party = %s AND key = %s", (party, key)
    ).fetchone()
    if row is not None and bytes(row["digest"]) != digest:
        raise _key_reused()
    return str(row["message_id"]) if row else None


def _key_reused() -> KeyReused:
    detail = "this Idempotency-Key was already used for another request; use a new key"
    return KeyReused(detail, [Finding("key_reused", "", detail)])


def by_peer(tx: Transaction, component: str, message_ids: Sequence[str]) -> dict[str, list[str]]:
    """Group messages by the component at their other end."""
    rows = tx.execute(
        """SELECT peer, array_agg(message_id) AS ids FROM message
            WHERE component = %s AND message_id = ANY(%s) GROUP BY peer""",
        (component, list(message_ids)),
    ).fetchall()
    return {row["peer"]: row["ids"] for row in rows}


def trace(tx: Transaction, component: str, steps: Sequence[Step], state: State, *, at_component: str) -> None:
    """Add a step to the traces of messages."""
    tx.execute(
        """INSERT INTO message_trace (component, message_id, at, state, at_component, details)
           SELECT %s, id, at, %s, %s, details
             FROM unnest(%s::text[], %s::timestamptz[], %s::text[]) AS step(id, at, details)""",
        (
            *(component, state, at_component),
            *([step.message_id for step in steps], [step.at for step in steps], [step.details for step in steps]),
        ),
    )
