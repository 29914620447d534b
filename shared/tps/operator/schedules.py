"""Schedules that an operator sent: every revision with its answer. The contents are in the documents.

Source: docs/requirements.md, F8b.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.domain.limit import Interval
from tps.domain.scope import AgrScope

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_COLUMNS = """s.document_id, s.revision, s.message_id, s.sent_at, s.starts_at, s.ends_at, s.asset_ids, s.cancelled_ids,
              s.left_out, m.component, m.status, m.answer"""
_FROM = """own_schedule s JOIN component c ON c.party = s.party
           JOIN message m ON m.component = c.code AND m.message_id = s.message_id"""
_UNSUCCESSFUL = ("refused", "failed")


@dataclass(frozen=True, slots=True)
class SentSchedule:
    """One revision of an operator's document.

    Attributes:
        period: Period of its schedules. For a pure cancellation, the period of the revision before.
        asset_ids: Assets of all its series, sorted. The first asset is series 1.
        cancelled_ids: Assets whose series are cancelled.
        left_out: (`asset_id`, `code`, `detail`) of each asset that the document leaves out.
        component, status, answer: Values of the message that carried it, at the time of reading.
    """

    document_id: str
    revision: int
    message_id: str
    sent_at: datetime
    period: Interval
    asset_ids: tuple[str, ...]
    cancelled_ids: tuple[str, ...]
    left_out: Sequence[Mapping[str, str]] = ()
    component: str = ""
    status: str = "pending"
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_standing(self) -> bool:
        """True if the revision is accepted, or not answered yet."""
        return self.status not in _UNSUCCESSFUL

    @property
    def is_cancellation(self) -> bool:
        """True if the revision plans nothing."""
        return len(self.asset_ids) == len(self.cancelled_ids)


def add_sent(tx: Transaction, party: str, sent: SentSchedule) -> bool:
    """Keep a revision with its message. Return False if the same revision exists already and was not refused."""
    added = tx.execute(
        """INSERT INTO own_schedule AS s VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (party, document_id, revision) DO UPDATE
              SET message_id = excluded.message_id, sent_at = excluded.sent_at, starts_at = excluded.starts_at,
                  ends_at = excluded.ends_at, asset_ids = excluded.asset_ids,
                  cancelled_ids = excluded.cancelled_ids, left_out = excluded.left_out
            WHERE EXISTS (SELECT FROM component c JOIN message m ON m.component = c.code
                           WHERE c.party = s.party AND m.message_id = s.message_id AND m.status = ANY(%s))""",
        (
            *(party, sent.document_id, sent.revision, sent.message_id, sent.sent_at),
            *(sent.period.start, sent.period.end, list(sent.asset_ids), list(sent.cancelled_ids)),
            json.dumps([dict(asset) for asset in sent.left_out]),
            list(_UNSUCCESSFUL),
        ),
    ).rowcount
    return bool(added)


def by_message(tx: Transaction, party: str, message_id: str) -> SentSchedule | None:
    """Return the revision that a message carried, or None."""
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE s.party = %s AND s.message_id = %s", (party, message_id)
    ).fetchone()
    return _sent(row) if row else None


def revisions_of(tx: Transaction, scope: AgrScope, document_id: str) -> list[SentSchedule]:
    """Return every revision of one of an operator's own documents, in ascending order."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE s.party = %s AND s.document_id = %s ORDER BY s.revision",
        (scope.party, document_id),
    ).fetchall()
    return [_sent(row) for row in rows]


def standing_between(
    tx: Transaction, scope: AgrScope, period: Interval, asset_ids: Sequence[str] | None = None
) -> list[SentSchedule]:
    """Return the newest unrefused revision of each of an operator's own documents.

    Args:
        period: Half-open period that the revision must touch.
        asset_ids: The revision must contain one of these assets. None for any asset.
    """
    ids = None if asset_ids is None else list(asset_ids)
    rows = tx.execute(
        f"""SELECT * FROM (
               SELECT DISTINCT ON (s.document_id) {_COLUMNS} FROM {_FROM}
                WHERE s.party = %s AND m.status <> ALL(%s) ORDER BY s.document_id, s.revision DESC) AS latest
             WHERE starts_at < %s AND ends_at > %s AND (%s::text[] IS NULL OR asset_ids && %s::text[])
             ORDER BY sent_at, document_id""",
        (scope.party, list(_UNSUCCESSFUL), period.end, period.start, ids, ids),
    ).fetchall()
    return [_sent(row) for row in rows]


def _sent(row: dict[str, Any]) -> SentSchedule:
    period = Interval(row.pop("starts_at"), row.pop("ends_at"))
    names: dict[str, Any] = {name: tuple(row.pop(name)) for name in ("asset_ids", "cancelled_ids")}
    return SentSchedule(**row, **names, period=period)
