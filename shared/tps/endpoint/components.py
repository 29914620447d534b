"""The components of a group, their wrapped keys, and the group's copy of directory entries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tps.endpoint.directory_copy import schedule_pull
from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_DIRECTORY_ENDS = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class OwnComponent:
    """A component whose keys this group holds. `role` is the role of its party: agr, brp, dso or tps."""

    code: str
    party: str
    role: str
    name: str


@dataclass(frozen=True, slots=True)
class CopiedEntry:
    """The copy of a component's directory entry.

    Attributes:
        synchronised_at: When the directory last confirmed the entry.
        ttl_s: Time to live of the copy from then on, in seconds. None if the directory gave none.
    """

    entry: ComponentEntry
    synchronised_at: datetime
    ttl_s: float | None

    def is_stale(self, now: datetime, default_ttl_s: float) -> bool:
        """Return whether the copy is older than its time to live."""
        ttl_s = default_ttl_s if self.ttl_s is None else self.ttl_s
        return now - self.synchronised_at > timedelta(seconds=ttl_s)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A private key, encrypted by the group's key."""

    certificate_id: str
    component: str
    use: str
    wrapped: bytes
    valid_from: datetime
    valid_to: datetime


def add_component(tx: Transaction, component: OwnComponent, keys: Sequence[WrappedKey]) -> None:
    """Add a component and its keys. Replace the remains of an interrupted onboarding."""
    tx.execute("DELETE FROM component WHERE code = %s", (component.code,))
    tx.execute(
        "INSERT INTO component VALUES (%s, %s, %s, %s)",
        (component.code, component.party, component.role, component.name),
    )
    add_keys(tx, keys)


def add_keys(tx: Transaction, keys: Sequence[WrappedKey]) -> None:
    """Add keys to components. Keys that exist already stay unchanged."""
    for key in keys:
        tx.execute(
            "INSERT INTO component_key VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (key.certificate_id, key.component, key.use, key.wrapped, key.valid_from, key.valid_to),
        )


def set_password_hash(tx: Transaction, code: str, password_hash: str) -> None:
    """Set the hash of a component's password for the web service (`tps.directory.entries.hash_password`)."""
    tx.execute("UPDATE component SET password_hash = %s WHERE code = %s", (password_hash, code))


def fill_password_hashes(tx: Transaction, hashes: Mapping[str, str]) -> None:
    """Set the password hash of those components that exist here and have no hash.

    Args:
        hashes: Password hash by component code.
    """
    tx.execute(
        """UPDATE component c SET password_hash = given.hash FROM unnest(%s::text[], %s::text[]) AS given(code, hash)
            WHERE c.code = given.code AND c.password_hash IS NULL""",
        (list(hashes), list(hashes.values())),
    )


def password_hash_of(tx: Transaction, code: str) -> str | None:
    """Return the hash of a component's password. Return None for an unknown component or one without a password."""
    row = tx.execute("SELECT password_hash FROM component WHERE code = %s", (code,)).fetchone()
    return row["password_hash"] if row else None


def component_of_party(tx: Transaction, party: str) -> OwnComponent | None:
    """Return the component of a party, or None."""
    row = tx.execute("SELECT code, party, role, name FROM component WHERE party = %s", (party,)).fetchone()
    return OwnComponent(**row) if row else None


def component_by_code(tx: Transaction, code: str) -> OwnComponent | None:
    """Return the component with this code, or None."""
    row = tx.execute("SELECT code, party, role, name FROM component WHERE code = %s", (code,)).fetchone()
    return OwnComponent(**row) if row else None


def valid_keys(tx: Transaction, component: str, use: str, now: datetime) -> list[WrappedKey]:
    """Return a component's keys for one use whose certificates are valid now, newest first."""
    rows = tx.execute(
        """SELECT * FROM component_key WHERE component = %s AND use = %s AND valid_from <= %s AND valid_to > %s
            ORDER BY valid_from DESC, certificate_id""",
        (component, use, now, now),
    ).fetchall()
    return [_key(row) for row in rows]


def key_by_certificate(tx: Transaction, certificate_id: str) -> WrappedKey | None:
    """Return the key of a certificate, or None.

    Expired certificates count too: messages that were encrypted for them must stay readable.
    """
    row = tx.execute("SELECT * FROM component_key WHERE certificate_id = %s", (certificate_id,)).fetchone()
    return _key(row) if row else None


def put_entry(tx: Transaction, entry: ComponentEntry, now: datetime) -> None:
    """Write the copy of a component's directory entry when the directory itself or an onboarding changes the entry.

    A pull in progress may have read an older entry. Its result is discarded, and the pull is repeated when the
    directory's own transaction has had time to commit.
    """
    known = entry_of(tx, entry.code)
    tx.execute(
        """INSERT INTO directory_entry (code, entry, synchronised_at) VALUES (%s, %s, %s) ON CONFLICT (code)
           DO UPDATE SET entry = excluded.entry, synchronised_at = excluded.synchronised_at""",
        (entry.code, json.dumps(entry.to_json()), now),
    )
    if known is not None and known.entry != entry:
        schedule_pull(tx, entry.code, now + _DIRECTORY_ENDS)


def entry_of(tx: Transaction, code: str) -> CopiedEntry | None:
    """Return the copy of a component's directory entry, or None."""
    row = tx.execute("SELECT entry, synchronised_at, ttl_s FROM directory_entry WHERE code = %s", (code,)).fetchone()
    return CopiedEntry(ComponentEntry.from_json(row["entry"]), row["synchronised_at"], row["ttl_s"]) if row else None


def _key(row: dict[str, Any]) -> WrappedKey:
    return WrappedKey(**(row | {"wrapped": bytes(row["wrapped"])}))
