"""From a REST call to a message and back: send, wait for the platform's answer, and return its outcome.

All routes that send share this: Idempotency-Key, Prefer, 202 with a Location, and problems with the platform's reasons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from tps.documents import Document, Header, Role, encode
from tps.endpoint import components, ledger
from tps.endpoint.handling import ROLES
from tps.endpoint.message_row import MessageRow, Status
from tps.endpoint.sending import Draft, dispatch, enqueue
from tps.errors import Finding, Malformed, MessageRefused, RevisionConflict, RuleBroken, StoreAway
from tps.mades.ids import new_id
from tps.rest.function import Answer, Call
from tps.rest.waiting import MAX_WAIT_S, TooManyWaiting

if TYPE_CHECKING:
    from tps.stores.database import Transaction

DEFAULT_WAIT_S = 10
MAX_KEY_CHARACTERS = 255
_MAX_WAIT_DIGITS = 9
_CONFLICTS = {"A51"}
_log = structlog.get_logger()
_FirstFields = Callable[[Call, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Submission:
    """A document that a call sends.

    Attributes:
        type: Message type.
        build: Makes the document from its header. It runs in the transaction that sends the document.
        revision: Revision of the document. None for documents without revisions, which are answered as revision 1.
        no_use_after: The time after which the content is useless.
        success: HTTP status of an accepted document: 201 for a new resource, otherwise 200.
        keep: Writes the backend's own rows in the same transaction: (transaction, message id, sequence).
        pointer_of: Returns the JSON pointer to a resource id in the call's body.
        document_id: Id of an updated or cancelled document. None makes a new id.
        warnings: (code, detail) of each warning: allowed, but probably a mistake.
        resolved: Further fields of the answer, for example the assets at a connection point that the body names.
        rejected: The resources that the platform would leave out, as far as this backend knows. For dry runs only.
    """

    type: str
    build: Callable[[Header], Document]
    revision: int | None = None
    no_use_after: datetime | None = None
    success: int = 200
    keep: Callable[[Transaction, str, int], None] | None = None
    pointer_of: Callable[[str], str] = lambda _subject: ""
    document_id: str | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    resolved: Mapping[str, Any] = field(default_factory=dict)
    rejected: tuple[Mapping[str, str], ...] = ()


def sending(
    handler: Callable[[Call], Answer],
    success: int = 200,
    first_fields: _FirstFields = lambda _call, _message_id: {},
) -> Callable[[Call], Answer]:
    """Return a handler that answers a repeated request (same Idempotency-Key) with its first outcome.

    A repeat is not judged again, because the resources of the first request may have ended or be gone by now.

    Args:
        handler: Handles a request that came for the first time, or whose first time was refused.
        success: HTTP status of an accepted request.
        first_fields: Reads the further fields of the first answer (`further_fields`) by its message id.
    """

    def once(call: Call) -> Answer:
        return _repeated(call, success, first_fields) or handler(call)

    return once


def submit(call: Call, submission: Submission) -> Answer:
    """Send, wait as the call prefers, and answer. With `?dry_run=true`, send nothing and answer what would be sent."""
    if call.flag("dry_run"):
        return _dry_answer(call, submission)
    wait_s = preferred_wait_s(call)
    component, message_id = send(call, submission)
    row = await_answer(call, component, message_id, wait_s)
    return settled_answer(call, row, submission)


def send(call: Call, submission: Submission) -> tuple[str, str]:
    """Put the message into the outbox, and try to send it at once.

    Without a broker or a store, this is no failure: the message stays in the outbox, and is sent later.

    Returns:
        The sender's component and the message id.

    Raises:
        KeyReused: The Idempotency-Key came before with another request.
    """
    endpoint, fresh_id = call.endpoint, new_id()
    with endpoint.database.transaction() as tx:
        own = call.own_component(tx)
        message_id = _bind_key(call, tx, fresh_id)
        if message_id == fresh_id:
            sequence = enqueue(endpoint, tx, _draft(call, own, submission), message_id)
            if submission.keep is not None and sequence is not None:
                submission.keep(tx, message_id, sequence)
    try:
        dispatch(endpoint, own.code, [message_id])
    except StoreAway:
        _log.warning("message stays in the outbox", message_id=message_id)
    return own.code, message_id


def sent_before(call: Call) -> tuple[str, str] | None:
    """Return component and message id of an earlier request with this Idempotency-Key, or None."""
    key = _key(call)
    if key is None:
        return None
    with call.endpoint.database.transaction() as tx:
        own = components.component_of_party(tx, call.party)
        message_id = ledger.message_of_key(tx, party=call.party, key=key, digest=_digest(call))
    return None if own is None or message_id is None else (own.code, message_id)


def await_answer(call: Call, component: str, message_id: str, wait_s: float) -> MessageRow:
    """Wait until a message is answered, and return its row. Return the row as it is at the time-out."""

    def look() -> MessageRow | None:
        row = _row(call, component, message_id)
        return row if row.status != Status.PENDING else None

    try:
        answered = call.waits.until(call.party, look, wait_s, call.is_connected)
    except TooManyWaiting:
        # The message is sent: an answer 503 would make the caller send it twice.
        answered = None
    return answered or _row(call, component, message_id)


def settled_answer(call: Call, row: MessageRow, submission: Submission) -> Answer:
    """Return the outcome of a message in the form of docs/rest.md, "Sending".

    Raises:
        RuleBroken, RevisionConflict: The platform refused the message, with its reasons.
        MessageRefused: The message FAILED on its way.
    """
    if row.status == Status.REFUSED:
        raise _refusal(row.answer, submission)
    answer = _standing_answer(call, row, submission.success)
    return replace(answer, body={**answer.body, **further_fields(submission)})


def further_fields(submission: Submission) -> dict[str, Any]:
    """Return the fields of an answer beside its outcome: resolved values and warnings."""
    return {**submission.resolved, **_warned(submission)}


def preferred_wait_s(call: Call) -> float:
    """Return how long the caller wants to wait (RFC 7240): `wait=SECONDS` up to 55, `respond-async` 0, otherwise 10."""
    wait_s: float = DEFAULT_WAIT_S
    for preference in call.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "respond-async":
            return 0
        if name.lower() == "wait" and value.isascii() and value.isdigit() and len(value) <= _MAX_WAIT_DIGITS:
            wait_s = min(int(value), MAX_WAIT_S)
    return wait_s


def header(call: Call, role: str, document_id: str) -> Header:
    """Return the header of a document from the caller to the platform."""
    return Header(
        document_id=document_id,
        created_at=call.now.replace(microsecond=0),
        sender=call.party,
        sender_role=ROLES[role],
        receiver=call.platform_party,
        receiver_role=Role.TPS,
    )


def _dry_answer(call: Call, submission: Submission) -> Answer:
    """Build what would be sent, so that all faults are reported, and return the answer."""
    with call.endpoint.database.transaction() as tx:
        own = call.own_component(tx)
    _draft(call, own, submission)
    rejected = [dict(asset) for asset in submission.rejected]
    status = Status.PARTLY_ACCEPTED if rejected else Status.ACCEPTED
    body = {"dry_run": True, "status": status, **further_fields(submission)}
    return Answer({**body, "rejected": rejected} if rejected else body)


def _warned(submission: Submission) -> dict[str, Any]:
    warnings = [{"code": code, "detail": detail} for code, detail in submission.warnings]
    return {"warnings": warnings} if warnings else {}


def _draft(call: Call, own: components.OwnComponent, submission: Submission) -> Draft:
    document_id = submission.document_id or new_id()
    return Draft(
        sender=own.code,
        receiver=call.endpoint.platform,
        type=submission.type,
        content=encode(submission.build(header(call, own.role, document_id))),
        document_id=document_id,
        revision=submission.revision,
        no_use_after=submission.no_use_after,
    )


def _bind_key(call: Call, tx: Transaction, message_id: str) -> str:
    key = _key(call)
    if key is None:
        return message_id
    return ledger.remember_key(tx, party=call.party, key=key, digest=_digest(call), message_id=message_id, now=call.now)


def _repeated(call: Call, success: int, first_fields: _FirstFields) -> Answer | None:
    """Return the outcome of an earlier request with this key. Return None if there is none, or it was refused."""
    before = sent_before(call)
    if before is None:
        return None
    row = await_answer(call, *before, preferred_wait_s(call))
    if row.status == Status.REFUSED:
        return None
    answer = _standing_answer(call, row, success)
    return replace(answer, body={**answer.body, **first_fields(call, row.message_id)})


def _key(call: Call) -> str | None:
    key = None if call.method == "GET" else call.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        detail = f"Idempotency-Key must have 1 to {MAX_KEY_CHARACTERS} printable ASCII characters"
        raise Malformed("invalid Idempotency-Key", [Finding("bad_type", "", detail)])
    return key


def _digest(call: Call) -> bytes:
    request = repr((call.method, call.path, sorted(call.query.items()), call.raw_body))
    return hashlib.sha256(request.encode()).digest()


def _row(call: Call, component: str, message_id: str) -> MessageRow:
    with call.endpoint.database.transaction() as tx:
        row = ledger.find(tx, component, message_id)
    assert row is not None
    return row


def _standing_answer(call: Call, row: MessageRow, success: int) -> Answer:
    """Return the answer about a message that was not refused."""
    status, answer = row.status, row.answer
    if status is Status.FAILED:
        error = (answer.get("errors") or [{"code": "failed", "detail": "the message failed"}])[0]
        raise MessageRefused(error["code"], error["detail"])
    body: dict[str, Any] = {
        "id": row.document_id,
        "revision": row.revision or 1,
        "status": status,
        "message_id": row.message_id,
    }
    if status is Status.PENDING:
        location = f"/{call.endpoint.kind}/v1/messages/{row.message_id}"
        return Answer(body, 202, {"Location": location})
    if status is Status.PARTLY_ACCEPTED:
        body["rejected"] = answer.get("rejected", [])
    return Answer(body, success)


def _refusal(answer: Mapping[str, Any], submission: Submission) -> RuleBroken | RevisionConflict:
    findings = [
        Finding(error["code"], submission.pointer_of(error.get("subject") or ""), error.get("detail") or error["code"])
        for error in answer.get("errors", [])
    ]
    is_conflict = any(finding.code in _CONFLICTS for finding in findings)
    return (RevisionConflict if is_conflict else RuleBroken)("refused by the platform", findings)
