"""Handle one incoming message: decide once, store, send, and only then acknowledge to the broker.

`tps.endpoint.intake` adds the document: it decodes, checks and answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from tps.documents.header import Header, Role
from tps.endpoint import ledger
from tps.endpoint.acknowledging import send_owed
from tps.endpoint.components import OwnComponent
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.message_row import MessageRow, Status
from tps.endpoint.owed import owe
from tps.endpoint.receiving import Arrival, open_message
from tps.endpoint.sending import Draft, dispatch_caused, enqueue
from tps.errors import MessageRefused, Refused, StoreAway
from tps.mades.ids import derived_id
from tps.mades.message import AcknowledgementKind, Message
from tps.mades.states import State, refusal

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_log = structlog.get_logger()
ROLES = {"tps": Role.TPS, "dso": Role.DSO, "agr": Role.AGR, "brp": Role.BRP}


@dataclass(frozen=True, slots=True)
class Correspondent:
    """The party at the other end: its component, its code, its market role."""

    component: str
    party: str
    role: Role


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of `decide`.

    Attributes:
        status: Business outcome.
        document_id, revision: Id and revision of the document in the message.
        is_received: The application has the message (RECEIVED). Otherwise the message stays DELIVERED until it is read.
        wakes: Parties whose waiting calls must look again.
    """

    status: Status
    document_id: str | None = None
    revision: int | None = None
    is_received: bool = True
    wakes: tuple[str, ...] = ()

    @property
    def is_followed_up(self) -> bool:
        """True if the message has further effects. A refused message has none."""
        return self.status in (Status.ACCEPTED, Status.PARTLY_ACCEPTED)


@dataclass(frozen=True, slots=True)
class Desk:
    """The place where one of the group's components decides what to send, in one transaction.

    Attributes:
        own: The component that sends.
        cause: The id of the consumed message, or the name of a piece of work that is repeated after a crash
            (`schedules 5790000000005 2026-03-29T06:00:15Z`). Messages for the same cause, recipient and purpose have
            the same id, so they are sent once.
    """

    endpoint: Endpoint
    tx: Transaction
    own: OwnComponent
    now: datetime
    cause: str

    def derived_id(self, recipient: str, purpose: str) -> str:
        """Return the id of what this cause sends to one recipient. Every repeat gives the same id."""
        return derived_id(self.endpoint.secret("ids"), self.cause, recipient, purpose)

    def header_to(self, peer: Correspondent, document_id: str) -> Header:
        """Return the header of a document from this component to a peer."""
        return Header(
            document_id=document_id,
            created_at=self.now.replace(microsecond=0),
            sender=self.own.party,
            sender_role=ROLES[self.own.role],
            receiver=peer.party,
            receiver_role=peer.role,
        )

    def send(self, draft: Draft, purpose: str) -> None:
        """Put a message into the outbox, unless an earlier attempt already did."""
        message_id = self.derived_id(draft.receiver, f"message {purpose}")
        enqueue(self.endpoint, self.tx, draft, message_id, caused_by=self.cause)


@dataclass(frozen=True, slots=True)
class Incoming(Desk):
    """An incoming message with the transaction that decides on it. The message is the cause."""

    message: Message


@dataclass(frozen=True, slots=True)
class Handling(Incoming):
    """An incoming message together with the party whose component signed it."""

    sender: Correspondent


def platform_desk(endpoint: Endpoint, tx: Transaction, cause: str) -> Desk:
    """Return the platform's desk for work that no message causes, such as a tick.

    When the transaction is committed, the caller must call `dispatch_caused(endpoint, endpoint.platform, cause)`.
    """
    own = endpoint.own(tx, endpoint.platform)
    assert own is not None
    return Desk(endpoint, tx, own, endpoint.clock(), cause)


def platform_correspondent(incoming: Incoming) -> Correspondent:
    """Return the platform as the sender, as a party's backend knows it from its copy of the directory.

    Raises:
        MessageRefused: `unknown_sender`: the copy no longer contains the component.
    """
    entry = incoming.endpoint.entry(incoming.tx, incoming.message.sender)
    if entry is None:
        raise refusal("unknown_sender")
    return Correspondent(entry.code, entry.party, Role.TPS)


def answered_request(incoming: Incoming) -> MessageRow | None:
    """Return and lock the own message that an incoming message answers.

    Return None if there is no such message, or if it did not go to the sender of the incoming message.
    """
    request = ledger.find(incoming.tx, incoming.own.code, incoming.message.in_reply_to or "", lock=True)
    if request is None or request.direction != "out" or request.peer != incoming.message.sender:
        return None
    return request


Decide = Callable[[Incoming], Verdict]
FollowUp = Callable[[Incoming], None]


def take(endpoint: Endpoint, arrival: Arrival, decide: Decide, follow_up: FollowUp | None = None) -> Status:
    """Take in a message without reading its content: `open_arrival`, then `handle`."""
    return handle(endpoint, open_arrival(endpoint, arrival), decide, follow_up)


def open_arrival(endpoint: Endpoint, arrival: Arrival) -> Message:
    """Verify and decrypt a message.

    Raises:
        MessageRefused: The message failed for good. The failure is noted. It is owed to the sender if the signature
            was valid.
        StoreAway: The same message must be delivered again.
    """
    try:
        return open_message(endpoint, arrival)
    except MessageRefused:
        endpoint.owed.schedule(endpoint)
        raise


def handle(endpoint: Endpoint, message: Message, decide: Decide, follow_up: FollowUp | None = None) -> Status:
    """Decide on an opened message once, and run its follow-up.

    Returns:
        The business outcome. A repeated message gets its earlier outcome.

    Raises:
        MessageRefused: The message failed for good.
        StoreAway: Nothing is lost. The same message must be delivered again.
    """
    try:
        verdict = _decide(endpoint, message, decide, has_follow_up=follow_up is not None)
    except MessageRefused:
        raise
    except Refused as error:
        # A repeat would be refused again, so the message ends here without effects.
        _log.warning("message refused", message_id=message.message_id, reason=error.detail)
        verdict = _decide(endpoint, message, lambda _: Verdict(Status.REFUSED), has_follow_up=False)
    except Exception:
        _note_arrival(endpoint, message)
        raise
    if verdict.wakes:
        endpoint.mailbox.wake(verdict.wakes)
    dispatch_caused(endpoint, message.receiver, message.message_id)
    if follow_up is not None and verdict.is_followed_up:
        # Acknowledge before the follow-up: its duration must not reveal the number of recipients.
        send_owed(endpoint, only=message.message_id)
        with endpoint.database.transaction() as tx:
            ledger.find(tx, message.receiver, message.message_id, lock=True)
            follow_up(_incoming(endpoint, tx, message))
        dispatch_caused(endpoint, message.receiver, message.message_id)
    endpoint.owed.schedule(endpoint)
    return verdict.status


def note_received(endpoint: Endpoint, tx: Transaction, component: str, message_ids: Sequence[str]) -> None:
    """Mark messages as RECEIVED, because the application has them. Owe their senders the acknowledgement, once.

    The caller must call `endpoint.owed.schedule` after the commit.
    """
    moved = ledger.advance(tx, component, message_ids, State.RECEIVED, at=endpoint.clock(), at_component=component)
    for peer, ids in ledger.by_peer(tx, component, moved).items():
        owe(
            tx,
            component=component,
            peer=peer,
            message_ids=ids,
            kind=AcknowledgementKind.RECEIVE,
            at=endpoint.clock(),
        )


def _note_arrival(endpoint: Endpoint, message: Message) -> None:
    """Note that a message arrived but a fault of this system prevents its handling.

    The sender is owed a tracing acknowledgement, once.
    """
    with suppress(StoreAway), endpoint.database.transaction() as tx:
        now = endpoint.clock()
        if ledger.add_arrived(tx, message, now):
            owe(
                tx,
                component=message.receiver,
                peer=message.sender,
                message_ids=[message.message_id],
                kind=AcknowledgementKind.TRACING,
                at=now,
                detail="arrived, not processed yet",
            )
    endpoint.owed.schedule(endpoint)


def _decide(endpoint: Endpoint, message: Message, decide: Decide, *, has_follow_up: bool) -> Verdict:
    with endpoint.database.transaction() as tx:
        ledger.add_incoming(tx, message, endpoint.clock())
        row = ledger.find(tx, message.receiver, message.message_id, lock=True)
        assert row is not None
        if (row.direction, row.peer) != ("in", message.sender):
            raise refusal("malformed", "another message already has this id")
        incoming = _incoming(endpoint, tx, message)
        if row.is_handled:
            return Verdict(row.status, wakes=(incoming.own.party,))
        verdict = decide(incoming)
        ledger.mark_handled(
            tx,
            message.receiver,
            message.message_id,
            status=verdict.status,
            document=(verdict.document_id, verdict.revision),
        )
        _owe(incoming, verdict, is_sent_next=has_follow_up and verdict.is_followed_up)
        return verdict


def _owe(incoming: Incoming, verdict: Verdict, *, is_sent_next: bool) -> None:
    message, now = incoming.message, incoming.now
    if verdict.is_received:
        ledger.advance(
            incoming.tx,
            message.receiver,
            [message.message_id],
            State.RECEIVED,
            at=now,
            at_component=message.receiver,
        )
    owe(
        incoming.tx,
        component=message.receiver,
        peer=message.sender,
        message_ids=[message.message_id],
        kind=AcknowledgementKind.RECEIVE if verdict.is_received else AcknowledgementKind.DELIVERY,
        at=now,
        lease_id=message.message_id if is_sent_next else None,
    )


def _incoming(endpoint: Endpoint, tx: Transaction, message: Message) -> Incoming:
    own = endpoint.own(tx, message.receiver)
    assert own is not None
    return Incoming(endpoint, tx, own, endpoint.clock(), message.message_id, message)
