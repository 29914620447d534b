"""Components a group acts for, their wrapped keys, and its copy of the directory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class OwnComponent:
    """A component whose keys this group holds; `role` is that of its party: agr, brp, dso or tps."""

    code: str
    party: str
    role: str
    name: str


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A private key at rest."""

    certificate_id: str
    component: str
    use: str
    wrapped: bytes
    valid_from: datetime
    valid_to: datetime


def add_component(tx: Transaction, component: OwnComponent, keys: Sequence[WrappedKey]) -> None:
    """Take in a component and its keys, in place of what an interrupted onboarding may have left of it."""
    tx.execute("DELETE FROM component WHERE code = %s", (component.code,))
    tx.execute(
        "INSERT INTO component VALUES (%s, %s, %s, %s)",
        (component.code, component.party, component.role, component.name),
    )
    for key in keys:
        tx.execute(
            "INSERT INTO component_key VALUES (%s, %s, %s, %s, %s, %s)",
            (key.certificate_id, key.component, key.use, key.wrapped, key.valid_from, key.valid_to),
        )


def set_password_hash(tx: Transaction, code: str, password_hash: str) -> None:
    """What the web service checks a component's password by (`tps.stores.directory.hash_password`)."""
    tx.execute("UPDATE component SET password_hash = %s WHERE code = %s", (password_hash, code))


def fill_password_hashes(tx: Transaction, hashes: Mapping[str, str]) -> None:
    """Set the hash of those of these components that are here and have none."""
    tx.execute(
        """UPDATE component c SET password_hash = given.hash FROM unnest(%s::text[], %s::text[]) AS given(code, hash)
            WHERE c.code = given.code AND c.password_hash IS NULL""",
        (list(hashes), list(hashes.values())),
    )


def password_hash_of(tx: Transaction, code: str) -> str | None:
    """The hash of a component's password; None if there is no such component here, or it has none."""
    row = tx.execute("SELECT password_hash FROM component WHERE code = %s", (code,)).fetchone()
    return row["password_hash"] if row else None


def component_of_party(tx: Transaction, party: str) -> OwnComponent | None:
    row = tx.execute("SELECT code, party, role, name FROM component WHERE party = %s", (party,)).fetchone()
    return OwnComponent(**row) if row else None


def component_by_code(tx: Transaction, code: str) -> OwnComponent | None:
    row = tx.execute("SELECT code, party, role, name FROM component WHERE code = %s", (code,)).fetchone()
    return OwnComponent(**row) if row else None


def signing_key(tx: Transaction, component: str, now: datetime) -> WrappedKey | None:
    """The newest signing key of a component that is valid now."""
    row = tx.execute(
        """SELECT * FROM component_key WHERE component = %s AND use = 'signing' AND valid_from <= %s AND valid_to > %s
            ORDER BY valid_from DESC LIMIT 1""",
        (component, now, now),
    ).fetchone()
    return _key(row) if row else None


def key_by_certificate(tx: Transaction, certificate_id: str) -> WrappedKey | None:
    """A key by the id of its certificate, expired or not: what was encrypted for it must stay readable."""
    row = tx.execute("SELECT * FROM component_key WHERE certificate_id = %s", (certificate_id,)).fetchone()
    return _key(row) if row else None


def put_entry(tx: Transaction, entry: ComponentEntry, now: datetime) -> None:
    """Write or replace the copy of a component's directory entry."""
    tx.execute(
        """INSERT INTO directory_entry VALUES (%s, %s, %s) ON CONFLICT (code)
           DO UPDATE SET entry = excluded.entry, synchronised_at = excluded.synchronised_at""",
        (entry.code, json.dumps(entry.to_json()), now),
    )


def entry_of(tx: Transaction, code: str) -> ComponentEntry | None:
    """The copy of a component's directory entry."""
    row = tx.execute("SELECT entry FROM directory_entry WHERE code = %s", (code,)).fetchone()
    return ComponentEntry.from_json(row["entry"]) if row else None


def _key(row: dict[str, Any]) -> WrappedKey:
    return WrappedKey(**(row | {"wrapped": bytes(row["wrapped"])}))
