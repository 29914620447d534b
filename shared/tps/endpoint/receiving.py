"""Receiving: verify, decrypt, drop what came before, note delivery, and tell the sender.

An incoming message is opened before any transaction of the function that takes it; what cannot be opened is FAILED
for good, and the sender is told if its signature held.
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
            Envelope.from_bytes(arrival.data), lambda code: endpoint.believed_entry(tx, code), endpoint.clock()
        )
    check_subject(arrival.subject, acknowledgement)
    return acknowledgement


def apply_acknowledgement(endpoint: Endpoint, acknowledgement: MadesAcknowledgement) -> None:
    """Note in the ledger what a receiver says of our messages to it; of others it can say nothing."""
    own, peer, kind = acknowledgement.receiver, acknowledgement.sender, acknowledgement.kind
    with endpoint.database.transaction() as tx:
        ours = ledger.sent_to(tx, own, peer, [each.message_id for each in acknowledgement.messages])
        messages = [each for each in acknowledgement.messages if each.message_id in ours]
        if kind is AcknowledgementKind.FAILURE:
            _fail(tx, own, peer, messages)
        if kind is AcknowledgementKind.TRACING:
            passed = [Step(each.message_id, each.at, each.detail) for each in messages]
            ledger.trace_passage(tx, own, passed, at_component=peer)
        steps = [Step(each.message_id, each.at) for each in messages]
        for state in _STATES[kind]:
            ledger.advance_each(tx, own, steps, state, at_component=peer)


def _fail(tx: Transaction, own: str, peer: str, messages: Sequence[AcknowledgedMessage]) -> None:
    """Those that were not delivered already are FAILED; a receiver cannot take back what it said."""
    steps = [Step(each.message_id, each.at, each.detail) for each in messages]
    failed = set(ledger.advance_each(tx, own, steps, State.FAILED, at_component=peer))
    by_code: dict[str, list[str]] = defaultdict(list)
    for each in messages:
        if each.message_id in failed:
            by_code[each.detail or "failed"].append(each.message_id)
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
        _check_way(endpoint, tx, metadata)
        if envelope.detached is None:
            return _opened(endpoint, tx, envelope, metadata)
    # Unreferenced after attaching, so the buffer is freed before the content is decrypted.
    envelope = envelope.attach(_attached(endpoint, arrival, envelope.detached, metadata))
    with endpoint.database.transaction() as tx:
        return _opened(endpoint, tx, envelope, metadata)


def _opened(endpoint: Endpoint, tx: Transaction, envelope: Envelope, metadata: Metadata) -> Message:
    content = open_content(envelope, metadata, lambda certificate: endpoint.decryption_key(tx, certificate))
    return metadata.with_content(content)


def _check_way(endpoint: Endpoint, tx: Transaction, metadata: Metadata) -> None:
    """Is it for a component of ours, by a path that is open to its sender?"""
    if endpoint.own(tx, metadata.receiver) is None:
        raise refusal("wrong_receiver")
    entry = endpoint.believed_entry(tx, metadata.receiver)
    if entry is None:
        raise refusal("unknown_receiver")
    # Check the path first: a forbidden receiver must look like an unknown one.
    select_path(entry.paths, metadata.sender, metadata.type, endpoint.clock())
    sender = endpoint.believed_entry(tx, metadata.sender)
    check_route(metadata.type, _kind(sender.group) if sender else "", endpoint.kind)


def _kind(group: str) -> str:
    return group.partition("-")[0]


def _attached(endpoint: Endpoint, arrival: Arrival, detached: DetachedContent, metadata: Metadata) -> bytearray:
    """A large content, which travels beside its message; no transaction is open while the broker is asked."""
    address = LargeAddress(arrival.group, metadata.receiver, metadata.sender, detached.name)
    data = endpoint.mailbox.get_large(address, detached.chunks)
    if data is None:
        raise refusal("content_missing")
    return data


def _note_failure(endpoint: Endpoint, envelope: Envelope, error: MessageRefused) -> None:
    """Keep an unusable message as FAILED in our ledger, and owe its sender the news if its signature held."""
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
