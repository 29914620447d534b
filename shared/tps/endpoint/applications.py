"""The calls of business applications to their endpoint: send, receive, confirm, check status, test.

The MADES web service calls these functions. Any other interface for applications must call them as well (F1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from tps.documents import Document, decode, received
from tps.documents.errors import DocumentRefused
from tps.documents.unavailability import LimitDocument
from tps.domain.limit import UnforeseenLimit
from tps.endpoint import confirming, ledger
from tps.endpoint.archiving import read_document
from tps.endpoint.components import OwnComponent
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Verdict, note_received, take
from tps.endpoint.message_row import MessageRow, Status, TraceStep
from tps.endpoint.receiving import Arrival
from tps.endpoint.sending import Draft, dispatch, enqueue, fail_outgoing
from tps.errors import MessageRefused, NotFound, StoreAway
from tps.mades import codes
from tps.mades.ids import new_id
from tps.mades.message import ACKNOWLEDGEMENT_TYPE
from tps.mades.paths import select_path
from tps.mades.states import FAILURES, State, refusal, shown_to_application
from tps.mades.types import BUSINESS_TYPES, CONNECTIVITY_TEST, ROUTES
from tps.mades.web_service import MessageStatus, ReceivedMessage, TraceItem

if TYPE_CHECKING:
    from tps.stores.database import Transaction

ANY_TYPE = "*"
_MAXIMUM_BA_ID, _MAXIMUM_APPLICATION = 255, 60
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sending:
    """A send request of an application, with codes and texts as the application gave them."""

    receiver: str
    type: str
    content: bytes
    ba_message_id: str | None = None
    sender_application: str | None = None
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted message: party, type, id, `sequence` per sender and receiver, and the time of acceptance."""

    party: str
    type: str
    message_id: str
    sequence: int
    at: datetime


Keep = Callable[["Transaction", Sent, Document], None]


def send_message(endpoint: Endpoint, own: OwnComponent, sending: Sending, keep: Keep | None = None) -> str:
    """Accept a message from an application and return its id.

    A repeated conversation returns the id of the earlier message. An undeliverable message becomes FAILED, which its
    status shows. If the broker is away, a later attempt sends the message.

    Args:
        keep: Stores the backend's data about a business document to the platform, in the same transaction.

    Raises:
        MessageRefused: `malformed`: a code, the type or a text is invalid.
    """
    _check(sending)
    document = _document_of(sending)
    fresh_id = new_id()
    with endpoint.database.transaction() as tx:
        message_id = _bind_conversation(
            endpoint, tx, own.party, conversation_id=sending.conversation_id, message_id=fresh_id
        )
        if message_id == fresh_id:
            sequence = enqueue(endpoint, tx, _draft(own, sending, document), message_id)
            if keep and document and sequence is not None and _is_for_platform(endpoint, sending):
                keep(tx, Sent(own.party, sending.type, message_id, sequence, endpoint.clock()), document)
    _dispatch(endpoint, own, message_id)
    return message_id


def send_test(endpoint: Endpoint, own: OwnComponent, receiver: str, business_type: str | None) -> str:
    """Send a connectivity test, which the receiver's endpoint answers, and return its id.

    The state of a successful test becomes DELIVERED.

    Args:
        business_type: Message type whose path is tested, if the sender may know the receiver. None for any type.

    Raises:
        MessageRefused: `malformed`: the receiver or the type is invalid.
    """
    codes.component_code(receiver, "receiverCode")
    tested_type = business_type if business_type not in (None, ANY_TYPE) else CONNECTIVITY_TEST
    assert tested_type is not None
    codes.message_type(tested_type, "businessType")
    message_id = new_id()
    draft = Draft(own.code, receiver, CONNECTIVITY_TEST, tested_type.encode(), by_application=True)
    with endpoint.database.transaction() as tx:
        enqueue(endpoint, tx, draft, message_id)
        _fail_without_path(endpoint, tx, own, draft, message_id=message_id)
    _dispatch(endpoint, own, message_id)
    return message_id


def answer_test(endpoint: Endpoint, arrival: Arrival) -> Status:
    """Accept a connectivity test. Its delivery acknowledgement is the whole answer."""
    return take(endpoint, arrival, lambda _handling: Verdict(Status.ACCEPTED, is_received=False))


def next_message(
    endpoint: Endpoint, own: OwnComponent, business_type: str | None, *, with_content: bool
) -> tuple[ReceivedMessage | None, int]:
    """Return the oldest unconfirmed message and the number of other unconfirmed messages.

    The message stays unconfirmed until the application confirms it.

    Args:
        business_type: Message type. None or `*` for any type.

    Raises:
        StoreAway: The content of the message is temporarily unavailable.
    """
    wanted = None if business_type == ANY_TYPE else business_type
    with endpoint.database.transaction() as tx:
        row, remaining = confirming.next_unconfirmed(tx, own.code, wanted)
    if row is None:
        return None, 0
    content = read_document(endpoint, own.code, row.message_id) if with_content else None
    if with_content and content is None:
        raise StoreAway("the document of the message is temporarily unavailable; try again later")
    message = ReceivedMessage(
        message_id=row.message_id,
        receiver=own.code,
        sender=row.peer,
        business_type=row.type,
        content=content,
        sender_application=row.sender_application,
        ba_message_id=row.ba_message_id,
    )
    return message, remaining


def confirm_message(endpoint: Endpoint, own: OwnComponent, message_id: str) -> None:
    """Mark a message as RECEIVED for the application and owe its sender the acknowledgement, once.

    Raises:
        NotFound: The endpoint never offered such a message to the application.
    """
    with endpoint.database.transaction() as tx:
        if not confirming.mark_confirmed(tx, own.code, message_id, endpoint.clock()):
            raise _not_found()
        note_received(endpoint, tx, own.code, [message_id])
    endpoint.owed.schedule(endpoint)


def status_of(endpoint: Endpoint, own: OwnComponent, message_id: str) -> MessageStatus:
    """Return the state and the trace of a message that this component sent or received.

    Raises:
        NotFound: The message does not exist or belongs to another component.
    """
    with endpoint.database.transaction() as tx:
        row = ledger.find(tx, own.code, message_id)
        if row is None or not row.is_proven:
            raise _not_found()
        steps = ledger.trace_of(tx, own.code, message_id)
        names = {code: _name_of(endpoint, tx, code) for code in {step.at_component for step in steps}}
    return _status(own, row, steps, names)


def _check(sending: Sending) -> None:
    codes.component_code(sending.receiver, "receiverCode")
    if codes.message_type(sending.type, "businessType") == ACKNOWLEDGEMENT_TYPE:
        raise refusal("malformed", "only endpoints send acknowledgements of MADES")
    if sending.ba_message_id is not None:
        codes.free_text(sending.ba_message_id, "baMessageID", _MAXIMUM_BA_ID)
    if sending.sender_application is not None:
        codes.free_text(sending.sender_application, "senderApplication", _MAXIMUM_APPLICATION)


def _document_of(sending: Sending) -> Document | None:
    """Return the document in a business message. Return None for an unreadable one, which the receiver refuses."""
    if sending.type not in BUSINESS_TYPES:
        return None
    try:
        return decode(sending.content)
    except DocumentRefused:
        return None


def _is_for_platform(endpoint: Endpoint, sending: Sending) -> bool:
    """Return whether components of this group send messages of this type to the platform, and this one goes there."""
    return sending.receiver == endpoint.platform and (endpoint.kind, "tps") in ROUTES[sending.type]


def _draft(own: OwnComponent, sending: Sending, document: Document | None) -> Draft:
    quoted = received(document) if document is not None else None
    return Draft(
        sender=own.code,
        receiver=sending.receiver,
        type=sending.type,
        content=sending.content,
        document_id=quoted.document_id if quoted else None,
        revision=quoted.revision if quoted else None,
        no_use_after=_no_use_after(document),
        ba_message_id=sending.ba_message_id,
        sender_application=sending.sender_application,
        by_application=True,
    )


def _no_use_after(document: Document | None) -> datetime | None:
    """Return the expected end of an emergency, as the REST interface does. Later the message is useless."""
    limit = document.limit if isinstance(document, LimitDocument) else None
    return limit.period.end if isinstance(limit, UnforeseenLimit) else None


def _bind_conversation(
    endpoint: Endpoint, tx: Transaction, party: str, *, conversation_id: str | None, message_id: str
) -> str:
    """Return the id of the conversation's message. A new conversation is bound to the given id.

    A repeated conversation id means the same message, whatever else differs in the request.
    """
    if conversation_id is None or not conversation_id.strip():
        return message_id
    # The line break keeps this key apart from every key of a REST call.
    key = f"conversation\n{hashlib.sha256(conversation_id.encode()).hexdigest()}"
    return ledger.remember_key(tx, party=party, key=key, digest=b"", message_id=message_id, now=endpoint.clock())


def _fail_without_path(
    endpoint: Endpoint, tx: Transaction, own: OwnComponent, draft: Draft, *, message_id: str
) -> None:
    """Fail a test at once if the path of the tested type is closed, as a message of that type would fail."""
    try:
        entry = endpoint.believed_entry(tx, draft.receiver)
        if entry is not None:
            select_path(entry.paths, own.code, draft.content.decode(), endpoint.clock())
    except MessageRefused as error:
        fail_outgoing(tx, own.code, [message_id], error=error, now=endpoint.clock())


def _dispatch(endpoint: Endpoint, own: OwnComponent, message_id: str) -> None:
    try:
        dispatch(endpoint, own.code, [message_id])
    except StoreAway:
        _log.warning("message stays in the outbox", message_id=message_id)


def _name_of(endpoint: Endpoint, tx: Transaction, code: str) -> str:
    entry = endpoint.entry(tx, code)
    return entry.organisation if entry else code


def _status(own: OwnComponent, row: MessageRow, steps: Sequence[TraceStep], names: Mapping[str, str]) -> MessageStatus:
    is_sent = row.direction == "out"
    arrivals = [step.at for step in steps if step.state in (State.DELIVERED, State.RECEIVED)]
    return MessageStatus(
        message_id=row.message_id,
        state=shown_to_application(row.state),
        receiver=row.peer if is_sent else own.code,
        sender=own.code if is_sent else row.peer,
        business_type=row.type,
        sent_at=row.created_at if is_sent else row.sent_at or row.created_at,
        received_at=min(arrivals, default=None),
        trace=[_item(step, names) for step in steps],
        sender_application=row.sender_application,
        ba_message_id=row.ba_message_id,
    )


def _item(step: TraceStep, names: Mapping[str, str]) -> TraceItem:
    code, details = step.at_component, step.details
    explained = f"{details}: {FAILURES[details]}" if details is not None and details in FAILURES else details
    return TraceItem(step.at, shown_to_application(step.state), code, names[code], explained)


def _not_found() -> NotFound:
    return NotFound("the caller has no message with this id")
