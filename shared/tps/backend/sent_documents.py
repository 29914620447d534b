"""What a backend keeps of a document that an application sent by itself: the same as if REST had written it (F1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.api.types import asset_json, point_json
from tps.backend.own_limits import limit_body, reason_json
from tps.documents import Document, ScheduleDocument
from tps.documents.ref import AssetRegistration, ConnectionPointRegistration
from tps.documents.unavailability import DocumentStatus, LimitDocument
from tps.domain.asset import ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.limit import ForeseenLimit, LimitKind
from tps.domain.limit_revision import LimitStatus, is_ending
from tps.domain.scope import DsoScope
from tps.mades.types import ASSET, LIMIT_FORESEEN, LIMIT_UNFORESEEN, POINT, SCHEDULE
from tps.stores import own_limits, own_schedules
from tps.stores.own_limits import OwnLimit
from tps.stores.own_schedules import SentSchedule
from tps.stores.resources import wish

if TYPE_CHECKING:
    from tps.endpoint.applications import Sent
    from tps.stores.database import Transaction

_TYPES: Mapping[type, tuple[str, ...]] = {
    AssetRegistration: (ASSET,),
    ConnectionPointRegistration: (POINT,),
    ScheduleDocument: (SCHEDULE,),
    LimitDocument: (LIMIT_FORESEEN, LIMIT_UNFORESEEN),
}
_CLOSED = {
    DocumentStatus.CANCELLED: LimitStatus.CANCELLED,
    DocumentStatus.WITHDRAWN: LimitStatus.WITHDRAWN,
}


def keep_sent(tx: Transaction, sent: Sent, document: Document) -> None:
    """Keep a document in the transaction that sends it.

    One that names another sender, or comes as another type, is not kept: the platform refuses it.
    """
    if document.header.sender != sent.party or sent.type not in _TYPES.get(type(document), ()):
        return
    match document:
        case AssetRegistration() | ConnectionPointRegistration():
            bodies = dict(_body(entry) for entry in document.entries)
            wish(tx, party=sent.party, message_id=sent.message_id, sequence=sent.sequence, bodies=bodies)
        case ScheduleDocument():
            own_schedules.add_sent(tx, sent.party, _schedule(document, sent.message_id, sent.at))
        case LimitDocument():
            _keep_limit(tx, sent, document)
        case _:
            pass


def _body(entry: FlexibilityAsset | ConnectionPoint | Removal) -> tuple[str, dict[str, Any] | None]:
    match entry:
        case FlexibilityAsset():
            return entry.id, asset_json(entry)
        case ConnectionPoint():
            return entry.id, point_json(entry)
        case Removal():
            return entry.id, None


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


def _keep_limit(tx: Transaction, sent: Sent, document: LimitDocument) -> None:
    """A closing revision says nothing of the limit itself: that is as it was sent before."""
    scope, limit_id = DsoScope(sent.party), document.header.document_id
    before = own_limits.latest_own(tx, scope, [limit_id]).get(limit_id)
    if document.limit is not None:
        kind = LimitKind.FORESEEN if isinstance(document.limit, ForeseenLimit) else LimitKind.UNFORESEEN
        body = limit_body(document.limit)
    elif before is not None:
        kind, body = before.kind, {**before.body, "reason": reason_json(document.reason)}
    else:
        return
    own_limits.keep_own(tx, scope, _own_limit(sent, document, kind, body), {})


def _own_limit(sent: Sent, document: LimitDocument, kind: LimitKind, body: Mapping[str, Any]) -> OwnLimit:
    is_end = is_ending(document.revision, document.period.end, document.header.created_at)
    standing = LimitStatus.ENDED if is_end else LimitStatus.ACTIVE
    return OwnLimit(
        limit_id=document.header.document_id,
        revision=document.revision,
        kind=kind,
        status=_CLOSED.get(document.status, standing),
        period=document.period,
        sent_at=sent.at,
        message_id=sent.message_id,
        body=dict(body),
    )
