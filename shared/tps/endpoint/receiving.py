"""Receiving: verify, decrypt, drop what came before, note delivery, and tell the sender.

An incoming message is opened before any transaction of the function that takes it; what cannot be opened is FAILED
for good, and the sender is told if its signature held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tps.endpoint.endpoint import Endpoint
from tps.errors import MessageRefused
from tps.mades.envelope import (
    Envelope,
    open_content,
    peek_metadata,
    read_acknowledgement,
    read_metadata,
)
from tps.mades.message import AcknowledgementKind, MadesAcknowledgement, Message, Metadata
from tps.mades.paths import select_path
from tps.mades.states import State, is_answerable, refusal
from tps.mades.subjects import check_subject, parse_subject
from tps.mades.types import check_route
from tps.stores import ledger
from tps.stores.mailbox import LargeAddress

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Arrival:
    """What event delivery hands over: an envelope, and the subject it came by."""

    subject: str
    data: bytes

    @property
    def group(self) -> str:
        """The group whose inbox it lay in."""
        return parse_subject(self.subject).group

    @property
    def type(self) -> str:
        """Its message type."""
        return parse_subject(self.subject).type


def open_message(endpoint: Endpoint, arrival: Arrival) -> Message:
    """The message, proven and decrypted.

    Raises:
        MessageRefused: It fails for good; noted, and the sender told where it is known for sure.
        StoreAway: Retry.
    """
    envelope = Envelope.from_bytes(arrival.data)
    try:
        return _open(endpoint, arrival, envelope)
    except MessageRefused as error:
        _note_failure(endpoint, envelope, error)
        raise


def open_acknowledgement(endpoint: Endpoint, arrival: Arrival) -> MadesAcknowledgement:
    """A MADES acknowledgement, proven; raises as `open_message`, but nobody is told."""
    with endpoint.database.transaction() as tx:
        acknowledgement = read_acknowledgement(
            Envelope.from_bytes(arrival.data), lambda code: endpoint.entry(tx, code), endpoint.clock()
        )
    check_subject(arrival.subject, acknowledgement)
    return acknowledgement


def apply_acknowledgement(endpoint: Endpoint, acknowledgement: MadesAcknowledgement) -> None:
    """Note in the ledger what a receiver says of our messages to it; of others it can say nothing."""
    own, peer, now = acknowledgement.receiver, acknowledgement.sender, endpoint.clock()
    with endpoint.database.transaction() as tx:
        ours = {
            message.message_id: message
            for message in acknowledgement.messages
            if (row := ledger.find(tx, own, message.message_id)) and row["direction"] == "out" and row["peer"] == peer
        }
        for message in ours.values():
            for state in _STATES[acknowledgement.kind]:
                ledger.advance(
                    tx,
                    own,
                    [message.message_id],
                    state,
                    at=message.at,
                    at_component=peer,
                    details=message.detail if state is State.FAILED else None,
                )
            if acknowledgement.kind is AcknowledgementKind.FAILURE:
                errors = [{"code": message.detail or "failed", "detail": "the receiver could not take the message"}]
                ledger.set_answer(tx, own, message.message_id, "failed", {"errors": errors, "at": now.isoformat()})


_STATES = {
    AcknowledgementKind.DELIVERY: (State.DELIVERED,),
    AcknowledgementKind.RECEIVE: (State.DELIVERED, State.RECEIVED),
    AcknowledgementKind.FAILURE: (State.FAILED,),
    AcknowledgementKind.TRACING: (),
}


def _open(endpoint: Endpoint, arrival: Arrival, envelope: Envelope) -> Message:
    with endpoint.database.transaction() as tx:
        metadata = read_metadata(envelope, lambda code: endpoint.entry(tx, code), endpoint.clock())
        check_subject(arrival.subject, metadata)
        _check_way(endpoint, tx, metadata)
    whole = _attached(endpoint, arrival, envelope, metadata)
    with endpoint.database.transaction() as tx:
        content = open_content(whole, metadata, lambda certificate: endpoint.decryption_key(tx, certificate))
    return metadata.with_content(content)


def _check_way(endpoint: Endpoint, tx: Transaction, metadata: Metadata) -> None:
    """Is it for a component of ours, by a path that is open to its sender?"""
    if endpoint.own(tx, metadata.receiver) is None:
        raise refusal("wrong_receiver")
    entry = endpoint.entry(tx, metadata.receiver)
    if entry is None:
        raise refusal("unknown_receiver")
    sender = endpoint.entry(tx, metadata.sender)
    check_route(metadata.type, _kind(sender.group) if sender else "", endpoint.kind)
    select_path(entry.paths, metadata.sender, metadata.type, endpoint.clock())


def _kind(group: str) -> str:
    return group.partition("-")[0]


def _attached(endpoint: Endpoint, arrival: Arrival, envelope: Envelope, metadata: Metadata) -> Envelope:
    if envelope.detached is None:
        return envelope
    address = LargeAddress(arrival.group, metadata.receiver, metadata.sender, envelope.detached.name)
    data = endpoint.mailbox.get_large(address, envelope.detached.chunks)
    if data is None:
        raise refusal("content_missing")
    return envelope.attach(data)


def _note_failure(endpoint: Endpoint, envelope: Envelope, error: MessageRefused) -> None:
    """Keep an unusable message as FAILED in our ledger, and owe its proven sender the news."""
    if not is_answerable(error.code):
        return
    metadata, now = peek_metadata(envelope), endpoint.clock()
    with endpoint.database.transaction() as tx:
        if endpoint.own(tx, metadata.receiver) is None or endpoint.entry(tx, metadata.sender) is None:
            return
        ledger.add_failed(tx, metadata, error.code, now)
        ledger.owe_acknowledgement(
            tx,
            component=metadata.receiver,
            peer=metadata.sender,
            message_ids=[metadata.message_id],
            kind=AcknowledgementKind.FAILURE,
            at=now,
            detail=error.code,
        )
