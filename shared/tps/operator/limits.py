"""Limits an operator was sent: every revision, in the order in which they came (F7)."""

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
        body: LIMIT of the REST contract but for `status`, which depends on the moment it is read; empty, and not shown,
            if it was closed before it was ever here.
        status: `active`, `cancelled`, `withdrawn` or `ended` as sent; whether it has expired is judged on reading.
        weights_kw: Maxima of the listed assets in the limit's direction when it came, by asset id.
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
    """Keep a revision and put it into the party's feed; False if it, or a higher one, was there already."""
    # First, for its lock: of two revisions that come at once, the later to commit must see the other.
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
    """The highest revision of a limit that is here."""
    found = _read(tx, "limit_id = %s AND is_latest", (party, limit_id))
    return found[0] if found else None


def received_between(
    tx: Transaction, scope: AgrScope, *, received: Interval, applies: Interval, with_all_revisions: bool
) -> list[ReceivedLimit]:
    """Limits received, and holding, in half-open periods; sorted as they came; the latest revision of each, or all."""
    return _read(
        tx,
        """received_at >= %s AND received_at < %s AND starts_at < %s AND ends_at > %s AND (is_latest OR %s)""",
        (scope.party, received.start, received.end, applies.end, applies.start, with_all_revisions),
    )


def active_at(tx: Transaction, scope: AgrScope, now: datetime) -> list[ReceivedLimit]:
    """Latest revisions in force or ahead."""
    return _read(tx, "is_latest AND status = 'active' AND ends_at > %s", (scope.party, now))


def received_after(tx: Transaction, scope: AgrScope, position: int, now: datetime) -> list[ReceivedLimit]:
    """What came after a position of the feed: limits not expired, and every cancellation, withdrawal and ending."""
    return _read(
        tx, "position > %s AND is_latest AND (status <> 'active' OR ends_at > %s)", (scope.party, position, now)
    )


def standing_between(tx: Transaction, scope: AgrScope, period: Interval) -> list[ReceivedLimit]:
    """Latest revisions that hold, or did, in a half-open period: neither cancelled nor withdrawn."""
    return _read(
        tx,
        "is_latest AND status IN ('active', 'ended') AND starts_at < %s AND ends_at > %s",
        (scope.party, period.end, period.start),
    )


def last_position(tx: Transaction, scope: AgrScope) -> int:
    """The newest position of the party's feed; 0 if nothing ever came."""
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
