"""A DSO's backend takes in schedules: answers to its questions, and what the platform tells by itself (F9)."""

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
    """Keep the schedules that a message brings.

    An answer lies with its message. What comes by itself replaces, for each asset that it names and in the document's
    period, whatever an earlier message of the platform said.

    Raises:
        RuleBroken: A94, no schedules, or an answer to nothing that was asked.
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
    """Where the document says, of an asset that it names, that there is no plan."""
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
