"""The rows of the Component Directory: every component of the installation, and its web service password."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.endpoint.components import OwnComponent
from tps.mades.applicant import Contact
from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    from psycopg import Cursor

    from tps.stores.database import Transaction

_LOCK = 4_104_401
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


ECP_ROLE = "ecp"
"""Role of the entries of the broker and the directory, which belong to no party."""


@dataclass(frozen=True, slots=True)
class NewComponent:
    """A component that enters the directory, with the hash of its web service password."""

    component: OwnComponent
    entry: ComponentEntry
    password_hash: str | None = None
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A component as the directory has it.

    Attributes:
        password_hash: Hash of the password for the web service.
        status: `active`, or `revoked` for good.
        revision: Raised by every change.
    """

    component: OwnComponent
    entry: ComponentEntry
    password_hash: str | None
    contact: Contact
    status: str
    revision: int
    created_at: datetime
    modified_at: datetime


def lock(tx: Transaction) -> None:
    """Lock the directory until the transaction ends, so that one registration happens at a time."""
    tx.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def register(tx: Transaction, new: NewComponent, now: datetime) -> None:
    """Write a new component, and mark its party's application as approved."""
    component, contact = new.component, new.contact or Contact(new.entry.organisation)
    tx.execute(
        """INSERT INTO registered_component
           (code, party, role, name, entry, password_hash, person, email, phone, added_at, modified_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            *(component.code, component.party, component.role, component.name),
            *(json.dumps(new.entry.to_json()), new.password_hash),
            *(contact.person, contact.email, contact.phone, now, now),
        ),
    )
    tx.execute(
        """UPDATE component_application
              SET status = 'approved', reason = NULL, revision = revision + 1, modified_at = %s WHERE party = %s""",
        (now, component.party),
    )


def change(tx: Transaction, changed: Registered, now: datetime) -> None:
    """Write a changed entry and its status."""
    tx.execute(
        """UPDATE registered_component SET entry = %s, status = %s, revision = revision + 1, modified_at = %s
            WHERE code = %s""",
        (json.dumps(changed.entry.to_json()), changed.status, now, changed.component.code),
    )


def revoke(tx: Transaction, component: str, certificate_ids: Sequence[str], *, reason: str, now: datetime) -> None:
    """Note these certificates of a component as revoked. Revoked ones stay unchanged."""
    tx.execute(
        """INSERT INTO revoked_certificate SELECT id, %s, %s, %s FROM unnest(%s::text[]) AS given(id)
           ON CONFLICT DO NOTHING""",
        (component, now, reason, list(certificate_ids)),
    )


_COLUMNS = """code, party, role, name, entry, password_hash, person, email, phone, status, revision,
    added_at, modified_at"""


def registered(tx: Transaction, code: str) -> Registered | None:
    """Return the component with this code, or of the party with this code, or None."""
    return _first(
        tx.execute(
            f"SELECT {_COLUMNS} FROM registered_component c WHERE code = %s OR party = %s ORDER BY code <> %s LIMIT 1",
            (code, code, code),
        )
    )


def component_of(tx: Transaction, party: str) -> Registered | None:
    """Return a party's component, or None."""
    return _first(tx.execute(f"SELECT {_COLUMNS} FROM registered_component c WHERE party = %s", (party,)))


def component_for_change(tx: Transaction, code: str) -> Registered | None:
    """Return the component with this code, or None. The row stays locked until the transaction ends."""
    return _first(tx.execute(f"SELECT {_COLUMNS} FROM registered_component c WHERE code = %s FOR UPDATE", (code,)))


def components_visible_to(tx: Transaction, party: str, everybodys: Sequence[str]) -> list[Registered]:
    """Return a party's own component and those that every party may see, sorted by code."""
    query = f"SELECT {_COLUMNS} FROM registered_component c WHERE party = %s OR code = ANY(%s) ORDER BY code"
    return [_registered(row) for row in tx.execute(query, (party, list(everybodys)))]


def all_components(tx: Transaction) -> list[Registered]:
    """Return all components, sorted by code. Only the platform operator may see them."""
    return [_registered(row) for row in tx.execute(f"SELECT {_COLUMNS} FROM registered_component c ORDER BY code")]


def _first(cursor: Cursor[dict[str, Any]]) -> Registered | None:
    row = cursor.fetchone()
    return _registered(row) if row else None


def _registered(row: dict[str, Any]) -> Registered:
    return Registered(
        component=OwnComponent(row["code"], row["party"], row["role"], row["name"]),
        entry=ComponentEntry.from_json(row["entry"]),
        password_hash=row["password_hash"],
        contact=Contact(row["name"], row["person"], row["email"], row["phone"]),
        status=row["status"],
        revision=row["revision"],
        created_at=row["added_at"],
        modified_at=row["modified_at"],
    )


def password_hashes(tx: Transaction) -> dict[str, str]:
    """Return the password hashes of all components that have one, by code."""
    rows = tx.execute("SELECT code, password_hash FROM registered_component WHERE password_hash IS NOT NULL").fetchall()
    return {row["code"]: row["password_hash"] for row in rows}


def hash_password(password: str) -> str:
    """Return the salted scrypt hash of a password, in hexadecimal."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT).hex()}"


def is_password(password: str, password_hash: str) -> bool:
    """Return whether the hash belongs to this password."""
    salt, _, expected = password_hash.partition(":")
    given = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_SCRYPT)
    return hmac.compare_digest(given, bytes.fromhex(expected))
