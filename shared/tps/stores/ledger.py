"""The message ledger: inbox and outbox of a group's components, states, traces, idempotency keys.

Every function takes an open transaction: what was consumed, what was decided and what will be sent are written
together (ARCHITECTURE, "Decided once").
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.errors import KeyReused
from tps.mades.message import Message, Metadata
from tps.mades.states import State, predecessors

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that was decided on.

    Attributes:
        component: The sender's code.
        receiver: The receiving component's code.
        type: Message type (`TPS-ASSET`, ...).
        content: The encoded document.
        document_id, revision: Of the document, for whoever looks the message up.
        in_reply_to: Id of the message this one answers.
        caused_by: Id of the consumed message in whose handling it was decided.
        rank: Lower ones of the same cause are sent first.
    """

    component: str
    receiver: str
    type: str
    message_id: str
    content: bytes
    created_at: datetime
    expires_at: datetime
    document_id: str | None = None
    revision: int | None = None
    in_reply_to: str | None = None
    caused_by: str | None = None
    rank: int = 0


def next_sequence(tx: Transaction, sender: str, receiver: str) -> int:
    """Raise and return the sender's counter for this receiver; held locked until the transaction ends."""
    row = tx.execute(
        """INSERT INTO sequence_counter VALUES (%s, %s, 1)
           ON CONFLICT (sender, receiver) DO UPDATE SET last = sequence_counter.last + 1 RETURNING last""",
        (sender, receiver),
    ).fetchone()
    assert row is not None
    return int(row["last"])


def add_outgoing(tx: Transaction, out: Outgoing) -> int | None:
    """Write a message into the outbox.

    Returns:
        Its `sequence`, or None if a message of this id is there already (decided before; nothing is changed).
    """
    if find(tx, out.component, out.message_id) is not None:
        return None
    sequence = next_sequence(tx, out.component, out.receiver)
    tx.execute(
        """INSERT INTO message (component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id,
                                document_id, revision, state, created_at, expires_at, caused_by, rank, content)
           VALUES (%s, %s, 'out', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            out.component,
            out.message_id,
            out.type,
            out.receiver,
            sequence,
            out.in_reply_to,
            _business_id(out),
            out.document_id,
            out.revision,
            State.VERIFYING,
            out.created_at,
            out.expires_at,
            out.caused_by,
            out.rank,
            zlib.compress(out.content, 1),
        ),
    )
    _trace(tx, out.component, [out.message_id], State.VERIFYING, out.created_at, out.component)
    return sequence


def add_incoming(tx: Transaction, message: Message, now: datetime) -> bool:
    """Write a message into the inbox, DELIVERED; False if it is there already (a repeat, noted in its trace)."""
    added = tx.execute(
        """INSERT INTO message (component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id,
                                state, created_at, expires_at)
           VALUES (%s, %s, 'in', %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (
            message.receiver,
            message.message_id,
            message.type,
            message.sender,
            message.sequence,
            message.in_reply_to,
            message.ba_message_id,
            State.DELIVERED,
            now,
            message.expires_at,
        ),
    ).rowcount
    details = None if added else "came again"
    _trace(tx, message.receiver, [message.message_id], State.DELIVERED, now, message.receiver, details)
    return bool(added)


def add_failed(tx: Transaction, metadata: Metadata, code: str, now: datetime) -> None:
    """Keep an incoming message that could not be opened, FAILED for good; one that is there already stays as it is."""
    tx.execute(
        """INSERT INTO message (component, message_id, direction, type, peer, sequence, in_reply_to, state, status,
                                created_at, expires_at, is_handled)
           VALUES (%s, %s, 'in', %s, %s, %s, %s, %s, 'failed', %s, %s, true) ON CONFLICT DO NOTHING""",
        (
            *(metadata.receiver, metadata.message_id, metadata.type, metadata.sender, metadata.sequence),
            *(metadata.in_reply_to, State.FAILED, now, metadata.expires_at),
        ),
    )
    _trace(tx, metadata.receiver, [metadata.message_id], State.FAILED, now, metadata.receiver, code)


def find(tx: Transaction, component: str, message_id: str, lock: bool = False) -> dict[str, Any] | None:
    """The row of one message of this component, without its content."""
    return tx.execute(
        """SELECT component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id, document_id,
                  revision, state, status, answer, created_at, expires_at, object_key, is_handled
             FROM message WHERE component = %s AND message_id = %s"""
        + (" FOR UPDATE" if lock else ""),
        (component, message_id),
    ).fetchone()


def trace_of(tx: Transaction, component: str, message_id: str) -> list[dict[str, Any]]:
    """Every step of a message, oldest first: at, state, at_component, details."""
    return tx.execute(
        """SELECT at, state, at_component, details FROM message_trace
            WHERE component = %s AND message_id = %s ORDER BY step""",
        (component, message_id),
    ).fetchall()


def mark_handled(
    tx: Transaction, component: str, message_id: str, *, status: str, document: tuple[str | None, int | None]
) -> None:
    """Note that an incoming message was decided on, and with which outcome."""
    tx.execute(
        """UPDATE message SET is_handled = true, status = %s, document_id = %s, revision = %s
            WHERE component = %s AND message_id = %s""",
        (status, *document, component, message_id),
    )


def set_answer(tx: Transaction, component: str, message_id: str, status: str, answer: dict[str, Any]) -> None:
    """Note the business answer to an outgoing message: `accepted`, `partly_accepted`, `refused` or `failed`."""
    tx.execute(
        "UPDATE message SET status = %s, answer = %s WHERE component = %s AND message_id = %s",
        (status, json.dumps(answer), component, message_id),
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
    """Move messages on to a state, where the table of states allows it; the others stay as they are.

    Returns:
        The ids that moved.
    """
    moved = tx.execute(
        """UPDATE message SET state = %s
            WHERE component = %s AND message_id = ANY(%s) AND state = ANY(%s) RETURNING message_id""",
        (state, component, list(message_ids), [str(before) for before in predecessors(state)]),
    ).fetchall()
    ids = [row["message_id"] for row in moved]
    _trace(tx, component, ids, state, at, at_component, details)
    return ids


def remember_key(tx: Transaction, *, party: str, key: str, digest: bytes, message_id: str, now: datetime) -> str:
    """Bind an Idempotency-Key to a request, or find what it was bound to.

    Returns:
        The id of the message that serves this request: the given one, or the earlier one.

    Raises:
        KeyReused: The key came before with another request.
    """
    row = tx.execute(
        """INSERT INTO idempotency_key VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (party, key) DO UPDATE SET key = excluded.key RETURNING digest, message_id""",
        (party, key, digest, message_id, now),
    ).fetchone()
    assert row is not None
    if bytes(row["digest"]) != digest:
        raise KeyReused("this Idempotency-Key was used with another request")
    return str(row["message_id"])


def owe_acknowledgement(
    tx: Transaction,
    *,
    component: str,
    peer: str,
    message_ids: Sequence[str],
    kind: str,
    at: datetime,
    detail: str | None = None,
) -> None:
    """Note that a MADES acknowledgement is to be sent; a later kind replaces an earlier one that was not sent yet."""
    tx.execute(
        """INSERT INTO owed_acknowledgement (component, peer, message_id, kind, at, detail)
           SELECT %s, %s, id, %s, %s, %s FROM unnest(%s::text[]) AS id
           ON CONFLICT (component, peer, message_id)
           DO UPDATE SET kind = excluded.kind, at = excluded.at, detail = excluded.detail""",
        (component, peer, kind, at, detail, list(message_ids)),
    )


def by_peer(tx: Transaction, component: str, message_ids: Sequence[str]) -> dict[str, list[str]]:
    """These messages, by the component at their other end."""
    rows = tx.execute(
        "SELECT peer, array_agg(message_id) AS ids FROM message WHERE component = %s AND message_id = ANY(%s) GROUP BY peer",
        (component, list(message_ids)),
    ).fetchall()
    return {row["peer"]: row["ids"] for row in rows}


def take_owed(tx: Transaction, limit: int = 1000) -> list[dict[str, Any]]:
    """Take acknowledgements that are owed; they are gone when the transaction commits, so send them in it."""
    return tx.execute(
        """DELETE FROM owed_acknowledgement WHERE (component, peer, message_id) IN (
               SELECT component, peer, message_id FROM owed_acknowledgement LIMIT %s FOR UPDATE SKIP LOCKED)
           RETURNING component, peer, message_id, kind, at, detail""",
        (limit,),
    ).fetchall()


def unsent(tx: Transaction, component: str, message_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those of these outgoing messages that are not sent yet, in the order in which they are to be sent."""
    return tx.execute(
        """SELECT component, message_id, type, peer, sequence, in_reply_to, ba_message_id, document_id, revision,
                  created_at, expires_at, content, rank
             FROM message WHERE component = %s AND message_id = ANY(%s) AND direction = 'out' AND sent_at IS NULL
                            AND state <> 'FAILED'
            ORDER BY rank, sequence""",
        (component, list(message_ids)),
    ).fetchall()


def unsent_of_cause(tx: Transaction, component: str, caused_by: str) -> list[str]:
    """Ids of what the handling of one consumed message decided to send and has not sent yet."""
    rows = tx.execute(
        """SELECT message_id FROM message
            WHERE component = %s AND caused_by = %s AND sent_at IS NULL AND state <> 'FAILED' ORDER BY rank, sequence""",
        (component, caused_by),
    ).fetchall()
    return [row["message_id"] for row in rows]


def left_unsent(tx: Transaction, before: datetime, limit: int = 200) -> list[tuple[str, str]]:
    """(component, message id) of outgoing messages that were decided before that moment and are still not sent."""
    rows = tx.execute(
        """SELECT component, message_id FROM message
            WHERE direction = 'out' AND sent_at IS NULL AND state <> 'FAILED' AND created_at < %s
            ORDER BY created_at LIMIT %s""",
        (before, limit),
    ).fetchall()
    return [(row["component"], row["message_id"]) for row in rows]


def mark_sent(tx: Transaction, component: str, keys: dict[str, str], now: datetime) -> None:
    """Note that the broker has stored these messages: ACCEPTED, their content kept as object from now on.

    Args:
        keys: Object key by message id.
    """
    rows = tx.execute(
        """UPDATE message m SET sent_at = %s, content = NULL, object_key = k.key
             FROM unnest(%s::text[], %s::text[]) AS k(id, key)
            WHERE m.component = %s AND m.message_id = k.id AND m.sent_at IS NULL RETURNING message_id""",
        (now, list(keys), list(keys.values()), component),
    ).fetchall()
    ids = [row["message_id"] for row in rows]
    advance(tx, component, ids, State.ACCEPTED, at=now, at_component=component)


def _business_id(out: Outgoing) -> str | None:
    """Ours: mRID and revision, or in a reply to a StatusRequest the request's mRID (STANDARDS, Identifiers)."""
    return out.document_id if out.revision is None else f"{out.document_id}-{out.revision}"


def _trace(
    tx: Transaction,
    component: str,
    message_ids: Sequence[str],
    state: State,
    at: datetime,
    at_component: str,
    details: str | None = None,
) -> None:
    tx.execute(
        """INSERT INTO message_trace (component, message_id, at, state, at_component, details)
           SELECT %s, id, %s, %s, %s, %s FROM unnest(%s::text[]) AS id""",
        (component, at, state, at_component, details, list(message_ids)),
    )
