"""An operator's backend takes in what the platform says of its schedules: series by series (F8b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tps.documents.acknowledgement import Acknowledgement, DocumentReason, Outcome
from tps.endpoint.handling import Status
from tps.operator import schedules as own_schedules
from tps.operator.schedules import SentSchedule

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def schedule_outcome(
    tx: Transaction, party: str, message_id: str, document: Acknowledgement
) -> tuple[Status, dict[str, Any]]:
    """What an acknowledgement makes of a schedule that was sent: its status, and the answer kept with its message.

    Series are named by their assets; what this backend could not even write counts as rejected.
    """
    sent = own_schedules.by_message(tx, party, message_id)
    names = {str(number): asset_id for number, asset_id in enumerate(sent.asset_ids, 1)} if sent else {}
    rejected = [*(sent.left_out if sent else ())]
    for series in document.rejected:
        asset_id = names.get(series.series_id, series.series_id)
        rejected += [{"asset_id": asset_id, **_words(reason)} for reason in series.reasons]
    if document.outcome is Outcome.REJECTED:
        general = [_words(reason) for reason in document.reasons]
        return Status.REFUSED, {"errors": [*general, *map(_error, rejected)]}
    if rejected:
        return Status.PARTLY_ACCEPTED, {"rejected": [dict(each) for each in rejected]}
    return Status.ACCEPTED, {}


def asset_ids_so_far(revisions: Sequence[SentSchedule]) -> set[str]:
    """Assets that may stand by a document: planned by its newest accepted revision, or by one after it that still
    may be accepted."""
    planned: set[str] = set()
    for revision in reversed(revisions):
        if revision.is_standing:
            planned |= set(revision.asset_ids) - set(revision.cancelled_ids)
        if revision.status in (Status.ACCEPTED, Status.PARTLY_ACCEPTED):
            break
    return planned


def _words(reason: DocumentReason) -> dict[str, str]:
    return {"code": reason.code, "detail": reason.text or reason.code}


def _error(rejected: Mapping[str, str]) -> dict[str, str]:
    return {"code": rejected["code"], "detail": rejected["detail"], "subject": rejected["asset_id"]}
