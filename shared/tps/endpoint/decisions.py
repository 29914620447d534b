"""What the platform decided on documents, so that the same one again gets the same answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def lock_document(tx: Transaction, sender: str, document_id: str, revision: int) -> None:
    """One message at a time about a document, until the transaction ends."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{sender}/{document_id}/{revision}",))


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a document: digest of its meaning, and the answer given."""

    digest: bytes
    answer: Mapping[str, object]


def decision_on(tx: Transaction, sender: str, document_id: str, revision: int) -> Decision | None:
    """What was decided on this revision of this sender's document, if it came before."""
    row = tx.execute(
        "SELECT digest, answer FROM decided_document WHERE sender = %s AND document_id = %s AND revision = %s",
        (sender, document_id, revision),
    ).fetchone()
    return Decision(bytes(row["digest"]), row["answer"]) if row else None


def keep_decision(
    tx: Transaction, sender: str, document_id: str, revision: int, *, decision: Decision, at: datetime
) -> None:
    """Remember what was decided, for when the document comes again."""
    tx.execute(
        "INSERT INTO decided_document VALUES (%s, %s, %s, %s, %s, %s)",
        (sender, document_id, revision, decision.digest, json.dumps(decision.answer), at),
    )
