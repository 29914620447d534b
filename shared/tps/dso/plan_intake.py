"""Intake of schedules in a DSO's backend: answers to its requests, and changes that the platform sends by itself.

Source: docs/requirements.md, F9.
"""

from __future__ import annotations

from collections import defaultdict

from tps.documents import ScheduleDocument
from tps.documents.acknowledgement import Outcome
from tps.domain.limit import Interval
from tps.domain.plan import Piece, uncovered
from tps.dso import plans as received_plans
from tps.dso.plans import Reply
from tps.endpoint import ledger
from tps.endpoint.answers import Answer
from tps.endpoint.handling import Handling
from tps.endpoint.message_row import Status
from tps.errors import Finding, RuleBroken
from tps.party import plan_blocks
from tps.party.plan_reading import cut_to_blocks


def keep_plans(handling: Handling, document: ScheduleDocument) -> Answer:
    """Keep the schedules of a message.

    An answer to a request stays with its message. A change replaces the earlier plans of the assets that it names, in
    the period of the document.

    Raises:
        RuleBroken: The document has no schedules, or answers no request (A94).
    """
    if document.refused:
        raise _not_processed("the document is not a schedule document of the platform")
    if handling.message.in_reply_to:
        return _keep_reply(handling, document, handling.message.in_reply_to)
    rank = handling.message.sequence
    pieces, blocks = cut_to_blocks(document.schedules, {}, rank=rank)
    plan_blocks.add_blocks(handling.tx, blocks, handling.now)
    received_plans.put_plans(handling.tx, handling.own.party, [*pieces, *_without_plan(document, rank)])
    received_plans.note_age(handling.tx, handling.own.party, document.header.created_at)
    return Answer(Outcome.ACCEPTED)


def _keep_reply(handling: Handling, document: ScheduleDocument, request_id: str) -> Answer:
    reply = Reply(document.header.created_at, handling.message.message_id)
    if not received_plans.note_reply(handling.tx, handling.own.party, request_id, reply):
        raise _not_processed("the message does not answer a request for schedules")
    ledger.set_answer(handling.tx, handling.own.code, [request_id], status=Status.ACCEPTED, answer={})
    return Answer(Outcome.ACCEPTED)


def _without_plan(document: ScheduleDocument, rank: int) -> list[Piece]:
    """Return pieces without a plan, where the document plans nothing for an asset that it names."""
    planned: dict[str, list[Interval]] = defaultdict(list)
    for schedule in document.schedules:
        planned[schedule.asset_id].append(schedule.period)
    names = [*planned, *document.cancelled_asset_ids]
    return [
        Piece(asset_id, gap, rank, None)
        for asset_id in names
        for gap in uncovered([document.period], planned.get(asset_id, ()))
    ]


def _not_processed(detail: str) -> RuleBroken:
    return RuleBroken("the document cannot be processed", [Finding("A94", "", detail)])
