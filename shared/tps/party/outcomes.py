"""Outcomes of Acknowledgements from the platform to messages of this backend."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tps.documents.acknowledgement import Acknowledgement, DocumentReason, Outcome
from tps.endpoint import ledger
from tps.endpoint.answers import STATUSES
from tps.endpoint.handling import Handling
from tps.endpoint.message_row import MessageRow, Status
from tps.party import resources

LEFT_OUT = "unknown asset, inactive asset, or asset in another grid"


def note_outcome(handling: Handling, request: MessageRow, document: Acknowledgement) -> bool:
    """Note the outcome of a message. Only its first Acknowledgement counts.

    Returns:
        True if this was the first one.
    """
    is_first = request.status is Status.PENDING
    if is_first:
        status, answer = STATUSES[document.outcome], answer_json(document)
        ledger.set_answer(handling.tx, handling.own.code, [request.message_id], status=status, answer=answer)
    return is_first


def note_registration(handling: Handling, request: MessageRow, document: Acknowledgement) -> None:
    """Note the outcome of a registration, and the states of assets or points that the platform reports.

    Later Acknowledgements of the same registration report changed states.
    """
    is_accepted, party = document.outcome is not Outcome.REJECTED, handling.own.party
    if note_outcome(handling, request, document):
        resources.settle_wish(handling.tx, party=party, message_id=request.message_id, is_accepted=is_accepted)
    if is_accepted:
        notices = defaultdict(list)
        for name, value in document.notices:
            notices[name].append(value)
        resources.note_states(handling.tx, party=party, notices=notices, state_sequence=handling.message.sequence)


def answer_json(document: Acknowledgement) -> dict[str, Any]:
    """Return the content of a refusal or a partial acceptance: `errors` or `rejected`, or nothing.

    `subject` in an error is the id of the resource that the error is about.
    """
    if document.outcome is Outcome.PARTLY_EMERGENCY:
        left_out = [reason.text for reason in document.reasons if reason.code == "A64"]
        return {"rejected": [{"asset_id": asset_id, "code": "A64", "detail": LEFT_OUT} for asset_id in left_out]}
    errors: list[dict[str, str | None]] = []
    if document.outcome is Outcome.REJECTED:
        errors += [{**reason_json(reason)} for reason in document.reasons]
    for series in document.rejected:
        errors += [_series_error(series.series_id, reason) for reason in series.reasons]
    return {"errors": errors} if errors else {}


def reason_json(reason: DocumentReason) -> dict[str, str]:
    """Return a reason as JSON. A reason without a text shows its code."""
    return {"code": reason.code, "detail": reason.text or reason.code}


def _series_error(series_id: str, reason: DocumentReason) -> dict[str, str | None]:
    """Return one error. Limits name an asset in the text of a reason, registrations in the id of the series."""
    if reason.code == "A64" and series_id == "1":
        return {"code": "A64", "detail": LEFT_OUT, "subject": reason.text}
    return {**reason_json(reason), "subject": series_id}
