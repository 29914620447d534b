"""Receiving: verify, decrypt, drop repeats, note the delivery, and owe the sender an acknowledgement.

An incoming message is opened before the function opens its own transaction. A message that cannot be opened is FAILED
for good. Its sender is told if the signature was valid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tps.endpoint import ledger
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.ledger import Step
from tps.endpoint.owed import owe
from tps.errors import MessageRefused
from tps.mades.envelope import (
    DetachedContent,
    Envelope,
    open_content,
    peek_metadata,
    read_acknowledgement,
    read_metadata,
)
from tps.mades.message import AcknowledgedMessage, AcknowledgementKind, MadesAcknowledgement, Message, Metadata
from tps.mades.paths import select_path
from tps.mades.states import FAILURES, State, is_answerable, refusal
from tps.mades.subjects import check_subject, parse_subject
from tps.mades.types import check_route
from tps.stores.mailbox import LargeAddress

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Arrival:
    """An envelope from event delivery, and its subject."""

    subject: str
    data: bytes

    @property
    def group(self) -> str:
        """The group whose inbox held the message."""
        return parse_subject(self.subject).group

    @property
    def type(self) -> str:
        """The message type."""
        return parse_subject(self.subject).type


def open_message(endpoint: Endpoint, arrival: Arrival) -> Message:
    """Return a verified and decrypted message.

    Raises:
        MessageRefused: The message failed for good. The failure is noted. It is owed to the sender if the signature
            was valid.
        StoreAway: A store is unavailable. The same message must be delivered again.
    """
    envelope = Envelope.from_bytes(arrival.data)
    try:
        return _open(endpoint, arrival, envelope)
    except MessageRefused as error:
        _note_failure(endpoint, envelope, error)
        raise


def open_acknowledgement(endpoint: Endpoint, arrival: Arrival) -> MadesAcknowledgement:
    """Return a verified MADES acknowledgement.

    Raises:
        MessageRefused: The acknowledgement is invalid. Its sender is not told.
        StoreAway: A store is unavailable. The same acknowledgement must be delivered again.
    """
    with endpoint.database.transaction() as tx:
        acknowledgement = read_acknowledgement(
            Envelope.from_bytes(arrival.data), lambda code: endpoint.believed_entry(tx, code), endpoint.clock()
        )
    check_subject(arrival.subject, acknowledgement)
    return acknowledgement


def apply_acknowledgement(endpoint: Endpoint, acknowledgement: MadesAcknowledgement) -> None:
    """Note in the ledger what a receiver states about messages that it got. Other messages are ignored."""
    own, peer, kind = acknowledgement.receiver, acknowledgement.sender, acknowledgement.kind
    with endpoint.database.transaction() as tx:
        own_ids = ledger.sent_to(tx, own, peer, [message.message_id for message in acknowledgement.messages])
        messages = [message for message in acknowledgement.messages if message.message_id in own_ids]
        if kind is AcknowledgementKind.FAILURE:
            _fail(tx, own, peer, messages)
        if kind is AcknowledgementKind.TRACING:
            steps = [Step(message.message_id, message.at, message.detail) for message in messages]
            ledger.trace_passage(tx, own, steps, at_component=peer)
        steps = [Step(message.message_id, message.at) for message in messages]
        for state in _STATES[kind]:
            ledger.advance_each(tx, own, steps, state, at_component=peer)


def _fail(tx: Transaction, own: str, peer: str, messages: Sequence[AcknowledgedMessage]) -> None:
    """Mark messages as FAILED that were not delivered already. A receiver cannot revoke a delivery."""
    steps = [Step(message.message_id, message.at, message.detail) for message in messages]
    failed = set(ledger.advance_each(tx, own, steps, State.FAILED, at_component=peer))
    by_code: dict[str, list[str]] = defaultdict(list)
    for message in messages:
        if message.message_id in failed:
            by_code[message.detail or "failed"].append(message.message_id)
    for code, ids in by_code.items():
        errors = [{"code": code, "detail": FAILURES.get(code, "the receiver could not process the message")}]
        ledger.set_answer(tx, own, ids, status="failed", answer={"errors": errors})


_STATES = {
    AcknowledgementKind.DELIVERY: (State.DELIVERED,),
    AcknowledgementKind.RECEIVE: (State.DELIVERED, State.RECEIVED),
    AcknowledgementKind.FAILURE: (),
    AcknowledgementKind.TRACING: (),
}


def _open(endpoint: Endpoint, arrival: Arrival, envelope: Envelope) -> Message:
    with endpoint.database.transaction() as tx:
        metadata = read_metadata(envelope, lambda code: endpoint.believed_entry(tx, code), endpoint.clock())
        check_subject(arrival.subject, metadata)
        _check_path(endpoint, tx, metadata)
        if envelope.detached is None:
            return _opened(endpoint, tx, envelope, metadata)
    # Unreferenced, so the fetched buffer is freed once attached, before the decryption.
    envelope = envelope.attach(_attached(endpoint, arrival, envelope.detached, metadata))
    with endpoint.database.transaction() as tx:
        return _opened(endpoint, tx, envelope, metadata)


def _opened(endpoint: Endpoint, tx: Transaction, envelope: Envelope, metadata: Metadata) -> Message:
    content = open_content(envelope, metadata, lambda certificate: endpoint.decryption_key(tx, certificate))
    return metadata.with_content(content)


def _check_path(endpoint: Endpoint, tx: Transaction, metadata: Metadata) -> None:
    """Check that the receiver is a component of this group and that its path is open to the sender."""
    if endpoint.own(tx, metadata.receiver) is None:
        raise refusal("wrong_receiver")
    entry = endpoint.believed_entry(tx, metadata.receiver)
    if entry is None:
        raise refusal("unknown_receiver")
    # Check the path first: without one, this receiver must look like an unknown one.
    select_path(entry.paths, metadata.sender, metadata.type, endpoint.clock())
    sender = endpoint.believed_entry(tx, metadata.sender)
    check_route(metadata.type, _kind(sender.group) if sender else "", endpoint.kind)


def _kind(group: str) -> str:
    return group.partition("-")[0]


def _attached(endpoint: Endpoint, arrival: Arrival, detached: DetachedContent, metadata: Metadata) -> bytearray:
    """Fetch a large content, which the broker stores beside its message. No transaction is open meanwhile."""
    address = LargeAddress(arrival.group, metadata.receiver, metadata.sender, detached.name)
    data = endpoint.mailbox.get_large(address, detached.chunks)
    if data is None:
        raise refusal("content_missing")
    return data


def _note_failure(endpoint: Endpoint, envelope: Envelope, error: MessageRefused) -> None:
    """Keep an invalid message as FAILED. Owe its sender the failure if the signature was valid."""
    try:
        metadata, now = peek_metadata(envelope), endpoint.clock()
    except MessageRefused:
        return
    is_proven = is_answerable(error.code)
    with endpoint.database.transaction() as tx:
        ledger.add_failed(tx, metadata, error.code, now, is_proven=is_proven)
        if not is_proven or endpoint.own(tx, metadata.receiver) is None:
            return
        owe(
            tx,
            component=metadata.receiver,
            peer=metadata.sender,
            message_ids=[metadata.message_id],
            kind=AcknowledgementKind.FAILURE,
            at=now,
            detail=error.code,
        )
