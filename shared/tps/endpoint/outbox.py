"""The outbox of a group's components: messages that a transaction decided to send.

Its rows are the outgoing rows of the message ledger (`tps.endpoint.ledger`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.mades.states import State, predecessors
from tps.stores.database import note_transfer

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_BATCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the outbox.

    Attributes:
        component: The sender's code.
        receiver: The receiving component's code.
        type: Message type (`TPS-ASSET`, ...).
        content: The encoded document.
        document_id, revision: Id and revision of the document, for searches.
        in_reply_to: Id of the message that this one answers.
        caused_by: Id of the consumed message whose handling decided this one.
        rank: Messages of the same cause are sent in ascending rank.
        ba_message_id: The application's own id, or None.
        sender_application: The application's name, or None.
        by_application: The message came through the web service, which also offers its answers.
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
    ba_message_id: str | None = None
    sender_application: str | None = None
    by_application: bool = False

    @property
    def business_id(self) -> str | None:
        """The `baMessageID`: the application's own id if there is one.

        By default it is mRID and revision. In a reply to a StatusRequest it is the mRID of the request.
        """
        if self.ba_message_id is not None:
            return self.ba_message_id
        return self.document_id if self.revision is None else f"{self.document_id}-{self.revision}"


def add_outgoing(tx: Transaction, out: Outgoing) -> int | None:
    """Write a message into the outbox.

    Returns:
        The message's `sequence` per sender and receiver. Its counter stays locked until the transaction ends. None if a
        message with this id exists already. Then nothing changes.
    """
    values = _values(out)
    row = tx.execute(
        """WITH counter AS (
               INSERT INTO sequence_counter AS c
               SELECT %(component)s, %(receiver)s, 1 WHERE NOT EXISTS (
                   SELECT FROM message WHERE component = %(component)s AND message_id = %(message_id)s)
               ON CONFLICT (sender, receiver) DO UPDATE SET last = c.last + 1 RETURNING last),
           new AS (
               INSERT INTO message (component, message_id, direction, type, peer, sequence, in_reply_to, ba_message_id,
                                    document_id, revision, state, created_at, expires_at, caused_by, rank, content,
                                    sender_application, by_application)
               SELECT %(component)s, %(message_id)s, 'out', %(type)s, %(receiver)s, last, %(in_reply_to)s,
                      %(business_id)s, %(document_id)s, %(revision)s, %(state)s, %(created_at)s, %(expires_at)s,
                      %(caused_by)s, %(rank)s, %(deflated)s, %(sender_application)s, %(by_application)s
                 FROM counter
               ON CONFLICT DO NOTHING RETURNING sequence),
           step AS (
               INSERT INTO message_trace (component, message_id, at, state, at_component)
               SELECT %(component)s, %(message_id)s, %(created_at)s, %(state)s, %(component)s FROM new)
           SELECT sequence FROM new""",
        values,
    ).fetchone()
    note_transfer(tx, values["deflated"])
    return int(row["sequence"]) if row else None


def _values(out: Outgoing) -> dict[str, Any]:
    return {
        "component": out.component,
        "receiver": out.receiver,
        "type": out.type,
        "message_id": out.message_id,
        "in_reply_to": out.in_reply_to,
        "business_id": out.business_id,
        "document_id": out.document_id,
        "revision": out.revision,
        "state": State.VERIFYING,
        "created_at": out.created_at,
        "expires_at": out.expires_at,
        "caused_by": out.caused_by,
        "rank": out.rank,
        "sender_application": out.sender_application,
        "by_application": out.by_application,
        "deflated": zlib.compress(out.content, 1),
    }


@dataclass(frozen=True, slots=True)
class Unsent:
    """An outgoing message that the broker has not stored yet. `content` is deflated."""

    component: str
    message_id: str
    type: str
    peer: str
    sequence: int
    in_reply_to: str | None
    ba_message_id: str | None
    created_at: datetime
    expires_at: datetime
    content: bytes
    sender_application: str | None


def unsent(tx: Transaction, component: str, message_ids: Sequence[str]) -> list[Unsent]:
    """Return the unsent messages with these ids that must be sent next, in order.

    The result has at least one message if any is unsent, and about 4 MB of deflated content at most. Call again when
    these messages are sent.
    """
    rows = tx.execute(
        """SELECT component, message_id, type, peer, sequence, in_reply_to, ba_message_id, created_at, expires_at,
                  content, sender_application
             FROM (SELECT *, sum(octet_length(content)) OVER (ORDER BY rank, sequence, message_id)
                             - octet_length(content) AS bytes_before
                     FROM message WHERE component = %s AND message_id = ANY(%s) AND direction = 'out'
                                    AND sent_at IS NULL AND state <> 'FAILED') AS waiting
            WHERE bytes_before < %s ORDER BY rank, sequence, message_id""",
        (component, list(message_ids), _BATCH_BYTES),
        binary=True,  # text format would double the size at both ends
    ).fetchall()
    note_transfer(tx, *(row["content"] for row in rows))
    return [Unsent(**row) for row in rows]


def unsent_of_cause(tx: Transaction, component: str, caused_by: str) -> list[str]:
    """Return the ids of unsent messages that the handling of one consumed message decided."""
    rows = tx.execute(
        """SELECT message_id FROM message
            WHERE component = %s AND caused_by = %s AND sent_at IS NULL AND state <> 'FAILED'
            ORDER BY rank, sequence""",
        (component, caused_by),
    ).fetchall()
    return [row["message_id"] for row in rows]


def left_unsent(tx: Transaction, before: datetime, limit: int = 200) -> list[tuple[str, str]]:
    """Return (component, message id) of unsent outgoing messages that were decided before that moment."""
    rows = tx.execute(
        """SELECT component, message_id FROM message
            WHERE direction = 'out' AND sent_at IS NULL AND state <> 'FAILED' AND created_at < %s
            ORDER BY created_at LIMIT %s""",
        (before, limit),
    ).fetchall()
    return [(row["component"], row["message_id"]) for row in rows]


def expired(tx: Transaction, before: datetime, limit: int = 1000) -> dict[str, list[str]]:
    """Return the ids of expired outgoing messages by component: neither delivered, failed nor answered.

    The rows are locked. Rows that another transaction has locked are skipped.
    """
    rows = tx.execute(
        """SELECT component, array_agg(message_id) AS ids
             FROM (SELECT component, message_id FROM message
                    WHERE direction = 'out' AND state IN ('VERIFYING', 'ACCEPTED', 'DELIVERING', 'TRANSPORTED')
                      AND expires_at <= %s AND status = 'pending'
                    ORDER BY component, message_id LIMIT %s FOR UPDATE SKIP LOCKED) AS late
            GROUP BY component""",
        (before, limit),
    ).fetchall()
    return {row["component"]: row["ids"] for row in rows}


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of messages to the broker.

    Attributes:
        handed_at: When the sealed messages were handed over.
        stored_at: When the broker had confirmed that it stored them.
        broker: The broker's component code.
    """

    handed_at: datetime
    stored_at: datetime
    broker: str


def mark_sent(tx: Transaction, component: str, message_ids: Sequence[str], passage: Passage) -> None:
    """Note that the broker has stored these messages (DELIVERING).

    A receiver's acknowledgement may have arrived earlier. Then the later state stays.
    """
    steps = (
        (State.ACCEPTED, passage.handed_at, component),
        (State.DELIVERING, passage.handed_at, component),
        (State.TRANSPORTED, passage.stored_at, passage.broker),
    )
    tx.execute(
        """WITH sent AS (
               UPDATE message SET sent_at = %(sent_at)s,
                                  state = CASE WHEN state = ANY(%(before)s) THEN %(state)s ELSE state END
                WHERE component = %(component)s AND message_id = ANY(%(ids)s) AND sent_at IS NULL RETURNING message_id)
           INSERT INTO message_trace (component, message_id, state, at, at_component)
           SELECT %(component)s, message_id, step.state, step.at, step.at_component
             FROM sent, unnest(%(states)s::text[], %(times)s::timestamptz[], %(places)s::text[])
                        AS step(state, at, at_component)""",
        {
            "component": component,
            "ids": list(message_ids),
            "sent_at": passage.stored_at,
            "state": State.DELIVERING,
            "before": [str(before) for before in predecessors(State.DELIVERING)],
            "states": [str(state) for state, _, _ in steps],
            "times": [at for _, at, _ in steps],
            "places": [place for _, _, place in steps],
        },
    )
