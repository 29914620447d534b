"""Acknowledgement documents: every business document but an acknowledgement gets one; refusals name their reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tps.documents import Document, DocumentRefused, encode, received
from tps.documents.acknowledgement import (
    Acknowledgement,
    DocumentReason,
    Outcome,
    ReceivedDocument,
    RejectedSeries,
    finding_reason,
    rejected_series,
)
from tps.endpoint.decisions import Decision, decision_on, keep_decision, lock_document
from tps.endpoint.handling import Correspondent, Desk, Handling, Status, Verdict
from tps.endpoint.sending import Draft
from tps.errors import Finding, Refused
from tps.mades.types import acknowledgement_of

ACKNOWLEDGEMENT_RANK = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a document is answered: outcome, reasons, and series or resources that were rejected."""

    outcome: Outcome
    reasons: tuple[DocumentReason, ...] = ()
    rejected: tuple[RejectedSeries, ...] = ()

    @property
    def status(self) -> Status:
        return STATUSES[self.outcome]

    @classmethod
    def refusing(cls, findings: Sequence[Finding]) -> Answer:
        """Rejected for these findings, those that concern a resource by its id."""
        general = tuple(finding_reason(finding) for finding in findings if not finding.subject)
        return cls(Outcome.REJECTED, general, rejected_series(findings))

    def to_json(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        return {
            "outcome": self.outcome,
            "reasons": [[reason.code, reason.text] for reason in self.reasons],
            "rejected": [
                [series.series_id, [[reason.code, reason.text] for reason in series.reasons]]
                for series in self.rejected
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Answer:
        """The answer that `to_json` wrote."""
        return cls(
            Outcome(value["outcome"]),
            tuple(DocumentReason(*reason) for reason in value["reasons"]),
            tuple(
                RejectedSeries(series_id, tuple(DocumentReason(*reason) for reason in reasons))
                for series_id, reasons in value["rejected"]
            ),
        )


STATUSES = {
    Outcome.ACCEPTED: Status.ACCEPTED,
    Outcome.PARTLY: Status.PARTLY_ACCEPTED,
    Outcome.PARTLY_EMERGENCY: Status.PARTLY_ACCEPTED,
    Outcome.REJECTED: Status.REFUSED,
}


def answer_document(
    handling: Handling, peer: Correspondent, decide: Callable[[Document], Answer | None], *, is_kept: bool = True
) -> Verdict:
    """Decide on the message's document, and put the acknowledgement into the outbox.

    Whatever is refused, by the document's rules or by `decide` raising Refused, is answered with its reasons and
    leaves nothing else behind. `decide` may answer in its own way and return None.

    Args:
        is_kept: The platform keeps what it decided: the same document again (by values, but for its createdDateTime)
            gets the same answer and has no further effect; the same id and revision with other content is refused
            (A51). Questions, and documents that a backend takes in, are not kept.
    """
    try:
        document = handling.document
    except DocumentRefused as error:
        answer = Answer.refusing(error.findings)
        quoted = error.received or ReceivedDocument(handling.message.ba_message_id or "unreadable")
        return _send(handling, peer, quoted, answer)
    decide_on = _decide_once if is_kept else _decide
    given = _route_answer(handling, peer, document) or decide_on(handling, peer, document, decide)
    quoted = received(document)
    if given is None:
        return Verdict(Status.ACCEPTED, quoted.document_id, quoted.revision)
    return _send(handling, peer, quoted, given)


def send_notice(
    desk: Desk,
    peer: Correspondent,
    quoted: ReceivedDocument,
    *,
    type: str,
    texts: Sequence[DocumentReason],
    purpose: str,
    in_reply_to: str,
) -> None:
    """A further acknowledgement of a document accepted earlier, with news about what it registered or limited."""
    answer = Answer(Outcome.ACCEPTED, tuple(texts))
    _enqueue(desk, peer, quoted, answer, type=type, purpose=purpose, in_reply_to=in_reply_to)


def digest_of(document: Document) -> bytes:
    """SHA-256 of a document's meaning: its values without createdDateTime."""
    timeless = replace(document, header=replace(document.header, created_at=_EPOCH))
    return hashlib.sha256(repr(timeless).encode()).digest()


def _route_answer(handling: Handling, peer: Correspondent, document: Document) -> Answer | None:
    """A document must be from whoever signed the message, and to whoever received it."""
    if document.header.sender != peer.party:
        return Answer.refusing([Finding("A78", "", "the sender in the document did not sign the message")])
    if document.header.receiver != handling.own.party:
        return Answer.refusing([Finding("A53", "", "the document is addressed to another receiver")])
    return None


def _decide_once(
    handling: Handling, peer: Correspondent, document: Document, decide: Callable[[Document], Answer | None]
) -> Answer | None:
    quoted, digest = received(document), digest_of(document)
    key = (peer.party, quoted.document_id, quoted.revision or 0)
    lock_document(handling.tx, *key)
    earlier = decision_on(handling.tx, *key)
    if earlier is not None:
        if earlier.digest == digest:
            return Answer.from_json(earlier.answer)
        return Answer.refusing([Finding("A51", "", "this revision already exists with other content")])
    answer = _decide(handling, peer, document, decide)
    if answer is not None and answer.status is not Status.REFUSED:
        keep_decision(handling.tx, *key, decision=Decision(digest, answer.to_json()), at=handling.now)
    return answer


def _decide(
    handling: Handling, _peer: Correspondent, document: Document, decide: Callable[[Document], Answer | None]
) -> Answer | None:
    try:
        with handling.tx.transaction():
            return decide(document)
    except Refused as error:
        return Answer.refusing(error.findings or [Finding("A94", "", error.detail)])


def _send(handling: Handling, peer: Correspondent, quoted: ReceivedDocument, answer: Answer) -> Verdict:
    message = handling.message
    _enqueue(
        handling,
        peer,
        quoted,
        answer,
        type=acknowledgement_of(message.type),
        purpose="acknowledgement",
        in_reply_to=message.message_id,
    )
    return Verdict(answer.status, quoted.document_id, quoted.revision)


def _enqueue(
    desk: Desk,
    peer: Correspondent,
    quoted: ReceivedDocument,
    answer: Answer,
    *,
    type: str,
    purpose: str,
    in_reply_to: str,
) -> None:
    document_id = desk.derived_id(peer.party, f"document {purpose}")
    header = desk.header_to(peer, document_id)
    content = encode(Acknowledgement(header, quoted, answer.outcome, answer.reasons, answer.rejected))
    draft = Draft(
        sender=desk.own.code,
        receiver=peer.component,
        type=type,
        content=content,
        document_id=document_id,
        in_reply_to=in_reply_to,
        rank=ACKNOWLEDGEMENT_RANK,
    )
    desk.send(draft, purpose)
