"""Storage of documents that a DSO's business application sent by the web service, as if REST had sent them.

Source: docs/requirements.md, F1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tps.documents import Document
from tps.documents.limit_status import status_of
from tps.documents.ref import ConnectionPointRegistration
from tps.documents.unavailability import LimitDocument
from tps.domain.limit import ForeseenLimit, LimitKind
from tps.domain.scope import DsoScope
from tps.dso import limits
from tps.dso.limits import OwnLimit
from tps.mades.types import LIMIT_FORESEEN, LIMIT_UNFORESEEN, POINT
from tps.party.limit_bodies import limit_body, reason_json
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
    if isinstance(document, ConnectionPointRegistration) and sent.type == POINT:
        keep_resources(tx, sent, document.entries)
    elif isinstance(document, LimitDocument) and sent.type in (LIMIT_FORESEEN, LIMIT_UNFORESEEN):
        _keep_limit(tx, sent, document)


def _keep_limit(tx: Transaction, sent: Sent, document: LimitDocument) -> None:
    """Keep a revision.

    A closing revision has no limit. So it keeps the body of the revision before, with the new reason.
    """
    scope, limit_id = DsoScope(sent.party), document.header.document_id
    before = limits.latest_own(tx, scope, [limit_id]).get(limit_id)
    if document.limit is not None:
        kind = LimitKind.FORESEEN if isinstance(document.limit, ForeseenLimit) else LimitKind.UNFORESEEN
        body = limit_body(document.limit)
    elif before is not None:
        kind, body = before.kind, {**before.body, "reason": reason_json(document.reason)}
    else:
        return
    limits.keep_own(tx, scope, _own_limit(sent, document, kind, body), {})


def _own_limit(sent: Sent, document: LimitDocument, kind: LimitKind, body: Mapping[str, Any]) -> OwnLimit:
    return OwnLimit(
        limit_id=document.header.document_id,
        revision=document.revision,
        kind=kind,
        status=status_of(document),
        period=document.period,
        sent_at=sent.at,
        message_id=sent.message_id,
        body=dict(body),
    )
