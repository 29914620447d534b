"""The copy of every sent and received document to the document store.

It runs in the background, and no copy is ever overwritten.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from tps.documents import Document, decode
from tps.endpoint import archive
from tps.endpoint.endpoint import Endpoint

if TYPE_CHECKING:
    from tps.stores.database import Transaction

VERIFY_AFTER = timedelta(minutes=2)
_BUDGET_S = 2.0
_log = structlog.get_logger()
_D = TypeVar("_D", bound=Document)


class Kept(Protocol):
    """Deflated content in a row, with its key in the document store."""

    @property
    def key(self) -> str: ...

    @property
    def content(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Shelf:
    """Functions on the rows that hold content until the document store has an undamaged copy.

    Attributes:
        not_archived: Read a batch of content that has no copy yet.
        mark_archived: Note the time at which this content was copied.
        archived_before: Read a batch of content that was copied before this time.
        remove_copied: Remove the content whose copy is undamaged (True). Mark the rest for another copy.
    """

    not_archived: Callable[[Transaction], Sequence[Kept]]
    mark_archived: Callable[[Transaction, Sequence[Any], datetime], None]
    archived_before: Callable[[Transaction, datetime], Sequence[Kept]]
    remove_copied: Callable[[Transaction, Mapping[Any, bool]], None]


DOCUMENTS = Shelf(archive.not_archived, archive.mark_archived, archive.archived_before, archive.remove_copied)


def archive_documents(endpoint: Endpoint, shelf: Shelf = DOCUMENTS) -> int:
    """Copy content without a copy to the document store for about two seconds. Return the number of copies.

    Args:
        shelf: The rows to copy from: documents by default, or rows of another room.

    Raises:
        StoreAway: The document store is unavailable. The documents stay in their rows.
    """
    deadline, count = time.monotonic() + _BUDGET_S, 0
    while time.monotonic() < deadline:
        with endpoint.database.transaction() as tx:
            documents = shelf.not_archived(tx)
        if not documents:
            break
        list(_pool().map(lambda kept: endpoint.documents.put(kept.key, zlib.decompress(kept.content)), documents))
        with endpoint.database.transaction() as tx:
            shelf.mark_archived(tx, documents, endpoint.clock())
        count += len(documents)
    return count


def remove_archived(endpoint: Endpoint, shelf: Shelf = DOCUMENTS) -> int:
    """Remove content that was copied two minutes ago and has an undamaged copy. Return the number of removed contents.

    Within two minutes, a document store that does not sync at each write has synced by itself. Lost copies are made
    again.

    Raises:
        StoreAway: The document store is unavailable. The documents stay in their rows.
    """
    with endpoint.database.transaction() as tx:
        documents = shelf.archived_before(tx, endpoint.clock() - VERIFY_AFTER)
    if not documents:
        return 0
    copies = _pool().map(lambda kept: endpoint.documents.get(kept.key), documents)
    is_whole = {kept: copy == zlib.decompress(kept.content) for kept, copy in zip(documents, copies, strict=True)}
    if not all(is_whole.values()):
        _log.warning(
            "archived copies missing or damaged", group=endpoint.group, count=list(is_whole.values()).count(False)
        )
    with endpoint.database.transaction() as tx:
        shelf.remove_copied(tx, is_whole)
    return sum(is_whole.values())


def read_document(endpoint: Endpoint, component: str, message_id: str) -> bytes | None:
    """Return the document of a message from its row or from the document store. Return None if neither has it."""
    with endpoint.database.transaction() as tx:
        content, key = archive.kept_content(tx, component, message_id)
    if content is not None:
        return zlib.decompress(content)
    return endpoint.documents.get(key) if key else None


def read_decoded(endpoint: Endpoint, component: str, message_id: str, kind: type[_D]) -> _D | None:
    """Return the document of a message that is known to carry a document of this type, or None if it is away."""
    content = read_document(endpoint, component, message_id)
    if content is None:
        return None
    document = decode(content)
    assert isinstance(document, kind)
    return document


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, "archive")
