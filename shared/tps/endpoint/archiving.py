"""Every document as received and as sent goes to the document store: soon, never overwritten, on nobody's time."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from tps.endpoint import archive
from tps.endpoint.endpoint import Endpoint

if TYPE_CHECKING:
    from tps.stores.database import Transaction

VERIFY_AFTER = timedelta(minutes=2)
_BUDGET_S = 2.0
_log = structlog.get_logger()


class Kept(Protocol):
    """Deflated content that still lies in a row, and its key in the document store."""

    @property
    def key(self) -> str: ...

    @property
    def content(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rows that hold content until its copy in the document store was found whole.

    Attributes:
        not_archived: Read a batch of content that has no copy yet.
        mark_archived: Note that these were copied at this time.
        archived_before: Read a batch of content that was copied before this time.
        let_go: Remove the content whose copy is whole (True). Mark the rest for another copy.
    """

    not_archived: Callable[[Transaction], Sequence[Kept]]
    mark_archived: Callable[[Transaction, Sequence[Any], datetime], None]
    archived_before: Callable[[Transaction, datetime], Sequence[Kept]]
    let_go: Callable[[Transaction, Mapping[Any, bool]], None]


DOCUMENTS = Shelf(archive.not_archived, archive.mark_archived, archive.archived_before, archive.let_go)


def archive_documents(endpoint: Endpoint, shelf: Shelf = DOCUMENTS) -> int:
    """Copy what has no copy yet, for about two seconds; returns how many.

    Args:
        shelf: The rows to copy from: documents, or another room's rows.

    Raises:
        StoreAway: The document store is away; the documents stay where they are.
    """
    deadline, count = time.monotonic() + _BUDGET_S, 0
    while time.monotonic() < deadline:
        with endpoint.database.transaction() as tx:
            documents = shelf.not_archived(tx)
        if not documents:
            break
        list(_pool().map(lambda each: endpoint.documents.put(each.key, zlib.decompress(each.content)), documents))
        with endpoint.database.transaction() as tx:
            shelf.mark_archived(tx, documents, endpoint.clock())
        count += len(documents)
    return count


def let_go_of_archived(endpoint: Endpoint, shelf: Shelf = DOCUMENTS) -> int:
    """Take documents out of the ledger that were copied two minutes ago and are found whole; returns how many.

    By then a store that does not sync at each write has synced by itself; what it lost is copied again.

    Raises:
        StoreAway: The document store is away; the documents stay where they are.
    """
    with endpoint.database.transaction() as tx:
        documents = shelf.archived_before(tx, endpoint.clock() - VERIFY_AFTER)
    if not documents:
        return 0
    copies = _pool().map(lambda each: endpoint.documents.get(each.key), documents)
    is_whole = {each: copy == zlib.decompress(each.content) for each, copy in zip(documents, copies, strict=True)}
    if not all(is_whole.values()):
        _log.warning("copies missing or damaged", group=endpoint.group, count=list(is_whole.values()).count(False))
    with endpoint.database.transaction() as tx:
        shelf.let_go(tx, is_whole)
    return sum(is_whole.values())


def read_document(endpoint: Endpoint, component: str, message_id: str) -> bytes | None:
    """The document of one message, from wherever it lies; None if it is nowhere (any more)."""
    with endpoint.database.transaction() as tx:
        content, key = archive.kept_content(tx, component, message_id)
    if content is not None:
        return zlib.decompress(content)
    return endpoint.documents.get(key) if key else None


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, "archive")
