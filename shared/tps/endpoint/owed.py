"""MADES acknowledgements that are owed: written by the transaction that earns them, deleted when they are sent.

A process that sends them takes a lease first, so that no transaction is open during calls to the broker. A lease ends
by itself. So an acknowledgement is sent once, or twice after a crash, and is never lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tps.stores.database import Transaction

LEASE_S = 30
LEASE_ROWS = 1000


def owe(
    tx: Transaction,
    *,
    component: str,
    peer: str,
    message_ids: Sequence[str],
    kind: str,
    at: datetime,
    detail: str | None = None,
    lease_id: str | None = None,
) -> None:
    """Note that acknowledgements must be sent. A later kind replaces an earlier one that was not sent yet.

    Args:
        lease_id: Lease of a caller that is about to send them. Other processes skip them meanwhile.
    """
    tx.execute(
        """INSERT INTO owed_acknowledgement (component, peer, message_id, kind, at, detail, lease, leased_until)
           SELECT %s, %s, id, %s, %s, %s, lease,
                  CASE WHEN lease IS NOT NULL THEN clock_timestamp() + make_interval(secs => %s) END
             FROM unnest(%s::text[]) AS id, CAST(%s AS text) AS lease ORDER BY id
           ON CONFLICT (component, peer, message_id)
           DO UPDATE SET kind = excluded.kind, at = excluded.at, detail = excluded.detail,
                         lease = excluded.lease, leased_until = excluded.leased_until""",
        (component, peer, kind, at, detail, LEASE_S, list(message_ids), lease_id),
    )


def lease(tx: Transaction, lease_id: str, limit: int = LEASE_ROWS, *, only: str | None = None) -> list[dict[str, Any]]:
    """Lease owed acknowledgements that no other process is sending.

    Args:
        only: Id of the one message to lease. Other leases on it are ignored.

    Returns:
        Rows of component, peer, message_id, kind, at, detail.
    """
    _allow_loss(tx)
    which = "message_id = %s FOR UPDATE"
    if only is None:
        which = "leased_until IS NULL OR leased_until <= clock_timestamp() LIMIT %s FOR UPDATE SKIP LOCKED"
    return tx.execute(
        f"""UPDATE owed_acknowledgement SET lease = %s, leased_until = clock_timestamp() + make_interval(secs => %s)
            WHERE (component, peer, message_id) IN (
                SELECT component, peer, message_id FROM owed_acknowledgement
                 WHERE {which})
           RETURNING component, peer, message_id, kind, at, detail""",
        (lease_id, LEASE_S, limit if only is None else only),
    ).fetchall()


def settle(tx: Transaction, lease_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete these rows of the lease, because they are sent. Rows that were replaced or leased again stay owed."""
    _allow_loss(tx)
    tx.execute(
        """DELETE FROM owed_acknowledgement o
            USING unnest(%s::text[], %s::text[], %s::text[]) AS s(component, peer, id)
            WHERE o.lease = %s AND (o.component, o.peer, o.message_id) = (s.component, s.peer, s.id)""",
        (*([row[name] for row in rows] for name in ("component", "peer", "message_id")), lease_id),
    )


def release(tx: Transaction, lease_id: str) -> None:
    """End a lease, because its acknowledgements could not be sent."""
    tx.execute("UPDATE owed_acknowledgement SET lease = NULL, leased_until = NULL WHERE lease = %s", (lease_id,))


def _allow_loss(tx: Transaction) -> None:
    """Skip the wait for the disk: a crash that loses a lease or its end only causes a repeat."""
    tx.execute("SET LOCAL synchronous_commit = off")
