"""The Component Directory itself: every component of the installation, and what its web service is asked for."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.mades.directory import ComponentEntry
from tps.stores.components import OwnComponent

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_LOCK = 4_104_401
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class Registered:
    """A component, its public entry, and the hash of its web service password."""

    component: OwnComponent
    entry: ComponentEntry
    password_hash: str | None


def lock(tx: Transaction) -> None:
    """One registration at a time, until the transaction ends."""
    tx.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def register(tx: Transaction, new: Registered, now: datetime) -> None:
    tx.execute(
        "INSERT INTO registered_component VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            *(new.component.code, new.component.party, new.component.role, new.component.name),
            *(json.dumps(new.entry.to_json()), new.password_hash, now),
        ),
    )


def registered(tx: Transaction, code: str) -> Registered | None:
    """A component by its code."""
    row = tx.execute(
        "SELECT code, party, role, name, entry, password_hash FROM registered_component WHERE code = %s OR party = %s",
        (code, code),
    ).fetchone()
    if row is None:
        return None
    component = OwnComponent(row["code"], row["party"], row["role"], row["name"])
    return Registered(component, ComponentEntry.from_json(row["entry"]), row["password_hash"])


def password_hashes(tx: Transaction) -> dict[str, str]:
    """Of every component that has one, by its code."""
    rows = tx.execute("SELECT code, password_hash FROM registered_component WHERE password_hash IS NOT NULL").fetchall()
    return {row["code"]: row["password_hash"] for row in rows}


def hash_password(password: str) -> str:
    """Salted scrypt, as hex."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT).hex()}"


def is_password(password: str, password_hash: str) -> bool:
    """True if the hash was made of this password."""
    salt, _, expected = password_hash.partition(":")
    given = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **_SCRYPT)
    return hmac.compare_digest(given, bytes.fromhex(expected))
