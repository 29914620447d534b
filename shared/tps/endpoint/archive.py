"""Documents on their way from the ledger into the document store, as rows of the message ledger.

Every document lies in its message's row first, in the transaction that takes it in or decides it. It is copied to the
document store afterwards, and taken out of the row only when the copy was found whole some time later: a store that is
away delays nothing, and one that forgets its last seconds in a power cut is told them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.stores.database import carried
from tps.stores.objects import document_key

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_ROWS = 100
_COLUMNS = "component, message_id, direction, type, created_at, content"


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document that still lies in its message's row; `content` is deflated."""

    component: str
    message_id: str
    direction: str
    type: str
    created_at: datetime
    content: bytes

    @property
    def key(self) -> str:
        """Where it goes in the document store."""
        return document_key(self.direction, self.type, self.created_at, self.message_id)


def not_archived(tx: Transaction) -> list[KeptDocument]:
    """The oldest documents without a copy, a few MB of them at most, but always one."""
    return _read(tx, "archived_at IS NULL", ())


def archived_before(tx: Transaction, moment: datetime) -> list[KeptDocument]:
    """Documents copied before that moment and not needed in their rows any more, if the copy is whole."""
    return _read(tx, "archived_at < %s AND (direction = 'in' OR sent_at IS NOT NULL OR state = 'FAILED')", (moment,))


def mark_archived(tx: Transaction, documents: Sequence[KeptDocument], now: datetime) -> None:
    """These have a copy now."""
    tx.execute(
        """UPDATE message m SET object_key = d.key, archived_at = %s
             FROM unnest(%s::text[], %s::text[], %s::text[]) AS d(component, message_id, key)
            WHERE m.component = d.component AND m.message_id = d.message_id""",
        (now, *_names(documents), [each.key for each in documents]),
    )


def let_go(tx: Transaction, is_whole: Mapping[KeptDocument, bool]) -> None:
    """Take those out of their rows whose copy was found whole; the others are to be copied again."""
    whole = [each for each, found in is_whole.items() if found]
    missing = [each for each, found in is_whole.items() if not found]
    for change, documents in (("content = NULL", whole), ("archived_at = NULL", missing)):
        tx.execute(
            f"""UPDATE message m SET {change} FROM unnest(%s::text[], %s::text[]) AS d(component, message_id)
                 WHERE m.component = d.component AND m.message_id = d.message_id""",
            _names(documents),
        )


def kept_content(tx: Transaction, component: str, message_id: str) -> tuple[bytes | None, str | None]:
    """A message's document, deflated, as far as it still lies in its row, and else the key of its copy."""
    row = tx.execute(
        "SELECT content, object_key FROM message WHERE component = %s AND message_id = %s",
        (component, message_id),
        binary=True,  # as text a content takes twice its size, at both ends
    ).fetchone()
    if row is None:
        return None, None
    carried(tx, row["content"])
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
        binary=True,  # as text a content takes twice its size, at both ends
    ).fetchall()
    carried(tx, *(row["content"] for row in rows))
    return [KeptDocument(**row) for row in rows]


def _names(documents: Sequence[KeptDocument]) -> tuple[list[str], list[str]]:
    return [each.component for each in documents], [each.message_id for each in documents]
