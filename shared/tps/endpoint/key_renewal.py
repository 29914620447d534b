"""New keys of own components, from before the request for certificates until the certificates arrive."""

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
        failures: Number of failed requests for their certificates.
    """

    component: str
    authentication: bytes
    encryption: bytes
    signing: bytes
    failures: int = 0


def ending_before(tx: Transaction, moment: datetime) -> list[str]:
    """Return own components for some of whose uses no certificate is valid until that moment."""
    rows = tx.execute(
        """SELECT DISTINCT component FROM (SELECT component, max(valid_to) AS valid_to FROM component_key
                                            GROUP BY component, use) AS newest
            WHERE valid_to < %s ORDER BY component""",
        (moment,),
    ).fetchall()
    return [row["component"] for row in rows]


def take_renewal(tx: Transaction, made: NewKeys, *, now: datetime, until: datetime) -> NewKeys | None:
    """Return the keys to request certificates for, or None if no request is due.

    Waiting keys of an earlier attempt take precedence over the new ones.

    Args:
        made: Keys that were made for this attempt.
        until: End of this attempt. Other processes make no attempt until then.
    """
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
    """Store the certified keys of a component, and delete its keys that expired too long ago to be needed."""
    add_keys(tx, keys)
    tx.execute("DELETE FROM component_key WHERE component = %s AND valid_to < %s", (component, unneeded_before))
    tx.execute("DELETE FROM key_renewal WHERE component = %s", (component,))


def postpone_renewal(tx: Transaction, component: str, next_at: datetime) -> None:
    """Note a failed request. The same keys are tried again at `next_at`."""
    tx.execute("UPDATE key_renewal SET due_at = %s, failures = failures + 1 WHERE component = %s", (next_at, component))
