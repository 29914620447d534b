"""Applications to the Component Directory: one per party. Decided ones stay as a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.mades.applicant import Contact, PublicKeys
from tps.mades.certificate import CertificateUse

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Application:
    """An application of a party for a component.

    Attributes:
        code: The wanted component code.
        status: `applied`, `approved` or `rejected`.
        reason: Why it was rejected.
        revision: Raised by every change.
    """

    party: str
    role: str
    code: str
    contact: Contact
    keys: PublicKeys
    created_at: datetime
    modified_at: datetime
    status: str = "applied"
    reason: str | None = None
    revision: int = 1

    def says_the_same(self, other: Application) -> bool:
        """Return whether both applications want the same."""
        mine = (self.role, self.code, self.contact, dict(self.keys))
        return mine == (other.role, other.code, other.contact, dict(other.keys))


def put_application(tx: Transaction, new: Application) -> Application:
    """Write a party's application in place of an earlier one. Return it as stored."""
    contact, keys = new.contact, [new.keys[use] for use in CertificateUse]
    tx.execute(
        """INSERT INTO component_application
                  (party, role, code, organisation, person, email, phone,
                   authentication_key, encryption_key, signing_key, status, created_at, modified_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'applied', %s, %s)
           ON CONFLICT (party) DO UPDATE SET (role, code, organisation, person, email, phone, authentication_key,
                  encryption_key, signing_key, status, reason, revision, modified_at)
               = (excluded.role, excluded.code, excluded.organisation, excluded.person, excluded.email, excluded.phone,
                  excluded.authentication_key, excluded.encryption_key, excluded.signing_key, excluded.status, NULL,
                  component_application.revision + 1, excluded.modified_at)""",
        (
            *(new.party, new.role, new.code, contact.organisation, contact.person, contact.email, contact.phone),
            *(*keys, new.created_at, new.modified_at),
        ),
    )
    written = application_of(tx, new.party)
    assert written is not None
    return written


def reject(tx: Transaction, party: str, reason: str, now: datetime) -> Application:
    """Mark a party's application as rejected. Return it as stored."""
    tx.execute(
        """UPDATE component_application SET status = 'rejected', reason = %s, revision = revision + 1, modified_at = %s
            WHERE party = %s""",
        (reason, now, party),
    )
    rejected = application_of(tx, party)
    assert rejected is not None
    return rejected


def application_of(tx: Transaction, party: str) -> Application | None:
    """Return a party's application, or None."""
    row = tx.execute("SELECT * FROM component_application WHERE party = %s", (party,)).fetchone()
    return _application(row) if row else None


def applications_for(tx: Transaction, code: str) -> list[Application]:
    """Return applications for this component code, and the one of this party, sorted by party.

    Only the platform operator may see them.
    """
    query = "SELECT * FROM component_application WHERE code = %s OR party = %s ORDER BY party"
    return [_application(row) for row in tx.execute(query, (code, code))]


def all_applications(tx: Transaction) -> list[Application]:
    """Return all applications, sorted by party. Only the platform operator may see them."""
    return [_application(row) for row in tx.execute("SELECT * FROM component_application ORDER BY party")]


def _application(row: dict[str, Any]) -> Application:
    return Application(
        party=row["party"],
        role=row["role"],
        code=row["code"],
        contact=Contact(row["organisation"], row["person"], row["email"], row["phone"]),
        keys={use: row[f"{use}_key"] for use in CertificateUse},
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        status=row["status"],
        reason=row["reason"],
        revision=row["revision"],
    )
