"""Receive documents (F7a, F5b, F9b, F1): takes in every document and acknowledgement that no other function takes.

Wakes on: limits for operators, asset lists and schedules for DSOs, acknowledgements for all; ticks.
Reads:    the message that an acknowledgement answers.
Decides:  nothing; the platform has decided, this backend takes note.
Writes:   received limits, lists and plans, outcomes of what was sent, states of registered assets and points.
Emits:    Acknowledgements of documents; wakes waiting calls; on a tick, whatever was left unsent.
Privacy:  PTH-01, EVT-01, LOG-01 (docs/privacy.md).
"""

from collections import defaultdict
from decimal import Decimal

import structlog

from tps.api.types import available_json, moment_json, number_json
from tps.backend.assets import keep_assets, keep_no_assets
from tps.backend.plans import keep_plans
from tps.backend.schedules import schedule_outcome
from tps.documents import decode
from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.documents.unavailability import DocumentStatus, LimitDocument
from tps.domain.limit import Direction, ForeseenLimit
from tps.endpoint.acknowledging import send_all_owed
from tps.endpoint.answers import STATUSES, Answer, answer_document
from tps.endpoint.archiving import archive_documents, archive_plans, let_go_of_archived, let_go_of_archived_plans
from tps.endpoint.handling import Correspondent, Role, Status, Verdict, take
from tps.endpoint.receiving import apply_acknowledgement, open_acknowledgement
from tps.endpoint.sending import dispatch_left_behind
from tps.errors import Finding, RuleBroken, StoreAway
from tps.mades.message import ACKNOWLEDGEMENT_TYPE
from tps.mades.types import (
    ASSET,
    ASSET_LIST,
    LIMIT_FORESEEN,
    LIMIT_UNFORESEEN,
    POINT,
    SCHEDULE,
    STATUS_REQUEST,
    acknowledgement_of,
)
from tps.runtime.function import serve
from tps.stores import ledger, received_limits, received_plans, resources
from tps.stores.received_limits import ReceivedLimit
from tps.stores.received_plans import Reply

REGISTRATIONS = {ASSET, POINT}
CHORES = (dispatch_left_behind, send_all_owed, archive_documents, let_go_of_archived)
STATUS_NAMES = {
    DocumentStatus.ACTIVE: "active",
    DocumentStatus.CANCELLED: "cancelled",
    DocumentStatus.WITHDRAWN: "withdrawn",
}
_log = structlog.get_logger()


def take_limit(endpoint, arrival):
    """A limit for one of our operators."""
    return take(
        endpoint, arrival, lambda handling: _with_wake(handling, _keep(handling, keep_limit), is_received=False)
    )


def take_list(endpoint, arrival):
    """The assets in a DSO's grid: all, as it asked, or what has changed."""

    def keep(handling, document):
        return keep_assets(handling, document, _asked(handling))

    return take(endpoint, arrival, lambda handling: _with_wake(handling, _keep(handling, keep)))


def take_plans(endpoint, arrival):
    """Schedules for one of our DSOs: asked for, or told."""
    return take(endpoint, arrival, lambda handling: _with_wake(handling, _keep(handling, keep_plans)))


def take_answer(endpoint, arrival):
    """The platform's, or an operator's, word on a document of ours."""
    return take(endpoint, arrival, lambda handling: _with_wake(handling, note_answer(handling)))


def take_acknowledgement(endpoint, arrival):
    """MADES's own acknowledgements: how far our messages have come."""
    apply_acknowledgement(endpoint, open_acknowledgement(endpoint, arrival))
    return Status.ACCEPTED


def tick(endpoint):
    """Send what some process decided and did not get to send, and bring documents into the document store."""
    _do(endpoint, CHORES)


def tick_with_plans(endpoint):
    """The same where plans are kept beside documents."""
    _do(endpoint, (*CHORES, archive_plans, let_go_of_archived_plans))


def _do(endpoint, chores):
    for chore in chores:
        try:
            chore(endpoint)
        except StoreAway as error:
            _log.warning("left for a later tick", chore=chore.__name__, group=endpoint.group, why=error.detail)


def keep_limit(handling, document):
    """Keep a limit for its operator, and put it into its feed."""
    if not isinstance(document, LimitDocument) or document.limit is None:
        raise RuleBroken("cannot be processed", [Finding("A94", "", "only new limits are processed")])
    limit = document.limit
    received_limits.add_received(
        handling.tx,
        handling.own.party,
        ReceivedLimit(
            limit_id=document.header.document_id,
            revision=document.revision,
            message_id=handling.message.message_id,
            received_at=document.header.created_at,
            period=limit.period,
            status=STATUS_NAMES[document.status],
            body=limit_json(document),
            weights_kw=_own_weights(handling, limit),
        ),
    )
    return Answer(Outcome.ACCEPTED)


def limit_json(document):
    """LIMIT of the REST contract, but for its status."""
    limit = document.limit
    body = {
        "id": document.header.document_id,
        "revision": document.revision,
        "kind": "foreseen" if isinstance(limit, ForeseenLimit) else "unforeseen",
        "issuer": {"code": document.issuer} | ({"name": document.issuer_name} if document.issuer_name else {}),
        "asset_ids": list(limit.asset_ids),
        "received_at": moment_json(document.header.created_at),
        "direction": limit.direction,
        "start": moment_json(limit.period.start),
        "reason": {"code": document.reason.code} | ({"text": document.reason.text} if document.reason.text else {}),
    }
    if isinstance(limit, ForeseenLimit):
        share = {"rule": document.share.rule, "weight_kw": number_json(document.share.weight_kw)}
        return body | {
            "end": moment_json(limit.period.end),
            "available": available_json(limit.available),
            "share": share,
        }
    return body | {"action": limit.action, "expected_end": moment_json(limit.period.end)}


def note_answer(handling):
    """Take note of an acknowledgement: the outcome of what we sent, and the states of what we registered."""
    document, request = decode(handling.message.content), _asked(handling)
    if not isinstance(document, Acknowledgement) or request is None:
        _log.warning("acknowledges nothing of ours", message_id=handling.message.message_id)
        return Verdict(Status.REFUSED)
    if request["status"] == Status.PENDING:
        settle(handling, request, document)
    if request["type"] in REGISTRATIONS and document.outcome is not Outcome.REJECTED:
        notices = defaultdict(list)
        for name, value in document.notices:
            notices[name].append(value)
        resources.note_states(
            handling.tx, party=handling.own.party, notices=notices, state_sequence=handling.message.sequence
        )
    return Verdict(Status.ACCEPTED, document.header.document_id)


def settle(handling, request, document):
    """The first word on a message settles it."""
    message_id, party = request["message_id"], handling.own.party
    if handling.endpoint.kind == "agr" and request["type"] == SCHEDULE:
        status, answer = schedule_outcome(handling.tx, party, message_id, document)
    else:
        status, answer = STATUSES[document.outcome], answer_json(document)
    ledger.set_answer(handling.tx, handling.own.code, [message_id], status=status, answer=answer)
    if request["type"] in REGISTRATIONS:
        resources.settle_wish(
            handling.tx,
            party=handling.own.party,
            message_id=request["message_id"],
            is_accepted=document.outcome is not Outcome.REJECTED,
        )
    if request["type"] == STATUS_REQUEST and status is Status.ACCEPTED:
        keep_nothing(handling, message_id, document.header.created_at)


def keep_nothing(handling, message_id, as_of):
    """A question was answered: there is nothing."""
    if not received_plans.note_reply(handling.tx, handling.own.party, message_id, Reply(as_of, None)):
        keep_no_assets(handling, message_id, as_of)


def answer_json(document):
    """What a refusal, or a partial acceptance, says; `subject` is the resource that it is about."""
    if document.outcome is Outcome.PARTLY_EMERGENCY:
        left_out = [reason.text for reason in document.reasons if reason.code == "A64"]
        detail = "unknown, not active, or in another grid"
        return {"rejected": [{"asset_id": each, "code": "A64", "detail": detail} for each in left_out]}
    errors = [
        {"code": reason.code, "detail": reason.text or reason.code}
        for reason in document.reasons
        if document.outcome is Outcome.REJECTED
    ]
    for series in document.rejected:
        errors += [_series_error(series.series_id, reason) for reason in series.reasons]
    return {"errors": errors} if errors else {}


def _series_error(series_id, reason):
    """Limits name an asset in the reason's text, registrations in the series' id."""
    if reason.code == "A64" and series_id == "1":
        return {"code": "A64", "detail": "unknown, not active, or in another grid", "subject": reason.text}
    return {"code": reason.code, "detail": reason.text or reason.code, "subject": series_id}


def _keep(handling, keep):
    """Take in a document from the platform and acknowledge it."""
    entry = handling.endpoint.entry(handling.tx, handling.message.sender)
    platform = Correspondent(handling.message.sender, entry.party, Role.TPS)
    return answer_document(handling, platform, lambda document: keep(handling, document), is_kept=False)


def _with_wake(handling, verdict, is_received=True):
    return Verdict(
        verdict.status, verdict.document_id, verdict.revision, is_received=is_received, wakes=(handling.own.party,)
    )


def _asked(handling):
    """Our message that this one answers, if it is one of ours to that sender."""
    request = ledger.find(handling.tx, handling.own.code, handling.message.in_reply_to or "", lock=True)
    if request is None or request["direction"] != "out" or request["peer"] != handling.message.sender:
        return None
    return request


def _own_weights(handling, limit):
    """Registered maxima of the listed assets in the limit's direction, as this backend knows them now."""
    if not isinstance(limit, ForeseenLimit):
        return {}
    name = "max_production_kw" if limit.direction is Direction.PRODUCTION else "max_consumption_kw"
    own = {each.id: each.body for each in resources.read_own(handling.tx, handling.own.party, limit.asset_ids)}
    return {asset_id: Decimal(str(own.get(asset_id, {}).get(name, 0))) for asset_id in limit.asset_ids}


TOPICS = {
    ("agr", LIMIT_FORESEEN): take_limit,
    ("agr", LIMIT_UNFORESEEN): take_limit,
    ("agr", acknowledgement_of(ASSET)): take_answer,
    ("agr", acknowledgement_of(SCHEDULE)): take_answer,
    ("dso", ASSET_LIST): take_list,
    ("dso", SCHEDULE): take_plans,
    ("dso", acknowledgement_of(POINT)): take_answer,
    ("dso", acknowledgement_of(STATUS_REQUEST)): take_answer,
    ("dso", acknowledgement_of(LIMIT_FORESEEN)): take_answer,
    ("dso", acknowledgement_of(LIMIT_UNFORESEEN)): take_answer,
    ("tps", acknowledgement_of(ASSET_LIST)): take_answer,
    ("tps", acknowledgement_of(SCHEDULE)): take_answer,
    ("tps", acknowledgement_of(LIMIT_FORESEEN)): take_answer,
    ("tps", acknowledgement_of(LIMIT_UNFORESEEN)): take_answer,
    ("agr", ACKNOWLEDGEMENT_TYPE): take_acknowledgement,
    ("dso", ACKNOWLEDGEMENT_TYPE): take_acknowledgement,
    ("tps", ACKNOWLEDGEMENT_TYPE): take_acknowledgement,
}


def main(context):
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick={"agr": tick, "dso": tick_with_plans, "tps": tick})
