"""Rows about readiness.

They list silent components, points without assets, assets without points or plans, and undelivered messages.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tps.mades.directory import ComponentEntry
from tps.party.plans import WITHIN

if TYPE_CHECKING:
    from tps.domain.limit import Interval
    from tps.domain.scope import TpsScope
    from tps.stores.database import Transaction

SLOW_AFTER = timedelta(seconds=60)
LOOK_BACK = timedelta(days=14)


class Lack(StrEnum):
    """A kind of missing data. Each kind is a list."""

    POINTS_WITHOUT_ASSETS = "points_without_assets"
    ASSETS_WITHOUT_POINTS = "assets_without_points"
    ASSETS_WITHOUT_SCHEDULES = "assets_without_schedules"
    UNDELIVERED_MESSAGES = "undelivered_messages"


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """What the platform's endpoint knows about one component. Times are None for never."""

    code: str
    last_message_at: datetime | None
    last_sent_at: datetime | None
    synchronised_at: datetime | None
    entry: ComponentEntry | None


@dataclass(frozen=True, slots=True)
class Horizon:
    """The data that count.

    Attributes:
        planned: Period in which assets need a plan.
        since: Start of the period of messages.
        overdue: Messages sent before this time must be delivered.
        component: The platform's component.
    """

    planned: Interval
    since: datetime
    overdue: datetime
    component: str


def healths(tx: Transaction, _scope: TpsScope, component: str) -> dict[str, ComponentHealth]:
    """Return the health of every component that the platform knows, by code.

    Args:
        component: The platform's component.
    """
    rows = tx.execute(
        """SELECT y.component AS code, m.last_message_at, m.last_sent_at, d.synchronised_at, d.entry
             FROM party y LEFT JOIN directory_entry d ON d.code = y.component
             LEFT JOIN (SELECT peer, max(created_at) FILTER (WHERE direction = 'in') AS last_message_at,
                               max(sent_at) FILTER (WHERE direction = 'out') AS last_sent_at
                          FROM message WHERE component = %s AND is_proven GROUP BY peer) m ON m.peer = y.component""",
        (component,),
    ).fetchall()
    return {row["code"]: _health(row) for row in rows}


def undelivered_by_peer(tx: Transaction, _scope: TpsScope, horizon: Horizon) -> dict[str, int]:
    """Return the number of undelivered messages by receiving component."""
    rows = tx.execute(
        f"SELECT u.peer, count(*) AS messages FROM ({_QUERIES[Lack.UNDELIVERED_MESSAGES]}) u GROUP BY 1",
        _arguments(horizon),
    ).fetchall()
    return {row["peer"]: int(row["messages"]) for row in rows}


def count_lacking(tx: Transaction, _scope: TpsScope, lack: Lack, horizon: Horizon) -> int:
    """Return the number of entries of a list of missing data."""
    row = tx.execute(f"SELECT count(*) AS lacking FROM ({_QUERIES[lack]}) q", _arguments(horizon)).fetchone()
    assert row is not None
    return int(row["lacking"])


def list_lacking(tx: Transaction, _scope: TpsScope, lack: Lack, horizon: Horizon) -> list[dict[str, Any]]:
    """Return the entries of a list of missing data, sorted by their ids."""
    return tx.execute(_QUERIES[lack] + " ORDER BY 1", _arguments(horizon)).fetchall()


_QUERIES = {
    Lack.POINTS_WITHOUT_ASSETS: """
        SELECT p.id AS connection_point_id, p.dso FROM point_claim p
         WHERE p.holds AND NOT EXISTS (SELECT FROM asset_claim a WHERE a.connection_point_id = p.id AND a.holds)""",
    Lack.ASSETS_WITHOUT_POINTS: """
        SELECT c.id AS asset_id, c.connection_point_id, c.operator FROM asset_claim c
          LEFT JOIN active_asset a ON a.id = c.id AND a.operator = c.operator
         WHERE c.claimed IS NOT NULL AND a.id IS NULL""",
    Lack.ASSETS_WITHOUT_SCHEDULES: f"""
        SELECT a.id AS asset_id, a.owner AS operator, a.dso
          FROM (SELECT id, operator AS owner, dso FROM active_asset) a
         WHERE NOT EXISTS (SELECT FROM {WITHIN} WHERE p.block_id IS NOT NULL)""",
    Lack.UNDELIVERED_MESSAGES: """
        SELECT message_id, type, peer, state, coalesce(sent_at, created_at) AS sent_at FROM message
         WHERE component = %(component)s AND direction = 'out' AND created_at > %(since)s
           AND (state = 'FAILED' OR created_at < %(overdue)s AND state NOT IN ('DELIVERED', 'RECEIVED'))""",
}


def _arguments(horizon: Horizon) -> dict[str, Any]:
    return {
        "start": horizon.planned.start,
        "end": horizon.planned.end,
        "since": horizon.since,
        "overdue": horizon.overdue,
        "component": horizon.component,
    }


def _health(row: dict[str, Any]) -> ComponentHealth:
    entry = ComponentEntry.from_json(row["entry"]) if row["entry"] else None
    return ComponentHealth(row["code"], row["last_message_at"], row["last_sent_at"], row["synchronised_at"], entry)
