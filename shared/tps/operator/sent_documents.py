"""Storage of documents that an operator's business application sent by the web service, as if REST had sent them.

Source: docs/requirements.md, F1.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tps.documents import Document, ScheduleDocument
from tps.documents.ref import AssetRegistration
from tps.mades.types import ASSET, SCHEDULE
from tps.operator import schedules
from tps.operator.schedules import SentSchedule
from tps.party.sent_documents import keep_resources

if TYPE_CHECKING:
    from tps.endpoint.applications import Sent
    from tps.stores.database import Transaction


def keep_sent(tx: Transaction, sent: Sent, document: Document) -> None:
    """Keep a document in the transaction that sends it.

    A document with another sender or another message type is not kept, because the platform refuses it.
    """
    if document.header.sender != sent.party:
        return
    if isinstance(document, AssetRegistration) and sent.type == ASSET:
        keep_resources(tx, sent, document.entries)
    elif isinstance(document, ScheduleDocument) and sent.type == SCHEDULE:
        schedules.add_sent(tx, sent.party, _schedule(document, sent.message_id, sent.at))


def _schedule(document: ScheduleDocument, message_id: str, now: datetime) -> SentSchedule:
    planned = {schedule.asset_id for schedule in document.schedules}
    return SentSchedule(
        document_id=document.header.document_id,
        revision=document.revision,
        message_id=message_id,
        sent_at=now,
        period=document.period,
        asset_ids=tuple(sorted(planned | set(document.cancelled_asset_ids))),
        cancelled_ids=tuple(sorted(document.cancelled_asset_ids)),
    )
