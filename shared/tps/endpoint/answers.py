"""Acknowledgement documents: the business answers to documents.

Every business document gets one, except acknowledgements. A refusal names its reasons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tps.documents import Document, encode, received
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
from tps.endpoint.handling import Correspondent, Desk, Handling, Incoming
from tps.endpoint.message_row import Status
from tps.endpoint.sending import Draft
from tps.errors import Finding, Refused
from tps.mades.types import acknowledgement_of

ACKNOWLEDGEMENT_RANK = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DecideOn = Callable[[Handling, Document], "Answer | None"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The business answer to a document: outcome, reasons, and the rejected series or resources."""

    outcome: Outcome
    reasons: tuple[DocumentReason, ...] = ()
    rejected: tuple[RejectedSeries, ...] = ()

    @property
    def status(self) -> Status:
        return STATUSES[self.outcome]

    @classmethod
    def refusing(cls, findings: Sequence[Finding]) -> Answer:
        """Return a rejection with these findings. A finding with a subject becomes a rejected resource."""
        general = tuple(finding_reason(finding) for finding in findings if not finding.subject)
        return cls(Outcome.REJECTED, general, rejected_series(findings))

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
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
        """Return the answer that `to_json` wrote."""
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


def acknowledge(incoming: Incoming, sender: Correspondent, quoted: ReceivedDocument, answer: Answer) -> None:
    """Put the Acknowledgement of an incoming document into the outbox."""
    _enqueue(
        incoming,
        sender,
        quoted,
        answer,
        type=acknowledgement_of(incoming.message.type),
        purpose="acknowledgement",
        in_reply_to=incoming.message.message_id,
    )


def decide_once(handling: Handling, document: Document, decide: DecideOn) -> Answer | None:
    """Decide on a document to the platform, or return the earlier answer to the same document.

    Two documents are the same if all their values except createdDateTime are equal. The same id and revision with
    other values is refused (A51).
    """
    quoted, digest = received(document), digest_of(document)
    key = (handling.sender.party, quoted.document_id, quoted.revision or 0)
    lock_document(handling.tx, *key)
    earlier = decision_on(handling.tx, *key)
    if earlier is not None:
        if earlier.digest == digest:
            return Answer.from_json(earlier.answer)
        return Answer.refusing([Finding("A51", "", "this revision already exists with other content")])
    answer = decide_undoing(handling, document, decide)
    if answer is not None and answer.status is not Status.REFUSED:
        keep_decision(handling.tx, *key, decision=Decision(digest, answer.to_json()), at=handling.now)
    return answer


def decide_undoing(handling: Handling, document: Document, decide: DecideOn) -> Answer | None:
    """Decide on a document. If `decide` raises Refused, undo what it wrote and return the refusal."""
    try:
        with handling.tx.transaction():
            return decide(handling, document)
    except Refused as error:
        return Answer.refusing(error.findings or [Finding("A94", "", error.detail)])


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
    """Put a notice into the outbox: a later acknowledgement of an accepted document, with news about its content."""
    answer = Answer(Outcome.ACCEPTED, tuple(texts))
    _enqueue(desk, peer, quoted, answer, type=type, purpose=purpose, in_reply_to=in_reply_to)


def digest_of(document: Document) -> bytes:
    """Return the SHA-256 of a document's values without createdDateTime."""
    timeless = replace(document, header=replace(document.header, created_at=_EPOCH))
    return hashlib.sha256(repr(timeless).encode()).digest()


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
