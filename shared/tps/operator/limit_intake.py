"""Intake of limits in an operator's backend: it keeps every received revision as a LIMIT of the REST contract.

Source: docs/requirements.md, F7.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.types import available_json, moment_json, number_json
from tps.documents.acknowledgement import Outcome
from tps.documents.limit_status import status_of
from tps.documents.unavailability import LimitDocument
from tps.domain.limit import Direction, ForeseenLimit, Limit
from tps.endpoint.answers import Answer
from tps.endpoint.handling import Handling
from tps.operator import limits as received_limits
from tps.operator.limits import ReceivedLimit
from tps.party import resources
from tps.party.limit_bodies import reason_json

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def keep_limit(handling: Handling, document: LimitDocument) -> Answer:
    """Keep a revision of a limit for its operator, and put it into the operator's feed.

    A revision that arrives after a higher one is ignored.
    """
    if document.limit is None:
        _close(handling, document)
    else:
        _keep(handling, document, document.limit)
    return Answer(Outcome.ACCEPTED)


def limit_json(document: LimitDocument) -> dict[str, Any]:
    """Return a LIMIT of the REST contract without its status."""
    limit = document.limit
    assert limit is not None
    body = {
        "id": document.header.document_id,
        "revision": document.revision,
        "kind": "foreseen" if isinstance(limit, ForeseenLimit) else "unforeseen",
        "issuer": {"code": document.issuer} | ({"name": document.issuer_name} if document.issuer_name else {}),
        "asset_ids": list(limit.asset_ids),
        "received_at": moment_json(document.header.created_at),
        "direction": limit.direction,
        "start": moment_json(limit.period.start),
        "reason": reason_json(document.reason),
    }
    if not isinstance(limit, ForeseenLimit):
        return body | {"action": limit.action, "expected_end": moment_json(limit.period.end)}
    assert document.share is not None
    share = {"rule": document.share.rule, "weight_kw": number_json(document.share.weight_kw)}
    return body | {"end": moment_json(limit.period.end), "available": available_json(limit.available), "share": share}


def _keep(handling: Handling, document: LimitDocument, limit: Limit) -> None:
    received_limits.add_received(
        handling.tx,
        handling.own.party,
        ReceivedLimit(
            limit_id=document.header.document_id,
            revision=document.revision,
            message_id=handling.message.message_id,
            received_at=document.header.created_at,
            period=limit.period,
            status=status_of(document),
            body=limit_json(document),
            weights_kw=_own_weights(handling.tx, handling.own.party, limit),
        ),
    )


def _close(handling: Handling, document: LimitDocument) -> None:
    """Keep a cancellation or withdrawal: the limit keeps its content, with the new status and reason.

    A limit that was closed before it arrived is kept but not shown. So a late earlier revision cannot open it.
    """
    limit_id, party = document.header.document_id, handling.own.party
    before = received_limits.latest_received(handling.tx, party, limit_id)
    news = {
        "revision": document.revision,
        "received_at": moment_json(document.header.created_at),
        "reason": reason_json(document.reason),
    }
    received_limits.add_received(
        handling.tx,
        party,
        ReceivedLimit(
            limit_id=limit_id,
            revision=document.revision,
            message_id=handling.message.message_id,
            received_at=document.header.created_at,
            period=before.period if before else document.period,
            status=status_of(document),
            body={**before.body, **news} if before else {},
            weights_kw=before.weights_kw if before else {},
        ),
    )


def _own_weights(tx: Transaction, party: str, limit: Limit) -> dict[str, Decimal]:
    """Return the registered maxima of the listed assets in the limit's direction, in kW. 0 for an unknown asset."""
    if not isinstance(limit, ForeseenLimit):
        return {}
    name = "max_production_kw" if limit.direction is Direction.PRODUCTION else "max_consumption_kw"
    own = {resource.id: resource.body for resource in resources.read_own(tx, party, limit.asset_ids)}
    return {asset_id: Decimal(str(own.get(asset_id, {}).get(name, 0))) for asset_id in limit.asset_ids}
