"""MADES acknowledgements that are owed: written in the transaction that earns them, gone once they are sent.

Whoever sends them takes a lease first, so that no transaction is open while the broker is asked; a lease that nobody
ends runs out. So an acknowledgement is sent once or, after a crash, twice, and never lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tps.stores.database import Transaction

LEASE_S = 30


def owe(
    tx: Transaction,
    *,
    component: str,
    peer: str,
    message_ids: Sequence[str],
    kind: str,
    at: datetime,
    detail: str | None = None,
) -> None:
    """Note that an acknowledgement is to be sent; a later kind replaces an earlier one that was not sent yet."""
    tx.execute(
        """INSERT INTO owed_acknowledgement (component, peer, message_id, kind, at, detail)
           SELECT %s, %s, id, %s, %s, %s FROM unnest(%s::text[]) AS id ORDER BY id
           ON CONFLICT (component, peer, message_id)
           DO UPDATE SET kind = excluded.kind, at = excluded.at, detail = excluded.detail,
                         lease = NULL, leased_until = NULL""",
        (component, peer, kind, at, detail, list(message_ids)),
    )


def lease(tx: Transaction, lease_id: str, limit: int = 1000) -> list[dict[str, Any]]:
    """Take what is owed and nobody else is sending: component, peer, message_id, kind, at, detail."""
    _need_not_last(tx)
    return tx.execute(
        """UPDATE owed_acknowledgement SET lease = %s, leased_until = clock_timestamp() + make_interval(secs => %s)
            WHERE (component, peer, message_id) IN (
                SELECT component, peer, message_id FROM owed_acknowledgement
                 WHERE leased_until IS NULL OR leased_until <= clock_timestamp() LIMIT %s FOR UPDATE SKIP LOCKED)
           RETURNING component, peer, message_id, kind, at, detail""",
        (lease_id, LEASE_S, limit),
    ).fetchall()


def settle(tx: Transaction, lease_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """These of the lease are sent; what was replaced or leased anew meanwhile stays owed."""
    _need_not_last(tx)
    tx.execute(
        """DELETE FROM owed_acknowledgement o
            USING unnest(%s::text[], %s::text[], %s::text[]) AS s(component, peer, id)
            WHERE o.lease = %s AND (o.component, o.peer, o.message_id) = (s.component, s.peer, s.id)""",
        (*([row[name] for row in rows] for name in ("component", "peer", "message_id")), lease_id),
    )


def release(tx: Transaction, lease_id: str) -> None:
    """They could not be sent: whoever comes next may try."""
    tx.execute("UPDATE owed_acknowledgement SET lease = NULL, leased_until = NULL WHERE lease = %s", (lease_id,))


def _need_not_last(tx: Transaction) -> None:
    """A lease or its end that is lost in a crash only sends twice: no wait for the disk."""
    tx.execute("SET LOCAL synchronous_commit = off")
