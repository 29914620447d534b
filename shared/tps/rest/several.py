"""One call about several documents: each document is sent as a separate message, with a separate outcome."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tps.errors import MessageRefused, Refused
from tps.rest.function import Answer, Call
from tps.rest.submission import (
    Submission,
    await_answer,
    preferred_wait_s,
    send,
    sent_before,
    settled_answer,
)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A sent document.

    Attributes:
        place: Component and message id. None for a dry run.
        submission: None if an earlier request sent the document.
    """

    place: tuple[str, str] | None
    submission: Submission | None


def submit_each(call: Call, name: str, makers: Mapping[str, Callable[[Call], Submission]]) -> Answer:
    """Send all documents, then wait for all as long as the call prefers. The outcomes are independent of each other.

    Args:
        name: Name of the list in the answer. It has the usual body of each document, or its errors, in this order.
        makers: Returns the submission of each document, by document id, for the call about this document alone.
    """
    deadline = time.monotonic() + preferred_wait_s(call)
    begun = [(document_id, _begin(_call_about(call, document_id), make)) for document_id, make in makers.items()]
    outcomes = [_outcome(call, document_id, started, deadline) for document_id, started in begun]
    is_pending = any(outcome["status"] == "pending" for outcome in outcomes)
    return Answer({name: outcomes}, 202 if is_pending else 200)


def _call_about(call: Call, document_id: str) -> Call:
    """Return the call about one document. Its Idempotency-Key is made from the call's key and the document id."""
    key = call.headers.get("Idempotency-Key")
    if key is None:
        return call
    own_key = hashlib.sha256(f"{key} {document_id}".encode()).hexdigest()
    return replace(call, headers={**call.headers, "Idempotency-Key": own_key})


def _begin(call: Call, make: Callable[[Call], Submission]) -> _Sent | Refused:
    """Send a document unless an earlier request sent it. Return the reason if it is refused."""
    try:
        before = sent_before(call)
        if before is not None:
            return _Sent(before, None)
        submission = make(call)
        return _Sent(None if call.flag("dry_run") else send(call, submission), submission)
    except Refused as error:
        return error


def _outcome(call: Call, document_id: str, started: _Sent | Refused, deadline: float) -> dict[str, Any]:
    if isinstance(started, Refused):
        return _refused(document_id, started)
    if started.place is None:
        return {"dry_run": True, "id": document_id, "status": "accepted"}
    row = await_answer(call, *started.place, max(deadline - time.monotonic(), 0))
    submission = started.submission or Submission(row.type, build=_never)
    try:
        return dict(settled_answer(call, row, submission).body)
    except Refused as error:
        return _refused(document_id, error)


def _refused(document_id: str, error: Refused) -> dict[str, Any]:
    """Return the body of a document that was refused, or whose message FAILED on its way."""
    errors = [
        {"pointer": finding.pointer, "code": finding.code, "detail": finding.detail} for finding in error.findings
    ]
    return {"id": document_id, "status": "failed" if isinstance(error, MessageRefused) else "refused", "errors": errors}


def _never(_header: Any) -> Any:
    raise AssertionError("this request was sent before")
