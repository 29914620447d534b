"""Every document as received and as sent goes to the document store: soon, never overwritten, on nobody's time."""

from __future__ import annotations

import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from types import ModuleType

import structlog

from tps.endpoint.endpoint import Endpoint
from tps.stores import archive, plan_blocks

VERIFY_AFTER = timedelta(minutes=2)
_BUDGET_S = 2.0
_log = structlog.get_logger()


def archive_documents(endpoint: Endpoint, shelf: ModuleType = archive) -> int:
    """Copy what has no copy yet, for about two seconds; returns how many.

    Args:
        shelf: Where they lie: `tps.stores.archive`, or `tps.stores.plan_blocks` for blocks of plans.

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


def let_go_of_archived(endpoint: Endpoint, shelf: ModuleType = archive) -> int:
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


def archive_plans(endpoint: Endpoint) -> int:
    """As `archive_documents`, for blocks of plans."""
    return archive_documents(endpoint, plan_blocks)


def let_go_of_archived_plans(endpoint: Endpoint) -> int:
    """As `let_go_of_archived`, for blocks of plans."""
    return let_go_of_archived(endpoint, plan_blocks)


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
