"""Copy blocks of plans into the document store, as documents are copied."""

from tps.endpoint.archiving import Shelf, archive_documents, remove_archived
from tps.endpoint.endpoint import Endpoint
from tps.party import plan_blocks

_BLOCKS = Shelf(
    plan_blocks.not_archived, plan_blocks.mark_archived, plan_blocks.archived_before, plan_blocks.remove_copied
)


def archive_plans(endpoint: Endpoint) -> int:
    """Copy blocks that have no copy yet, as `archive_documents` does; return how many."""
    return archive_documents(endpoint, _BLOCKS)


def remove_archived_plans(endpoint: Endpoint) -> int:
    """Remove blocks whose copy is whole from their rows, as `remove_archived` does; return how many."""
    return remove_archived(endpoint, _BLOCKS)
