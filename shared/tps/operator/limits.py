"""Limits in an operator's backend: each received revision, in the order of arrival, and as LIMIT of the REST contract.

Source: docs/requirements.md, F7.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.types import available_json, moment_json, number_json
from tps.documents.acknowledgement import Outcome
from tps.documents.limit_status import status_of
from tps.documents.unavailability import LimitDocument
from tps.domain.limit import Direction, ForeseenLimit, Interval, Limit
from tps.domain.scope import AgrScope
from tps.endpoint.answers import Answer
from tps.endpoint.handling import Handling
from tps.party import resources
from tps.party.feeds import next_position
from tps.party.limit_bodies import reason_json

if TYPE_CHECKING:
    from tps.stores.database import Transaction

FEED = "capacity-limits"


@dataclass(frozen=True, slots=True)
class ReceivedLimit:
    """One revision of a limit.

    Attributes:
        body: LIMIT of the REST contract without `status`, which depends on the time of reading. Empty, and not shown,
            if the limit was closed before it arrived.
        status: `active`, `cancelled`, `withdrawn` or `ended`, as sent. Expiry is computed at reading.
        weights_kw: Maxima of the listed assets in the limit's direction at arrival, in kW, by asset id.
        position: Position in the party's feed.
    """

    limit_id: str
    revision: int
    message_id: str
    received_at: datetime
    period: Interval
    status: str
    body: dict[str, Any]
    weights_kw: dict[str, Decimal]
    position: int = 0


def add_received(tx: Transaction, party: str, limit: ReceivedLimit) -> bool:
    """Keep a revision and put it into the party's feed. Return False if the same or a higher revision exists."""
    # This comes first, for its lock: of two simultaneous revisions, the later to commit must see the other.
    position = next_position(tx, party, FEED)
    highest = tx.execute(
        "SELECT max(revision) AS revision FROM received_limit WHERE party = %s AND limit_id = %s",
        (party, limit.limit_id),
    ).fetchone()
    if highest and highest["revision"] is not None and highest["revision"] >= limit.revision:
        return False
    tx.execute(
        "UPDATE received_limit SET is_latest = false WHERE party = %s AND limit_id = %s AND is_latest",
        (party, limit.limit_id),
    )
    tx.execute(
        "INSERT INTO received_limit VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, true, %s, %s)",
        (
            party,
            limit.limit_id,
            limit.revision,
            position,
            limit.message_id,
            limit.received_at,
            limit.period.start,
            limit.period.end,
            limit.status,
            json.dumps(limit.body),
            json.dumps({asset_id: str(power) for asset_id, power in limit.weights_kw.items()}),
        ),
    )
    return True


def latest_received(tx: Transaction, party: str, limit_id: str) -> ReceivedLimit | None:
    """Return the highest revision of a limit, or None."""
    latest = _read(tx, "limit_id = %s AND is_latest", (party, limit_id))
    return latest[0] if latest else None


def received_between(
    tx: Transaction, scope: AgrScope, *, received: Interval, applies: Interval, with_all_revisions: bool
) -> list[ReceivedLimit]:
    """Return limits in the order of arrival, the latest revision of each limit or all revisions.

    Args:
        received: Half-open period of arrival.
        applies: Half-open period that the limit must touch.
    """
    return _read(
        tx,
        """received_at >= %s AND received_at < %s AND starts_at < %s AND ends_at > %s AND (is_latest OR %s)""",
        (scope.party, received.start, received.end, applies.end, applies.start, with_all_revisions),
    )


def active_at(tx: Transaction, scope: AgrScope, now: datetime) -> list[ReceivedLimit]:
    """Return the latest revisions that are in force or start later."""
    return _read(tx, "is_latest AND status = 'active' AND ends_at > %s", (scope.party, now))


def received_after(tx: Transaction, scope: AgrScope, position: int, now: datetime) -> list[ReceivedLimit]:
    """Return the latest revisions after a position of the feed.

    Expired limits are left out. Cancellations, withdrawals and endings are always included.
    """
    return _read(
        tx, "position > %s AND is_latest AND (status <> 'active' OR ends_at > %s)", (scope.party, position, now)
    )


def standing_between(tx: Transaction, scope: AgrScope, period: Interval) -> list[ReceivedLimit]:
    """Return the latest revisions that touch a half-open period and are neither cancelled nor withdrawn."""
    return _read(
        tx,
        "is_latest AND status IN ('active', 'ended') AND starts_at < %s AND ends_at > %s",
        (scope.party, period.end, period.start),
    )


def last_position(tx: Transaction, scope: AgrScope) -> int:
    """Return the newest position of the party's feed. Return 0 if nothing has arrived."""
    row = tx.execute("SELECT last FROM feed WHERE party = %s AND name = %s", (scope.party, FEED)).fetchone()
    return int(row["last"]) if row else 0


def _read(tx: Transaction, condition: str, arguments: tuple[object, ...]) -> list[ReceivedLimit]:
    rows = tx.execute(
        f"""SELECT limit_id, revision, message_id, received_at, starts_at, ends_at, status, body, weights_kw, position
              FROM received_limit WHERE party = %s AND body::text <> '{{}}' AND {condition} ORDER BY position""",
        arguments,
    ).fetchall()
    return [_limit(row) for row in rows]


def _limit(row: dict[str, Any]) -> ReceivedLimit:
    return ReceivedLimit(
        limit_id=row["limit_id"],
        revision=row["revision"],
        message_id=row["message_id"],
        received_at=row["received_at"],
        period=Interval(row["starts_at"], row["ends_at"]),
        status=row["status"],
        body=row["body"],
        weights_kw={asset_id: Decimal(power) for asset_id, power in row["weights_kw"].items()},
        position=row["position"],
    )


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
    add_received(
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
    before = latest_received(handling.tx, party, limit_id)
    news = {
        "revision": document.revision,
        "received_at": moment_json(document.header.created_at),
        "reason": reason_json(document.reason),
    }
    add_received(
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
