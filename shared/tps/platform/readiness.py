"""Readiness as the platform operator reads it: the health of parties, and missing data.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tps.api.types import moment_json
from tps.domain.limit import Interval
from tps.mades.certificates import CertificateUse
from tps.mades.directory import ComponentEntry
from tps.mades.states import State, shown_to_application
from tps.party.plans import WITHIN
from tps.platform.overview_parties import Holdings
from tps.platform.registry import Party

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


NEAR_EXPIRY = timedelta(days=30)
_NOTHING = Holdings(0, 0, 0, Decimal(0), Decimal(0))
_DAY = timedelta(days=1)


def horizon_at(now: datetime, component: str) -> Horizon:
    """Return the horizon now: plans until the end of tomorrow (UTC), and messages of the last two weeks."""
    tomorrow_ends = now.replace(hour=0, minute=0, second=0, microsecond=0) + 2 * _DAY
    return Horizon(Interval(now, tomorrow_ends), now - LOOK_BACK, now - SLOW_AFTER, component)


def readiness_json(
    party: Party, health: ComponentHealth | None, held: Holdings | None, *, undelivered: int, now: datetime
) -> dict[str, Any]:
    """Return a party, its component's health, and its needs."""
    until = None if health is None else _certificates_until(health, now)
    is_near = until is None or until - now < NEAR_EXPIRY
    needs = {
        "never_heard": health is None or health.last_message_at is None,
        "certificate_expires": is_near,
        "undelivered": undelivered > 0,
        "no_assets": party.role in ("agr", "brp") and not (held or _NOTHING).asset_count,
        "no_points": party.role == "dso" and not (held or _NOTHING).point_count,
    }
    return {
        "code": party.code,
        "role": party.role,
        "name": party.name,
        "component": _component_json(party.component, health, until, is_near=is_near),
        "undelivered_count": undelivered,
        "needs": [need for need, is_so in needs.items() if is_so],
    }


def item_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one entry of a list of missing data."""
    body = {name: value for name, value in row.items() if name not in ("peer", "state", "sent_at")}
    if "peer" in row:
        body["to"] = row["peer"]
        body["state"] = str(shown_to_application(State(row["state"])))
        body["sent_at"] = moment_json(row["sent_at"])
    return body


def _component_json(
    code: str, health: ComponentHealth | None, until: datetime | None, *, is_near: bool
) -> dict[str, Any]:
    names = ("last_message_at", "last_sent_at", "synchronised_at")
    times = {name: getattr(health, name) if health else None for name in names}
    return {
        "code": code,
        **{name: None if at is None else moment_json(at) for name, at in times.items()},
        "certificates_until": None if until is None else moment_json(until),
        "is_certificate_near_expiry": is_near,
    }


def _certificates_until(health: ComponentHealth, now: datetime) -> datetime | None:
    """Return when the first use loses its valid certificate. Return None if a use has none now."""
    if health.entry is None:
        return None
    certificates = [health.entry.find_certificate(use, now) for use in CertificateUse]
    ends = [certificate.valid_to for certificate in certificates if certificate is not None]
    return min(ends) if len(ends) == len(certificates) else None
