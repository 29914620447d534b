"""The platform's decisions on documents. A repeated document gets the earlier answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def lock_document(tx: Transaction, sender: str, document_id: str, revision: int) -> None:
    """Lock a document until the transaction ends, so that one message at a time is decided about it."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{sender}/{document_id}/{revision}",))


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on a document: the digest of its values, and the answer."""

    digest: bytes
    answer: Mapping[str, object]


def decision_on(tx: Transaction, sender: str, document_id: str, revision: int) -> Decision | None:
    """Return the earlier decision on this revision of this sender's document, or None."""
    row = tx.execute(
        "SELECT digest, answer FROM decided_document WHERE sender = %s AND document_id = %s AND revision = %s",
        (sender, document_id, revision),
    ).fetchone()
    return Decision(bytes(row["digest"]), row["answer"]) if row else None


def keep_decision(
    tx: Transaction, sender: str, document_id: str, revision: int, *, decision: Decision, at: datetime
) -> None:
    """Store the decision on a document for repeats of the document."""
    tx.execute(
        "INSERT INTO decided_document VALUES (%s, %s, %s, %s, %s, %s)",
        (sender, document_id, revision, decision.digest, json.dumps(decision.answer), at),
    )
