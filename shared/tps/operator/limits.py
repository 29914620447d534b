"""Limits that an operator received: every revision, in the order of arrival.

Source: docs/requirements.md, F7.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.domain.limit import Interval
from tps.domain.scope import AgrScope
from tps.party.feeds import next_position

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
