"""A DSO's own limits in its backend: every revision as sent, with its outcome.

Source: docs/requirements.md, F6b.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.domain.limit import Interval, Limit, LimitKind
from tps.domain.limit_revision import LimitStatus
from tps.domain.scope import DsoScope

if TYPE_CHECKING:
    from tps.stores.database import Transaction

# A FAILED message gets no answer. Its status comes from the ledger.
_ROWS = """SELECT o.message_id, o.limit_id, o.revision, o.kind, o.status, o.starts_at, o.ends_at, o.sent_at, o.body,
                  o.rejected, o.all_reached_at, o.unreached_ids, o.notices,
                  CASE WHEN o.answer = 'pending' AND m.status = 'failed' THEN 'failed' ELSE o.answer END AS answer
             FROM own_limit o LEFT JOIN component c ON c.party = o.party
             LEFT JOIN message m ON m.component = c.code AND m.message_id = o.message_id
            WHERE o.party = %s"""


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """One revision of a limit.

    Attributes:
        status: Status of the limit once this revision is accepted.
        answer: `pending`, `accepted`, `partly_accepted`, `refused` or `failed`.
        body: The limit as sent, in the form of the REST contract. `asset_ids` are resolved.
        rejected: Assets that the platform rejected.
        all_reached_at: When the endpoints of all operators had the revision.
        unreached_ids: Assets that an emergency has not reached.
        notices: `{"code": "expires"|"expired", "at"}`.
    """

    limit_id: str
    revision: int
    kind: LimitKind
    status: LimitStatus
    period: Interval
    sent_at: datetime
    message_id: str
    body: dict[str, Any]
    answer: str = "pending"
    rejected: Sequence[Mapping[str, str]] = ()
    all_reached_at: datetime | None = None
    unreached_ids: Sequence[str] = ()
    notices: Sequence[Mapping[str, str]] = field(default_factory=tuple)

    @property
    def counts(self) -> bool:
        """True if the revision stands or may still stand. Then the next revision needs a higher number."""
        return self.answer not in ("refused", "failed")


def keep_own(tx: Transaction, scope: DsoScope, limit: OwnLimit, fields: Mapping[str, Any]) -> None:
    """Keep a revision and the further fields of its answer, in the transaction that sends it."""
    tx.execute(
        """INSERT INTO own_limit
                  (party, message_id, limit_id, revision, kind, status, starts_at, ends_at, sent_at, body, told)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            *(scope.party, limit.message_id, limit.limit_id, limit.revision, limit.kind, limit.status),
            *(limit.period.start, limit.period.end, limit.sent_at, json.dumps(limit.body), json.dumps(fields)),
        ),
    )


def first_fields(tx: Transaction, scope: DsoScope, message_id: str) -> dict[str, Any]:
    """Return the further fields of the first answer to this message."""
    row = tx.execute(
        "SELECT told FROM own_limit WHERE party = %s AND message_id = %s", (scope.party, message_id)
    ).fetchone()
    return dict(row["told"]) if row else {}


def settle_own(
    tx: Transaction, party: str, message_id: str, *, answer: str, rejected: Sequence[Mapping[str, str]]
) -> None:
    """Note the platform's answer."""
    tx.execute(
        "UPDATE own_limit SET answer = %s, rejected = %s WHERE party = %s AND message_id = %s",
        (answer, json.dumps(list(rejected)), party, message_id),
    )


# Several messages may carry the same revision. News about one of them applies to the revision.
_SAME_REVISION = """party = %s AND answer <> 'refused' AND (limit_id, revision) IN (
    SELECT limit_id, revision FROM own_limit WHERE party = %s AND message_id = %s)"""


def mark_reached(tx: Transaction, party: str, message_id: str, at: datetime) -> None:
    """Note that the endpoints of all operators of a revision have it."""
    tx.execute(
        f"UPDATE own_limit SET all_reached_at = coalesce(all_reached_at, %s) WHERE {_SAME_REVISION}",
        (at, party, party, message_id),
    )


def mark_unreached(tx: Transaction, party: str, message_id: str, asset_ids: Sequence[str]) -> None:
    """Note the assets that an emergency has not reached a minute after its acceptance."""
    tx.execute(
        f"UPDATE own_limit SET unreached_ids = %s WHERE {_SAME_REVISION}",
        (list(asset_ids), party, party, message_id),
    )


def add_notice(tx: Transaction, party: str, message_id: str, notice: Mapping[str, str]) -> None:
    """Note that an emergency expires soon or has expired. The same notice again changes nothing."""
    text = json.dumps([notice])
    tx.execute(
        f"UPDATE own_limit SET notices = notices || %s::jsonb WHERE {_SAME_REVISION} AND NOT notices @> %s::jsonb",
        (text, party, party, message_id, text),
    )


def latest_own(tx: Transaction, scope: DsoScope, limit_ids: Sequence[str]) -> dict[str, OwnLimit]:
    """Return the latest revision of each limit: the highest that counts, or else the last attempt."""
    rows = tx.execute(f"{_ROWS} AND o.limit_id = ANY(%s)", (scope.party, list(limit_ids))).fetchall()
    return _latest([_own(row) for row in rows])


def read_revisions(tx: Transaction, scope: DsoScope, limit_id: str) -> list[OwnLimit]:
    """Return all revisions of one limit in the order of sending, including refused ones."""
    rows = tx.execute(f"{_ROWS} AND o.limit_id = %s ORDER BY o.sent_at, o.revision", (scope.party, limit_id)).fetchall()
    return [_own(row) for row in rows]


def read_own_limits(tx: Transaction, scope: DsoScope, applies: Interval, *, with_all_revisions: bool) -> list[OwnLimit]:
    """Return limits that touch a half-open period, sorted by id: the latest revision of each, or all sent revisions."""
    rows = tx.execute(
        f"""{_ROWS} AND o.limit_id IN (
                SELECT limit_id FROM own_limit WHERE party = %s AND starts_at < %s AND ends_at > %s)
            ORDER BY o.limit_id, o.sent_at, o.revision""",
        (scope.party, scope.party, applies.end, applies.start),
    ).fetchall()
    revisions = [_own(row) for row in rows]
    chosen = revisions if with_all_revisions else _latest(revisions).values()
    return [limit for limit in chosen if limit.period.start < applies.end and limit.period.end > applies.start]


def overlaps_another(tx: Transaction, scope: DsoScope, limit: Limit, limit_id: str) -> bool:
    """Return whether another own limit may bind one of the assets in the same direction and period."""
    row = tx.execute(
        """SELECT EXISTS (
               SELECT FROM own_limit o
                WHERE o.party = %(party)s AND o.starts_at < %(end)s AND o.ends_at > %(start)s AND o.status = 'active'
                  AND o.limit_id <> %(limit_id)s AND o.answer <> 'refused'
                  AND (o.body->>'direction' IN (%(direction)s, 'both') OR %(direction)s = 'both')
                  AND NOT EXISTS (SELECT FROM own_limit later WHERE later.party = o.party
                                     AND later.limit_id = o.limit_id AND later.revision > o.revision
                                     AND later.answer <> 'refused')
                  AND EXISTS (SELECT FROM json_array_elements_text(o.body->'asset_ids') AS listed(id)
                               WHERE listed.id = ANY(%(ids)s))) AS is_so""",
        {
            "party": scope.party,
            "start": limit.period.start,
            "end": limit.period.end,
            "limit_id": limit_id,
            "direction": str(limit.direction),
            "ids": list(limit.asset_ids),
        },
    ).fetchone()
    assert row is not None
    return bool(row["is_so"])


def _latest(limits: Sequence[OwnLimit]) -> dict[str, OwnLimit]:
    ordered = sorted(limits, key=lambda revision: (revision.limit_id, *_rank(revision)))
    return {revision.limit_id: revision for revision in ordered}


def _rank(limit: OwnLimit) -> tuple[bool, int, bool, float]:
    """Return the sort key of a revision among those of a limit. The latest has the highest key.

    Several messages may carry the same revision. The earliest answered one wins, because later news is stored with it.
    """
    at = limit.sent_at.timestamp()
    return limit.counts, limit.revision, limit.answer != "pending", -at if limit.counts else at


def _own(row: dict[str, Any]) -> OwnLimit:
    fields = {name: row[name] for name in ("limit_id", "revision", "sent_at", "message_id", "body", "answer")}
    return OwnLimit(
        **fields,
        kind=LimitKind(row["kind"]),
        status=LimitStatus(row["status"]),
        period=Interval(row["starts_at"], row["ends_at"]),
        rejected=row["rejected"],
        all_reached_at=row["all_reached_at"],
        unreached_ids=row["unreached_ids"],
        notices=row["notices"],
    )
