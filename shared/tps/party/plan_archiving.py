"""Copy blocks of plans into the document store, as documents are copied."""

from tps.endpoint.archiving import Shelf, archive_documents, let_go_of_archived
from tps.endpoint.endpoint import Endpoint
from tps.party import plan_blocks

_BLOCKS = Shelf(plan_blocks.not_archived, plan_blocks.mark_archived, plan_blocks.archived_before, plan_blocks.let_go)


def archive_plans(endpoint: Endpoint) -> int:
    """Copy blocks that have no copy yet, as `archive_documents` does; return how many."""
    return archive_documents(endpoint, _BLOCKS)


def let_go_of_archived_plans(endpoint: Endpoint) -> int:
    """Remove blocks whose copy is whole from their rows, as `let_go_of_archived` does; return how many."""
    return let_go_of_archived(endpoint, _BLOCKS)
