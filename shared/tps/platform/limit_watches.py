"""Notices that a DSO gets about its limits as time passes, each once.

Source: docs/semantics.md, "Emergencies".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from tps.platform.limits import LimitName

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_REACHED = ["DELIVERED", "RECEIVED"]
_BATCH = 200


class Watch(StrEnum):
    """The event that a notice reports. `UNREACHED` is due after a minute, `EXPIRES` 15 minutes before the end."""

    EXPIRES = "expires"
    EXPIRED = "expired"
    REACHED = "reached"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class DueWatch:
    """A due watch on the latest revision of a limit.

    Attributes:
        ends_at: End of the limit.
        message_id: The message that carried the revision.
    """

    name: LimitName
    what: Watch
    kind: str
    ends_at: datetime
    message_id: str


def watch(tx: Transaction, name: LimitName, due: Mapping[Watch, datetime]) -> None:
    """Watch the latest revision of a limit instead of earlier ones."""
    tx.execute("DELETE FROM limit_watch WHERE dso = %s AND limit_id = %s", (name.dso, name.limit_id))
    tx.execute(
        "INSERT INTO limit_watch SELECT %s, %s, %s, * FROM unnest(%s::text[], %s::timestamptz[])",
        (name.dso, name.limit_id, name.revision, [str(what) for what in due], list(due.values())),
    )


def take_due(tx: Transaction, now: datetime) -> list[DueWatch]:
    """Return due watches that depend on time, sorted by DSO, and remove them in this transaction."""
    rows = tx.execute(
        """WITH due AS (
               DELETE FROM limit_watch WHERE (dso, limit_id, what) IN (
                   SELECT dso, limit_id, what FROM limit_watch WHERE due_at <= %s AND what <> 'reached'
                    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
               RETURNING dso, limit_id, revision, what)
           SELECT due.*, l.kind, l.ends_at, l.message_id FROM due JOIN limit_revision l USING (dso, limit_id, revision)
            ORDER BY dso, limit_id, what""",
        (now, _BATCH),
    ).fetchall()
    return [_due(row) for row in rows]


def take_reached(tx: Transaction, component: str) -> list[tuple[DueWatch, datetime]]:
    """Return limits that reached the endpoints of all operators (DELIVERED), with the time, sorted by DSO.

    Their watches are removed. Watches of limits with a FAILED message, or without a recipient, are removed too, but not
    returned.

    Args:
        component: The platform's component, which sent the messages.
    """
    rows = tx.execute(
        """WITH open AS (
               SELECT w.dso, w.limit_id, w.revision, l.kind, l.ends_at, l.message_id
                 FROM limit_watch w JOIN limit_revision l USING (dso, limit_id, revision)
                WHERE w.what = 'reached' AND l.is_relayed FOR UPDATE OF w SKIP LOCKED),
           sent AS (
               SELECT dso, limit_id, bool_and(coalesce(m.state, 'FAILED') = ANY(%(reached)s)) AS is_reached,
                      bool_and(coalesce(m.state, 'FAILED') = ANY(%(settled)s)) AS is_settled,
                      array_agg(p.message_id) AS message_ids
                 FROM open LEFT JOIN limit_part p USING (dso, limit_id, revision)
                 LEFT JOIN message m ON m.component = %(component)s AND m.message_id = p.message_id
                GROUP BY dso, limit_id),
           done AS (
               DELETE FROM limit_watch w USING sent s
                WHERE w.dso = s.dso AND w.limit_id = s.limit_id AND w.what = 'reached' AND s.is_settled
               RETURNING w.dso, w.limit_id)
           SELECT open.*, 'reached' AS what,
                  (SELECT max(first) FROM (SELECT min(t.at) AS first FROM message_trace t
                     WHERE t.component = %(component)s AND t.message_id = ANY(sent.message_ids)
                       AND t.state = ANY(%(reached)s) GROUP BY t.message_id) AS each) AS at
             FROM open JOIN sent USING (dso, limit_id) JOIN done USING (dso, limit_id)
            WHERE sent.is_reached ORDER BY dso, limit_id""",
        {"component": component, "reached": _REACHED, "settled": [*_REACHED, "FAILED"]},
    ).fetchall()
    return [(_due(row), row["at"]) for row in rows]


def unreached_assets(tx: Transaction, component: str, name: LimitName) -> list[str]:
    """Return the assets of a revision whose operator's endpoint has not acknowledged the delivery, sorted."""
    rows = tx.execute(
        """SELECT a.asset_id FROM limit_asset a
             LEFT JOIN limit_part p USING (dso, limit_id, revision, operator)
             LEFT JOIN message m ON m.component = %s AND m.message_id = p.message_id
            WHERE a.dso = %s AND a.limit_id = %s AND a.revision = %s
              AND NOT coalesce(m.state = ANY(%s), false) ORDER BY a.asset_id COLLATE "C" """,
        (component, name.dso, name.limit_id, name.revision, _REACHED),
    ).fetchall()
    return [row["asset_id"] for row in rows]


def _due(row: dict[str, object]) -> DueWatch:
    name = LimitName(str(row["dso"]), str(row["limit_id"]), int(str(row["revision"])))
    ends_at = row["ends_at"]
    assert isinstance(ends_at, datetime)
    return DueWatch(name, Watch(str(row["what"])), str(row["kind"]), ends_at, str(row["message_id"]))
