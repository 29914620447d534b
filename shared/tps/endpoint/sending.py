"""Sending: into the outbox within the transaction that decides it, then signed, encrypted, stored and published.

Whatever is in the outbox will be sent, by whoever comes first: the request that put it there, a repeat of the event
that caused it, or the next tick. The broker and the receiver drop repeats by message id.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from tps.endpoint.endpoint import Endpoint
from tps.errors import MessageRefused
from tps.mades.certificates import CertificateUse
from tps.mades.envelope import Envelope, seal
from tps.mades.ids import derived_id
from tps.mades.message import Message
from tps.mades.paths import select_path
from tps.mades.states import State, refusal
from tps.mades.subjects import message_subject
from tps.mades.types import expiry
from tps.stores import ledger
from tps.stores.documents import document_key
from tps.stores.ledger import Outgoing
from tps.stores.mailbox import LargeAddress, Letter

if TYPE_CHECKING:
    from tps.mades.directory import ComponentEntry
    from tps.stores.database import Transaction

MEDIA_TYPE = "application/vnd.tps.mades+json"
_LEFT_BEHIND = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent; ids and sequence are given when it is enqueued.

    Attributes:
        sender, receiver: Component codes.
        document_id, revision: Of the document in `content`.
        no_use_after: When the content loses its point, if before the type's own time to live is up.
        rank: Lower ones of the same cause are sent first.
    """

    sender: str
    receiver: str
    type: str
    content: bytes
    document_id: str | None = None
    revision: int | None = None
    in_reply_to: str | None = None
    no_use_after: datetime | None = None
    rank: int = 0


def enqueue(
    endpoint: Endpoint, tx: Transaction, draft: Draft, message_id: str, caused_by: str | None = None
) -> int | None:
    """Put a message into the outbox; returns its sequence, None if it is there already."""
    now = endpoint.clock()
    return ledger.add_outgoing(
        tx,
        Outgoing(
            component=draft.sender,
            receiver=draft.receiver,
            type=draft.type,
            message_id=message_id,
            content=draft.content,
            created_at=now,
            expires_at=expiry(draft.type, now, draft.no_use_after),
            document_id=draft.document_id,
            revision=draft.revision,
            in_reply_to=draft.in_reply_to,
            caused_by=caused_by,
            rank=draft.rank,
        ),
    )


def dispatch(endpoint: Endpoint, component: str, message_ids: Sequence[str]) -> None:
    """Send what is in the outbox under these ids and not sent yet, in rank order.

    Raises:
        StoreAway: Something was not sent; it stays in the outbox.
    """
    with endpoint.database.transaction() as tx:
        rows = ledger.unsent(tx, component, message_ids)
        ready = [(row, sealed) for row in rows if (sealed := _seal_or_fail(endpoint, tx, row)) is not None]
    if not ready:
        return
    keys = {row["message_id"]: _object_key(row) for row, _ in ready}
    store_objects(endpoint, {keys[row["message_id"]]: zlib.decompress(row["content"]) for row, _ in ready})
    endpoint.mailbox.publish([letter for _, letter in ready])
    with endpoint.database.transaction() as tx:
        ledger.mark_sent(tx, component, keys, endpoint.clock())


def dispatch_left_behind(endpoint: Endpoint) -> int:
    """Send what some process decided and did not get to send; returns how many messages were tried."""
    with endpoint.database.transaction() as tx:
        left = ledger.left_unsent(tx, endpoint.clock() - _LEFT_BEHIND)
    for component in sorted({component for component, _ in left}):
        dispatch(endpoint, component, [message_id for owner, message_id in left if owner == component])
    return len(left)


def store_objects(endpoint: Endpoint, contents: dict[str, bytes]) -> None:
    """Keep documents, several at a time; ones that are there already stay."""
    if len(contents) == 1:
        for key, content in contents.items():
            endpoint.documents.put(key, content)
        return
    list(_pool().map(lambda item: endpoint.documents.put(*item), contents.items()))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, "objects")


def _object_key(row: dict[str, Any]) -> str:
    return document_key("out", row["type"], row["created_at"], row["message_id"])


def _seal_or_fail(endpoint: Endpoint, tx: Transaction, row: dict[str, Any]) -> Letter | None:
    try:
        return _seal(endpoint, tx, row)
    except MessageRefused as error:
        fail_outgoing(tx, row["component"], [row["message_id"]], error, endpoint.clock())
        return None


def fail_outgoing(
    tx: Transaction, component: str, message_ids: Sequence[str], error: MessageRefused, now: datetime
) -> None:
    """Messages that never will be delivered: FAILED, with the reason in their trace and answer."""
    failed = ledger.advance(
        tx, component, message_ids, State.FAILED, at=now, at_component=component, details=error.code
    )
    for message_id in failed:
        ledger.set_answer(
            tx, component, message_id, "failed", {"errors": [{"code": error.code, "detail": error.detail}]}
        )


def _seal(endpoint: Endpoint, tx: Transaction, row: dict[str, Any]) -> Letter:
    now = endpoint.clock()
    entry = receiver_entry(endpoint, tx, row)
    message = Message(
        message_id=row["message_id"],
        type=row["type"],
        sender=row["component"],
        receiver=row["peer"],
        sent_at=row["created_at"],
        expires_at=row["expires_at"],
        sequence=row["sequence"],
        content=zlib.decompress(row["content"]),
        ba_message_id=row["ba_message_id"],
        in_reply_to=row["in_reply_to"],
    )
    envelope = seal(
        message,
        endpoint.signing_key(tx, row["component"]),
        entry.certificate(CertificateUse.ENCRYPTION, now),
    )
    return letter_for(entry.group, message, _detached(endpoint, entry, message, envelope, now).to_bytes())


def receiver_entry(endpoint: Endpoint, tx: Transaction, row: dict[str, Any]) -> ComponentEntry:
    """Where an outgoing message goes.

    Raises:
        MessageRefused: `unknown_receiver`, for a code that does not exist and for one that does not take messages
            from this sender, in the same words; `expired`.
    """
    now = endpoint.clock()
    entry = endpoint.entry(tx, row["peer"])
    if entry is None:
        raise refusal("unknown_receiver")
    select_path(entry.paths, row["component"], row["type"], now)
    if row["expires_at"] <= now:
        raise refusal("expired")
    return entry


def letter_for(group: str, message: Message, data: bytes) -> Letter:
    """A message as the broker takes it; CloudEvents attributes travel as `ce-` headers."""
    subject = message_subject(group, message.type, message.receiver, message.sender)
    return Letter(subject, data, message.message_id, cloud_event_headers(message.type, message.message_id, subject))


def cloud_event_headers(message_type: str, message_id: str, subject: str) -> dict[str, str]:
    """CloudEvents 1.0 attributes of a message, as NATS headers."""
    return {
        "ce-specversion": "1.0",
        "ce-id": message_id,
        "ce-type": f"mades.{message_type}",
        "ce-source": "/mades",
        "ce-subject": subject,
        "ce-datacontenttype": MEDIA_TYPE,
    }


def _detached(
    endpoint: Endpoint, entry: ComponentEntry, message: Message, envelope: Envelope, now: datetime
) -> Envelope:
    """The envelope as it is, or with its large content stored beside it."""
    if not envelope.is_large:
        return envelope
    name = derived_id(endpoint.secret("ids"), message.message_id, message.receiver, f"large {now.isoformat()}")
    light, data = envelope.detach(name)
    address = LargeAddress(entry.group, message.receiver, message.sender, name)
    endpoint.mailbox.put_large(address, data, int((message.expires_at - now).total_seconds()))
    return light
