"""New keys of own components, from before certificates are asked for until these are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.endpoint.components import WrappedKey, add_keys

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Three private keys, each wrapped for its component and use, that wait for their certificates.

    Attributes:
        failures: How often these were asked for in vain.
    """

    component: str
    authentication: bytes
    encryption: bytes
    signing: bytes
    failures: int = 0


def ending_before(tx: Transaction, moment: datetime) -> list[str]:
    """Own components some of whose newest keys are not certified for longer than that."""
    rows = tx.execute(
        """SELECT DISTINCT component FROM (SELECT component, max(valid_to) AS valid_to FROM component_key
                                            GROUP BY component, use) AS newest
            WHERE valid_to < %s ORDER BY component""",
        (moment,),
    ).fetchall()
    return [row["component"] for row in rows]


def take_renewal(tx: Transaction, made: NewKeys, *, now: datetime, until: datetime) -> NewKeys | None:
    """The keys to ask certificates for: those that wait already, else the ones just made; None if it is not due."""
    row = tx.execute(
        """INSERT INTO key_renewal AS r VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (component) DO UPDATE SET due_at = excluded.due_at WHERE r.due_at <= %s
           RETURNING component, authentication, encryption, signing, failures""",
        (made.component, made.authentication, made.encryption, made.signing, until, now),
    ).fetchone()
    if row is None:
        return None
    keys = {name: bytes(row[name]) for name in ("authentication", "encryption", "signing")}
    return NewKeys(**(row | keys))


def keep_renewed(tx: Transaction, component: str, keys: Sequence[WrappedKey], *, unneeded_before: datetime) -> None:
    """The new keys are certified: they are the component's; those that nobody can need any more go."""
    add_keys(tx, keys)
    tx.execute("DELETE FROM component_key WHERE component = %s AND valid_to < %s", (component, unneeded_before))
    tx.execute("DELETE FROM key_renewal WHERE component = %s", (component,))


def put_off_renewal(tx: Transaction, component: str, next_at: datetime) -> None:
    """No certificates came: the same keys are tried again then."""
    tx.execute("UPDATE key_renewal SET due_at = %s, failures = failures + 1 WHERE component = %s", (next_at, component))
