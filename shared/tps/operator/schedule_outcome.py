"""Outcomes of the platform's Acknowledgements to an operator's schedules, series by series.

Source: docs/requirements.md, F8b.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.endpoint import ledger
from tps.endpoint.handling import Handling
from tps.endpoint.message_row import MessageRow, Status
from tps.operator import schedules as own_schedules
from tps.operator.plans import keep_own_plans
from tps.operator.schedules import SentSchedule
from tps.party.outcomes import reason_json

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def note_schedule(handling: Handling, request: MessageRow, document: Acknowledgement) -> None:
    """Note the outcome of a schedule, and keep its plans if it was accepted. Only the first answer counts."""
    if request.status is not Status.PENDING:
        return
    status, answer = schedule_outcome(handling.tx, handling.own.party, request.message_id, document)
    if status is not Status.REFUSED:
        keep_own_plans(handling, request.message_id, answer, rank=request.sequence)
    ledger.set_answer(handling.tx, handling.own.code, [request.message_id], status=status, answer=answer)


def schedule_outcome(
    tx: Transaction, party: str, message_id: str, document: Acknowledgement
) -> tuple[Status, dict[str, Any]]:
    """Return the status of a sent schedule, and the answer to keep with its message.

    Errors name the asset of a series. A series that this backend left out counts as rejected.
    """
    sent = own_schedules.by_message(tx, party, message_id)
    names = {str(number): asset_id for number, asset_id in enumerate(sent.asset_ids, 1)} if sent else {}
    rejected = [*(sent.left_out if sent else ())]
    for series in document.rejected:
        asset_id = names.get(series.series_id, series.series_id)
        rejected += [{"asset_id": asset_id, **reason_json(reason)} for reason in series.reasons]
    if document.outcome is Outcome.REJECTED:
        general = [reason_json(reason) for reason in document.reasons]
        return Status.REFUSED, {"errors": [*general, *map(_error, rejected)]}
    if rejected:
        return Status.PARTLY_ACCEPTED, {"rejected": [dict(series) for series in rejected]}
    return Status.ACCEPTED, {}


def asset_ids_so_far(revisions: Sequence[SentSchedule]) -> set[str]:
    """Return the assets with a plan in a document, now or possibly.

    A plan stands if the newest accepted revision has it. A later revision without an answer may still add plans.
    """
    planned: set[str] = set()
    for revision in reversed(revisions):
        if revision.is_standing:
            planned |= set(revision.asset_ids) - set(revision.cancelled_ids)
        if revision.status in (Status.ACCEPTED, Status.PARTLY_ACCEPTED):
            break
    return planned


def _error(rejected: Mapping[str, str]) -> dict[str, str]:
    return {"code": rejected["code"], "detail": rejected["detail"], "subject": rejected["asset_id"]}
