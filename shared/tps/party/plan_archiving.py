"""The copy of plan blocks to the document store, in the same way as documents."""

from tps.endpoint.archiving import Shelf, archive_documents, remove_archived
from tps.endpoint.endpoint import Endpoint
from tps.party import plan_blocks

_BLOCKS = Shelf(
    plan_blocks.not_archived, plan_blocks.mark_archived, plan_blocks.archived_before, plan_blocks.remove_copied
)


def archive_plans(endpoint: Endpoint) -> int:
    """Copy blocks without a copy to the document store, as `archive_documents` does. Return their number.

    Raises:
        StoreAway: The document store is unavailable. The blocks stay in their rows.
    """
    return archive_documents(endpoint, _BLOCKS)


def remove_archived_plans(endpoint: Endpoint) -> int:
    """Remove blocks with an undamaged copy from their rows, as `remove_archived` does. Return their number.

    Raises:
        StoreAway: The document store is unavailable. The blocks stay in their rows.
    """
    return remove_archived(endpoint, _BLOCKS)
