"""Receive documents (F7a, F5b, F9b, F1): take in every document and acknowledgement that no other function takes.

Wakes on: limits for operators, asset lists and schedules for DSOs, acknowledgements for all groups; ticks.
Reads:    the message that an acknowledgement answers.
Decides:  nothing: the platform has decided, and this backend keeps the result.
Writes:   received limits, lists and plans, outcomes of sent messages, states of registered assets and points.
Emits:    Acknowledgements of documents; wakes waiting calls; on a tick, messages that were left unsent, and FAILED for
          messages that were not delivered in time.
Privacy:  PTH-01, EVT-01, LOG-01 (docs/privacy.md).
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from tps.documents import ScheduleDocument
from tps.documents.acknowledgement import Acknowledgement
from tps.documents.ref import AssetList
from tps.documents.unavailability import LimitDocument
from tps.dso.asset_lists import keep_assets
from tps.dso.outcomes import note_limit, note_request
from tps.dso.plans import keep_plans
from tps.endpoint.acknowledging import send_all_owed
from tps.endpoint.answers import Answer
from tps.endpoint.archiving import archive_documents, remove_archived
from tps.endpoint.chores import chores
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Handling, answered_request
from tps.endpoint.intake import Intake, Reader
from tps.endpoint.message_row import MessageRow, Status
from tps.endpoint.receiving import Arrival, apply_acknowledgement, open_acknowledgement
from tps.endpoint.sending import dispatch_left_behind, fail_expired
from tps.errors import RuleBroken
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
from tps.operator.limits import keep_limit
from tps.operator.schedule_outcome import note_schedule
from tps.party.outcomes import note_outcome, note_registration
from tps.party.plan_archiving import archive_plans, remove_archived_plans
from tps.platform.news import Topic, tell_operator
from tps.platform.registry import sender_of
from tps.rest.function import Invocation, serve

_log = structlog.get_logger()


def take_acknowledgement(endpoint: Endpoint, arrival: Arrival) -> Status:
    """Take in a MADES acknowledgement, which says how far messages of this group have come."""
    apply_acknowledgement(endpoint, open_acknowledgement(endpoint, arrival))
    if endpoint.kind == "tps":
        tell_operator(endpoint, Topic.DELIVERIES)
    return Status.ACCEPTED


def note_answer(handling: Handling, document: Acknowledgement) -> Answer | None:
    """Note what the other side answered to a message of this group.

    Raises:
        RuleBroken: The acknowledgement answers no message that this component sent to its sender.
    """
    request = answered_request(handling)
    if request is None:
        _log.warning("acknowledgement of an unknown message", message_id=handling.message.message_id)
        raise RuleBroken("this acknowledgement answers no message of this component")
    note = OUTCOMES.get((handling.endpoint.kind, request.type), note_outcome)
    note(handling, request, document)
    return None


# What notes the outcome of a sent message, by group kind and message type. For others the outcome alone is kept.
OUTCOMES: Mapping[tuple[str, str], Callable[[Handling, MessageRow, Acknowledgement], object]] = {
    ("agr", ASSET): note_registration,
    ("agr", SCHEDULE): note_schedule,
    ("dso", POINT): note_registration,
    ("dso", LIMIT_FORESEEN): note_limit,
    ("dso", LIMIT_UNFORESEEN): note_limit,
    ("dso", STATUS_REQUEST): note_request,
}

LIMIT = Intake(LimitDocument, keep_limit, reader=Reader.PARTY)
LIST = Intake(AssetList, keep_assets, reader=Reader.REQUESTER)
PLANS = Intake(ScheduleDocument, keep_plans, reader=Reader.REQUESTER)
ANSWER = Intake(Acknowledgement, note_answer, is_answered=False, reader=Reader.REQUESTER)
ANSWER_TO_PLATFORM = Intake(Acknowledgement, note_answer, sender=sender_of, is_answered=False, reader=Reader.REQUESTER)

TOPICS: Mapping[tuple[str, str], Any] = {
    ("agr", LIMIT_FORESEEN): LIMIT,
    ("agr", LIMIT_UNFORESEEN): LIMIT,
    ("agr", acknowledgement_of(ASSET)): ANSWER,
    ("agr", acknowledgement_of(SCHEDULE)): ANSWER,
    ("dso", ASSET_LIST): LIST,
    ("dso", SCHEDULE): PLANS,
    ("dso", acknowledgement_of(POINT)): ANSWER,
    ("dso", acknowledgement_of(STATUS_REQUEST)): ANSWER,
    ("dso", acknowledgement_of(LIMIT_FORESEEN)): ANSWER,
    ("dso", acknowledgement_of(LIMIT_UNFORESEEN)): ANSWER,
    ("tps", acknowledgement_of(ASSET_LIST)): ANSWER_TO_PLATFORM,
    ("tps", acknowledgement_of(SCHEDULE)): ANSWER_TO_PLATFORM,
    ("tps", acknowledgement_of(LIMIT_FORESEEN)): ANSWER_TO_PLATFORM,
    ("tps", acknowledgement_of(LIMIT_UNFORESEEN)): ANSWER_TO_PLATFORM,
    ("agr", ACKNOWLEDGEMENT_TYPE): take_acknowledgement,
    ("dso", ACKNOWLEDGEMENT_TYPE): take_acknowledgement,
    ("tps", ACKNOWLEDGEMENT_TYPE): take_acknowledgement,
}

CHORES = (fail_expired, dispatch_left_behind, send_all_owed, archive_documents, remove_archived)
# The platform's plans are archived by relay_schedule.
PARTY_CHORES = (*CHORES, archive_plans, remove_archived_plans)
TICKS = {"agr": chores(*PARTY_CHORES), "dso": chores(*PARTY_CHORES), "tps": chores(*CHORES)}


def main(context: Invocation) -> object:
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick=TICKS)
