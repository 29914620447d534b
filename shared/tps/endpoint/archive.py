"""The copy of documents from the message ledger to the document store, as rows of the ledger.

The transaction that receives or decides a document stores it in the row of its message. The document is copied to the
document store later. The content leaves the row only after a later check has found an undamaged copy. So an unavailable
document store delays no message. A document store that loses its last seconds in a power cut gets the documents again.

Source: docs/adr/0008-documents-lie-with-their-messages-first.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.stores.database import note_transfer
from tps.stores.objects import document_key

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_ROWS = 100
_COLUMNS = "component, message_id, direction, type, created_at, content"


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document whose content is still in the row of its message. `content` is deflated."""

    component: str
    message_id: str
    direction: str
    type: str
    created_at: datetime
    content: bytes

    @property
    def key(self) -> str:
        """The key of the copy in the document store."""
        return document_key(self.direction, self.type, self.created_at, self.message_id)


def not_archived(tx: Transaction) -> list[KeptDocument]:
    """Return the oldest documents without a copy: at least one if there is any, and about 4 MB at most."""
    return _read(tx, "archived_at IS NULL", ())


def archived_before(tx: Transaction, moment: datetime) -> list[KeptDocument]:
    """Return documents that were copied before that moment and whose rows need the content no longer."""
    return _read(tx, "archived_at < %s AND (direction = 'in' OR sent_at IS NOT NULL OR state = 'FAILED')", (moment,))


def mark_archived(tx: Transaction, documents: Sequence[KeptDocument], now: datetime) -> None:
    """Note that these documents were copied now."""
    tx.execute(
        """UPDATE message m SET object_key = d.key, archived_at = %s
             FROM unnest(%s::text[], %s::text[], %s::text[]) AS d(component, message_id, key)
            WHERE m.component = d.component AND m.message_id = d.message_id""",
        (now, *_names(documents), [document.key for document in documents]),
    )


def remove_copied(tx: Transaction, is_whole: Mapping[KeptDocument, bool]) -> None:
    """Remove the content of documents with an undamaged copy (True). Mark the others for another copy."""
    copied = [document for document, is_copied in is_whole.items() if is_copied]
    missing = [document for document, is_copied in is_whole.items() if not is_copied]
    for change, documents in (("content = NULL", copied), ("archived_at = NULL", missing)):
        tx.execute(
            f"""UPDATE message m SET {change} FROM unnest(%s::text[], %s::text[]) AS d(component, message_id)
                 WHERE m.component = d.component AND m.message_id = d.message_id""",
            _names(documents),
        )


def kept_content(tx: Transaction, component: str, message_id: str) -> tuple[bytes | None, str | None]:
    """Return a message's deflated document from its row, and the key of its copy.

    Each value is None if it does not exist.
    """
    row = tx.execute(
        "SELECT content, object_key FROM message WHERE component = %s AND message_id = %s",
        (component, message_id),
        binary=True,  # text format would double the size at both ends
    ).fetchone()
    if row is None:
        return None, None
    note_transfer(tx, row["content"])
    return row["content"], row["object_key"]


def _read(tx: Transaction, condition: str, arguments: tuple[object, ...]) -> list[KeptDocument]:
    rows = tx.execute(
        f"""SELECT {_COLUMNS} FROM (
               SELECT {_COLUMNS}, sum(octet_length(content)) OVER (ORDER BY created_at, message_id)
                                  - octet_length(content) AS bytes_before
                 FROM (SELECT {_COLUMNS} FROM message WHERE content IS NOT NULL AND {condition}
                        ORDER BY created_at, message_id LIMIT {_BATCH_ROWS}) AS oldest) AS waiting
            WHERE bytes_before < {_BATCH_BYTES} ORDER BY created_at, message_id""",
        arguments,
        binary=True,  # text format would double the size at both ends
    ).fetchall()
    note_transfer(tx, *(row["content"] for row in rows))
    return [KeptDocument(**row) for row in rows]


def _names(documents: Sequence[KeptDocument]) -> tuple[list[str], list[str]]:
    return [document.component for document in documents], [document.message_id for document in documents]
