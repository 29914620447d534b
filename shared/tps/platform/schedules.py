"""Accepted schedules, and changes of the plans that DSOs see.

Source: docs/requirements.md, F8a.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tps.domain.limit import Interval
from tps.domain.schedule import Maxima
from tps.domain.scope import DsoScope

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class AcceptedDocument:
    """The highest accepted revision of an operator's document.

    Attributes:
        asset_ids: Assets that it plans. A refused series keeps its asset as in the revision before.
        period: Period of all its plans.
        is_cancelled: The whole document is cancelled. No revision may follow.
    """

    revision: int
    is_cancelled: bool
    asset_ids: tuple[str, ...]
    period: Interval


@dataclass(frozen=True, slots=True)
class PlanChange:
    """An asset whose plan changed for its DSO, and the period of the change."""

    asset_id: str
    period: Interval


def next_rank(tx: Transaction) -> int:
    """Return a rank that is higher than the rank of every accepted schedule."""
    row = tx.execute("SELECT nextval('plan_order') AS rank").fetchone()
    assert row is not None
    return int(row["rank"])


def accepted_document(tx: Transaction, operator: str, document_id: str) -> AcceptedDocument | None:
    """Return the accepted state of a document. Return None if no revision was ever accepted."""
    row = tx.execute(
        """SELECT revision, is_cancelled, asset_ids, starts_at, ends_at FROM schedule_document
            WHERE operator = %s AND document_id = %s""",
        (operator, document_id),
    ).fetchone()
    if row is None:
        return None
    return AcceptedDocument(row["revision"], row["is_cancelled"], tuple(row["asset_ids"]), _period(row))


def keep_document(tx: Transaction, operator: str, document_id: str, accepted: AcceptedDocument) -> None:
    """Store the accepted state of a document."""
    tx.execute(
        """INSERT INTO schedule_document VALUES (%s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (operator, document_id) DO UPDATE
              SET revision = excluded.revision, is_cancelled = excluded.is_cancelled, asset_ids = excluded.asset_ids,
                  starts_at = excluded.starts_at, ends_at = excluded.ends_at""",
        (
            *(operator, document_id, accepted.revision, accepted.is_cancelled, list(accepted.asset_ids)),
            *(accepted.period.start, accepted.period.end),
        ),
    )


def registered_maxima(tx: Transaction, operator: str, asset_ids: Iterable[str]) -> dict[str, Maxima]:
    """Return maximum production and consumption by asset id.

    Only assets that the operator has registered are included, in any state.
    """
    rows = tx.execute(
        """SELECT id, max_production_kw, max_consumption_kw FROM asset_claim
            WHERE operator = %s AND claimed IS NOT NULL AND id = ANY(%s)""",
        (operator, list(asset_ids)),
    ).fetchall()
    return {row["id"]: (row["max_production_kw"], row["max_consumption_kw"]) for row in rows}


def grids_of(tx: Transaction, operator: str, asset_ids: Iterable[str]) -> dict[str, str]:
    """Return the DSO of each active asset among an operator's assets, by asset id."""
    rows = tx.execute(
        "SELECT id, dso FROM active_asset WHERE operator = %s AND id = ANY(%s)", (operator, list(asset_ids))
    ).fetchall()
    return {row["id"]: row["dso"] for row in rows}


def add_changes(tx: Transaction, changes: Sequence[PlanChange], now: datetime) -> None:
    """Note changes. They are told at the end of the window that contains `now`."""
    tx.execute(
        """INSERT INTO plan_change
           SELECT asset_id, starts_at, ends_at, %s
             FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS c(asset_id, starts_at, ends_at)""",
        (
            now,
            *([change.asset_id for change in changes], [change.period.start for change in changes]),
            [change.period.end for change in changes],
        ),
    )


def dsos_to_tell(tx: Transaction, window_end: datetime) -> list[str]:
    """Return DSOs with changed plans in their grids before that moment, sorted. Drop changes that no DSO sees.

    When a dropped asset becomes active later, its whole plan is noted as changed.
    """
    tx.execute(
        """DELETE FROM plan_change c
            WHERE changed_at < %s AND NOT EXISTS (SELECT FROM active_asset a WHERE a.id = c.asset_id)""",
        (window_end,),
    )
    rows = tx.execute(
        """SELECT DISTINCT a.dso FROM plan_change c JOIN active_asset a ON a.id = c.asset_id
            WHERE c.changed_at < %s ORDER BY a.dso""",
        (window_end,),
    ).fetchall()
    return [row["dso"] for row in rows]


def close_window(tx: Transaction, dso: str, window_end: datetime) -> bool:
    """Take a DSO's window for this transaction.

    Return False if this window or a later one was already told, or is being told now.
    """
    lock = tx.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS is_free", (f"tell plans {dso}",)
    ).fetchone()
    if lock is None or not lock["is_free"]:
        return False
    row = tx.execute(
        """INSERT INTO plan_window AS w VALUES (%s, %s)
           ON CONFLICT (dso) DO UPDATE SET ended_at = excluded.ended_at WHERE w.ended_at < excluded.ended_at
           RETURNING dso""",
        (dso, window_end),
    ).fetchone()
    return row is not None


def take_changes(tx: Transaction, scope: DsoScope, window_end: datetime, now: datetime) -> list[PlanChange]:
    """Remove and return the changes in a DSO's grid before that moment, by asset.

    A change of the whole plan runs from the start of today to the end of all plans for the asset.
    """
    rows = tx.execute(
        """WITH due AS (
               DELETE FROM plan_change c USING active_asset a
                WHERE a.id = c.asset_id AND a.dso = %(dso)s AND c.changed_at < %(end)s RETURNING c.*),
           bounded AS (
               SELECT asset_id,
                      CASE WHEN isfinite(starts_at) THEN starts_at
                           ELSE date_trunc('day', %(now)s, 'UTC') END AS starts_at,
                      CASE WHEN isfinite(ends_at) THEN ends_at
                           ELSE (SELECT max(p.ends_at) FROM plan_piece p
                                  WHERE p.asset_id = due.asset_id AND p.block_id IS NOT NULL) END AS ends_at
                 FROM due)
           SELECT DISTINCT asset_id, starts_at, ends_at FROM bounded WHERE starts_at < ends_at
            ORDER BY asset_id, starts_at, ends_at""",
        {"dso": scope.party, "end": window_end, "now": now},
    ).fetchall()
    return [PlanChange(row["asset_id"], _period(row)) for row in rows]


def _period(row: dict[str, Any]) -> Interval:
    return Interval(row["starts_at"].astimezone(UTC), row["ends_at"].astimezone(UTC))
