"""Receive documents (F7a, F5b, F9b, F1): takes in every document and acknowledgement that no other function takes.

Wakes on: limits for operators, asset lists and schedules for DSOs, acknowledgements for all; ticks.
Reads:    the message that an acknowledgement answers.
Decides:  nothing; the platform has decided, this backend takes note.
Writes:   received limits, lists and plans, outcomes of what was sent, states of registered assets and points.
Emits:    Acknowledgements of documents; wakes waiting calls; on a tick, whatever was left unsent, and FAILED for what
          was not delivered in time.
Privacy:  PTH-01, EVT-01, LOG-01 (docs/privacy.md).
"""

from collections import defaultdict

import structlog

from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.dso import limit_statements as own_limits
from tps.dso import plans as received_plans
from tps.dso.asset_intake import keep_assets, keep_no_assets
from tps.dso.plan_intake import keep_plans
from tps.dso.plans import Reply
from tps.endpoint import ledger
from tps.endpoint.acknowledging import send_all_owed
from tps.endpoint.answers import STATUSES, answer_document
from tps.endpoint.archiving import archive_documents, let_go_of_archived
from tps.endpoint.handling import Correspondent, Role, Status, Verdict, take
from tps.endpoint.receiving import apply_acknowledgement, open_acknowledgement
from tps.endpoint.sending import dispatch_left_behind, fail_expired
from tps.errors import StoreAway
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
from tps.operator.limit_intake import keep_limit
from tps.operator.plans import keep_own_plans
from tps.operator.schedule_outcome import schedule_outcome
from tps.party import resources
from tps.party.plan_archiving import archive_plans, let_go_of_archived_plans
from tps.platform.news import tell_operator
from tps.platform.news_counts import Topic
from tps.rest.function import serve

REGISTRATIONS = {ASSET, POINT}
LIMITS = {LIMIT_FORESEEN, LIMIT_UNFORESEEN}
CHORES = (fail_expired, dispatch_left_behind, send_all_owed, archive_documents, let_go_of_archived)
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

    return take(endpoint, arrival, lambda handling: _for_asker(handling, _keep(handling, keep)))


def take_plans(endpoint, arrival):
    """Schedules for one of our DSOs: asked for, or told."""
    return take(endpoint, arrival, lambda handling: _for_asker(handling, _keep(handling, keep_plans)))


def take_answer(endpoint, arrival):
    """The platform's, or an operator's, word on a document of ours."""
    return take(endpoint, arrival, lambda handling: _for_asker(handling, note_answer(handling)))


def take_acknowledgement(endpoint, arrival):
    """MADES's own acknowledgements: how far our messages have come."""
    apply_acknowledgement(endpoint, open_acknowledgement(endpoint, arrival))
    if endpoint.kind == "tps":
        tell_operator(endpoint, Topic.DELIVERIES)
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


def note_answer(handling):
    """Take note of an acknowledgement: the outcome of what we sent, and the states of what we registered."""
    document, request = handling.document, _asked(handling)
    if not isinstance(document, Acknowledgement) or request is None:
        _log.warning("acknowledges nothing of ours", message_id=handling.message.message_id)
        return Verdict(Status.REFUSED)
    if _is_own_limit(handling, request) and own_limits.is_notice(document):
        own_limits.note_notices(handling.tx, handling.own.party, request["message_id"], document)
    elif request["status"] == Status.PENDING:
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
        if status in (Status.ACCEPTED, Status.PARTLY_ACCEPTED):
            keep_own_plans(handling, message_id, answer, rank=request["sequence"])
    else:
        status, answer = STATUSES[document.outcome], answer_json(document)
    ledger.set_answer(handling.tx, handling.own.code, [message_id], status=status, answer=answer)
    if _is_own_limit(handling, request):
        own_limits.settle(handling.tx, party, message_id, status=status, answer=answer)
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


def _is_own_limit(handling, request):
    return handling.endpoint.kind == "dso" and request["type"] in LIMITS


def answer_json(document):
    """What a refusal, or a partial acceptance, says; `subject` is the resource that it is about."""
    if document.outcome is Outcome.PARTLY_EMERGENCY:
        left_out = [reason.text for reason in document.reasons if reason.code == "A64"]
        detail = "unknown asset, inactive asset, or asset in another grid"
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
        return {
            "code": "A64",
            "detail": "unknown asset, inactive asset, or asset in another grid",
            "subject": reason.text,
        }
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


def _for_asker(handling, verdict):
    """An answer to an application is received when the application confirms it; else this backend has received it."""
    request = _asked(handling)
    return _with_wake(handling, verdict, is_received=request is None or not request["by_application"])


def _asked(handling):
    """Our message that this one answers, if it is one of ours to that sender."""
    request = ledger.find(handling.tx, handling.own.code, handling.message.in_reply_to or "", lock=True)
    if request is None or request["direction"] != "out" or request["peer"] != handling.message.sender:
        return None
    return request


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
    return serve(context, topics=TOPICS, on_tick={"agr": tick_with_plans, "dso": tick_with_plans, "tps": tick})
