"""Sending: enqueue in the transaction that decides, then sign, encrypt and publish.

The first process that finds a message in the outbox sends it: the request that enqueued it, a repeat of the event that
caused it, or the next tick. The broker and the receiver drop repeats by message id.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tps.endpoint import ledger, outbox
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.outbox import Outgoing, Passage, Unsent
from tps.errors import MessageRefused, StoreAway
from tps.mades.certificates import CertificateUse
from tps.mades.envelope import Envelope, seal
from tps.mades.ids import derived_id
from tps.mades.message import Message
from tps.mades.paths import select_path
from tps.mades.states import State, refusal
from tps.mades.subjects import message_subject
from tps.mades.types import check_route, expiry
from tps.stores.mailbox import LargeAddress, Letter

if TYPE_CHECKING:
    from tps.mades.directory import ComponentEntry
    from tps.mades.keys import SigningKey
    from tps.stores.database import Transaction

MEDIA_TYPE = "application/vnd.tps.mades+json"
_LEFT_BEHIND = timedelta(seconds=3)
_ACKNOWLEDGED_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send, before it has an id and a sequence.

    Attributes:
        sender, receiver: Component codes.
        document_id, revision: Id and revision of the document in `content`.
        no_use_after: When the content becomes useless, if this is before the end of the type's time to live.
        rank: Messages of the same cause are sent in ascending rank.
        ba_message_id, sender_application: Values that the application gave.
        by_application: The message came through the web service, which also offers its answers.
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
    ba_message_id: str | None = None
    sender_application: str | None = None
    by_application: bool = False


def enqueue(
    endpoint: Endpoint, tx: Transaction, draft: Draft, message_id: str, *, caused_by: str | None = None
) -> int | None:
    """Put a message into the outbox. Return its sequence, or None if it is there already."""
    now = endpoint.clock()
    return outbox.add_outgoing(
        tx,
        Outgoing(
            component=draft.sender,
            receiver=draft.receiver,
            type=draft.type,
            message_id=message_id,
            content=draft.content,
            created_at=now,
            expires_at=expiry(draft.type, now, draft.no_use_after, endpoint.times_to_live),
            document_id=draft.document_id,
            revision=draft.revision,
            in_reply_to=draft.in_reply_to,
            caused_by=caused_by,
            rank=draft.rank,
            ba_message_id=draft.ba_message_id,
            sender_application=draft.sender_application,
            by_application=draft.by_application,
        ),
    )


def dispatch(endpoint: Endpoint, component: str, message_ids: Sequence[str]) -> None:
    """Send the unsent messages with these ids, in rank order.

    Raises:
        StoreAway: Some messages were not sent. They stay in the outbox.
    """
    unsent = set(message_ids)
    while unsent and (examined := _dispatch_batch(endpoint, component, sorted(unsent))):
        unsent -= examined


def dispatch_caused(endpoint: Endpoint, component: str, caused_by: str) -> None:
    """Send the unsent messages that the handling of one consumed message decided. Raise as `dispatch` does."""
    with endpoint.database.transaction() as tx:
        ids = outbox.unsent_of_cause(tx, component, caused_by)
        batch = _next_of(endpoint, tx, component, ids)
    _send_ready(endpoint, component, batch.ready)
    dispatch(endpoint, component, sorted(set(ids) - batch.tried))


def dispatch_left_behind(endpoint: Endpoint) -> int:
    """Send messages that another process decided but did not send. Return the number of messages tried.

    Raises:
        StoreAway: Some messages were not sent. A failure of one component does not keep back the others, unless the
            broker is unavailable.
    """
    with endpoint.database.transaction() as tx:
        unsent = outbox.left_unsent(tx, endpoint.clock() - _LEFT_BEHIND)
    failure: StoreAway | None = None
    for component in sorted({component for component, _ in unsent}):
        try:
            dispatch(endpoint, component, [message_id for sender, message_id in unsent if sender == component])
        except StoreAway as error:
            failure = error
            if not endpoint.mailbox.can_connect():
                break
    if failure is not None:
        raise failure
    return len(unsent)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message with the keys to seal it. Sealing needs no transaction."""

    message: Message
    entry: ComponentEntry
    signing: SigningKey


@dataclass(frozen=True, slots=True)
class _Batch:
    """The next messages of the outbox: the ids of all examined messages, and the messages that can be sent."""

    tried: set[str]
    ready: list[_Ready]


def _dispatch_batch(endpoint: Endpoint, component: str, message_ids: Sequence[str]) -> set[str]:
    """Send as many messages as memory allows. Return the ids tried, an empty set if nothing was unsent."""
    with endpoint.database.transaction() as tx:
        batch = _next_of(endpoint, tx, component, message_ids)
    _send_ready(endpoint, component, batch.ready)
    return batch.tried


def _next_of(endpoint: Endpoint, tx: Transaction, component: str, message_ids: Sequence[str]) -> _Batch:
    rows = outbox.unsent(tx, component, message_ids) if message_ids else []
    ready = [item for row in rows if (item := _ready_or_failed(endpoint, tx, row)) is not None]
    return _Batch({row.message_id for row in rows}, ready)


def _send_ready(endpoint: Endpoint, component: str, ready: list[_Ready]) -> None:
    """Seal and publish messages. Mark those that the broker stored as sent, even if it did not store all."""
    if not ready:
        return
    refused: dict[str, MessageRefused] = {}
    letters = [letter for item in ready if (letter := _letter_or_refused(endpoint, item, refused)) is not None]
    handed_at = endpoint.clock()
    stored = endpoint.mailbox.publish_each(letters)
    passage = Passage(handed_at, endpoint.clock(), endpoint.broker)
    with endpoint.database.transaction() as tx:
        outbox.mark_sent(tx, component, sorted(stored), passage)
        for message_id, error in refused.items():
            fail_outgoing(tx, component, [message_id], error=error, now=endpoint.clock())
    if len(stored) < len(letters):
        raise StoreAway("the message broker did not store every message")


def _ready_or_failed(endpoint: Endpoint, tx: Transaction, row: Unsent) -> _Ready | None:
    try:
        entry = receiver_entry(endpoint, tx, row)
        signing = endpoint.signing_key(tx, row.component)
    except MessageRefused as error:
        fail_outgoing(tx, row.component, [row.message_id], error=error, now=endpoint.clock())
        return None
    return _Ready(_message(row), entry, signing)


def _letter_or_refused(endpoint: Endpoint, ready: _Ready, refused: dict[str, MessageRefused]) -> Letter | None:
    try:
        return _seal(endpoint, ready)
    except MessageRefused as error:
        refused[ready.message.message_id] = error
        return None


def fail_expired(endpoint: Endpoint) -> int:
    """Mark outgoing messages as FAILED that were not delivered in time. Return their number, a thousand at most.

    The check allows 30 s for the acknowledgement of a delivery in time. A message that the receiver answered by a
    document was delivered, even without an acknowledgement.
    """
    now = endpoint.clock()
    with endpoint.database.transaction() as tx:
        expired = outbox.expired(tx, now - _ACKNOWLEDGED_WITHIN)
        for component, message_ids in expired.items():
            fail_outgoing(tx, component, message_ids, error=refusal("expired"), now=now)
    return sum(map(len, expired.values()))


def fail_outgoing(
    tx: Transaction, component: str, message_ids: Sequence[str], *, error: MessageRefused, now: datetime
) -> None:
    """Mark messages as FAILED, with the reason in their trace and answer."""
    failed = ledger.advance(
        tx, component, message_ids, State.FAILED, at=now, at_component=component, details=error.code
    )
    answer = {"errors": [{"code": error.code, "detail": error.detail}]}
    ledger.set_answer(tx, component, failed, status="failed", answer=answer)


def _message(row: Unsent) -> Message:
    return Message(
        message_id=row.message_id,
        type=row.type,
        sender=row.component,
        receiver=row.peer,
        sent_at=row.created_at,
        expires_at=row.expires_at,
        sequence=row.sequence,
        content=zlib.decompress(row.content),
        ba_message_id=row.ba_message_id,
        in_reply_to=row.in_reply_to,
        sender_application=row.sender_application,
    )


def _seal(endpoint: Endpoint, ready: _Ready) -> Letter:
    certificate = ready.entry.certificate(CertificateUse.ENCRYPTION, endpoint.clock())
    envelope = seal(ready.message, ready.signing, certificate)
    if envelope.is_large:
        envelope = _detached(endpoint, ready, envelope)
    return letter_for(ready.entry.group, ready.message, envelope.to_bytes())


def receiver_entry(endpoint: Endpoint, tx: Transaction, row: Unsent) -> ComponentEntry:
    """Return the directory entry of an outgoing message's receiver.

    Raises:
        MessageRefused: `unknown_receiver`: the code does not exist, or the receiver has no path for this sender. The
            two cases must look the same. Also `type_not_allowed`, `expired`, `directory_stale`.
    """
    now = endpoint.clock()
    entry = endpoint.believed_entry(tx, row.peer)
    if entry is None:
        raise refusal("unknown_receiver")
    # Check the path first: a forbidden receiver must look like an unknown one.
    select_path(entry.paths, row.component, row.type, now)
    check_route(row.type, endpoint.kind, entry.group.partition("-")[0])
    if row.expires_at <= now:
        raise refusal("expired")
    return entry


def letter_for(group: str, message: Message, data: bytes) -> Letter:
    """Return a message as a letter to the broker. CloudEvents attributes travel as `ce-` headers."""
    subject = message_subject(group, message.type, message.receiver, message.sender)
    return Letter(subject, data, message.message_id, cloud_event_headers(message.type, message.message_id, subject))


def cloud_event_headers(message_type: str, message_id: str, subject: str) -> dict[str, str]:
    """Return the CloudEvents 1.0 attributes of a message, as NATS headers."""
    return {
        "ce-specversion": "1.0",
        "ce-id": message_id,
        "ce-type": f"mades.{message_type}",
        "ce-source": "/mades",
        "ce-subject": subject,
        "ce-datacontenttype": MEDIA_TYPE,
    }


def _detached(endpoint: Endpoint, ready: _Ready, envelope: Envelope) -> Envelope:
    """Store the large content beside its message and return the envelope without it.

    The name of the content is unique to this attempt.
    """
    message, now = ready.message, endpoint.clock()
    name = derived_id(endpoint.secret("ids"), message.message_id, message.receiver, f"large {now.isoformat()}")
    light, data = envelope.detach(name)
    address = LargeAddress(ready.entry.group, message.receiver, message.sender, name)
    endpoint.mailbox.put_large(address, data, int((message.expires_at - now).total_seconds()))
    return light
