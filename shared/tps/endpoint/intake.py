"""Take in one message with a document: verify, decode, decide once, answer, and acknowledge last.

A function declares an `Intake` for each message type: the expected document, the function that decides on it, and the
follow-up. This module does the rest, in this order:

open        verify and decrypt the message; a message that cannot be opened is FAILED
read        decode the document, before any transaction is open
decide      one transaction: the inbox row, what `decide` writes, and the outbox rows of all answers
dispatch    send the Acknowledgement document and whatever else was decided
follow up   a second transaction, for work that must not delay the answer; it may run again
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Generic, TypeVar, cast

from tps.documents import Document, DocumentRefused, decode, received
from tps.documents.acknowledgement import ReceivedDocument
from tps.endpoint.answers import Answer, DecideOn, acknowledge, decide_once, decide_undoing
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import (
    Correspondent,
    Handling,
    Incoming,
    Verdict,
    answered_request,
    handle,
    open_arrival,
    platform_correspondent,
)
from tps.endpoint.message_row import Status
from tps.endpoint.receiving import Arrival
from tps.errors import Finding

_D = TypeVar("_D", bound=Document)


class Reader(Enum):
    """The reader without whom a message does not count as RECEIVED."""

    BACKEND = auto()
    """This backend: a message that it has taken in is RECEIVED."""
    REQUESTER = auto()
    """The application whose question the message answers. Without such an application, this backend."""
    PARTY = auto()
    """The party, by a REST call or by its application."""


@dataclass(frozen=True, slots=True)
class Intake(Generic[_D]):
    """The declaration of how a function takes in one type of message.

    Attributes:
        document: The type of document that the message must carry. Another type is refused (A94).
        decide: Decides on the document in the transaction of the intake. It returns the answer for the sender's
            Acknowledgement, or None if it answers in another way. It raises Refused to refuse the document.
        follow_up: Runs in a second transaction, after the answer was sent, unless the document was refused. It may
            run again after a crash and must then change nothing.
        afterwards: Runs last, for every outcome, without a transaction.
        sender: Finds the party behind the component that signed the message.
        is_answered: The sender gets an Acknowledgement document. False for Acknowledgements themselves.
        is_kept: The platform remembers its decision: the same document again gets the same answer and has no further
            effect, and the same id and revision with other content is refused (A51).
        reader: The reader without whom the message does not count as RECEIVED.
    """

    document: type[_D]
    decide: Callable[[Handling, _D], Answer | None]
    follow_up: Callable[[Handling, _D], None] | None = None
    afterwards: Callable[[Endpoint], None] | None = None
    sender: Callable[[Incoming], Correspondent] = platform_correspondent
    is_answered: bool = True
    is_kept: bool = False
    reader: Reader = Reader.BACKEND

    def __call__(self, endpoint: Endpoint, arrival: Arrival) -> Status:
        """Take in one message, from the broker to its last effect.

        Returns:
            The business outcome. A repeated message gets its earlier outcome.

        Raises:
            MessageRefused: The message failed for good.
            StoreAway: Nothing is lost. The same message must be delivered again.
        """
        message = open_arrival(endpoint, arrival)
        # Decoding a large document takes seconds, so no transaction is open and no lock is held meanwhile.
        document = _read(message.content)
        follow_up = None
        if self.follow_up is not None and isinstance(document, self.document):
            follow_up = partial(_follow_up, self, document)
        status = handle(endpoint, message, partial(_decide, self, document), follow_up)
        if self.afterwards is not None:
            self.afterwards(endpoint)
        return status


def _read(content: bytes) -> Document | DocumentRefused:
    """Decode a document, or return the refusal for the transaction that answers it."""
    try:
        return decode(content)
    except DocumentRefused as error:
        return error


def _decide(intake: Intake[_D], document: Document | DocumentRefused, incoming: Incoming) -> Verdict:
    handling = _handling(intake, incoming)
    if isinstance(document, DocumentRefused):
        quoted = document.received or ReceivedDocument(incoming.message.ba_message_id or "unreadable")
        answer: Answer | None = Answer.refusing(document.findings)
    else:
        quoted, answer = received(document), _answer_to(intake, handling, document)
    if answer is not None and intake.is_answered:
        acknowledge(incoming, handling.sender, quoted, answer)
    is_received, wakes = _reading(intake.reader, incoming)
    status = Status.ACCEPTED if answer is None else answer.status
    return Verdict(status, quoted.document_id, quoted.revision, is_received=is_received, wakes=wakes)


def _follow_up(intake: Intake[_D], document: _D, incoming: Incoming) -> None:
    assert intake.follow_up is not None
    intake.follow_up(_handling(intake, incoming), document)


def _handling(intake: Intake[_D], incoming: Incoming) -> Handling:
    fields = {field.name: getattr(incoming, field.name) for field in dataclasses.fields(incoming)}
    return Handling(**fields, sender=intake.sender(incoming))


def _answer_to(intake: Intake[_D], handling: Handling, document: Document) -> Answer | None:
    misplaced = _misplaced(document, handling)
    if misplaced is not None:
        return Answer.refusing([misplaced])
    if not isinstance(document, intake.document):
        detail = "the document does not match the message type"
        return Answer.refusing([Finding("A94", "", detail)])
    decide = decide_once if intake.is_kept else decide_undoing
    return decide(handling, document, cast(DecideOn, intake.decide))


def _misplaced(document: Document, handling: Handling) -> Finding | None:
    """Return a finding if the header does not name the sender and the receiver of the message."""
    if document.header.sender != handling.sender.party:
        return Finding("A78", "", "the sender in the document did not sign the message")
    if document.header.receiver != handling.own.party:
        return Finding("A53", "", "the document is addressed to another receiver")
    return None


def _reading(reader: Reader, incoming: Incoming) -> tuple[bool, tuple[str, ...]]:
    """Return whether the message is RECEIVED now, and the parties whose waiting calls must look again."""
    if reader is Reader.BACKEND:
        return True, ()
    request = answered_request(incoming) if reader is Reader.REQUESTER else None
    is_received = reader is Reader.REQUESTER and (request is None or not request.by_application)
    return is_received, (incoming.own.party,)
