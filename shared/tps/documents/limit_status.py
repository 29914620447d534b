"""The state of a capacity limit, as the status of its document says it, and back."""

from collections.abc import Mapping
from types import MappingProxyType

from tps.documents.unavailability import DocumentStatus, LimitDocument
from tps.domain.limit_revision import LimitStatus, status_of_revision

DOCUMENT_STATUSES: Mapping[LimitStatus, DocumentStatus] = MappingProxyType(
    {
        LimitStatus.ACTIVE: DocumentStatus.ACTIVE,
        # A limit that ends is a full replacement, with an end at the next full minute at the latest.
        LimitStatus.ENDED: DocumentStatus.ACTIVE,
        LimitStatus.CANCELLED: DocumentStatus.CANCELLED,
        LimitStatus.WITHDRAWN: DocumentStatus.WITHDRAWN,
    }
)
_CLOSED = {DocumentStatus.CANCELLED: LimitStatus.CANCELLED, DocumentStatus.WITHDRAWN: LimitStatus.WITHDRAWN}


def status_of(document: LimitDocument) -> LimitStatus:
    """Return the state of a limit after this revision of it.

    Source: docs/semantics.md, "Update, cancel, end"
    """
    period = document.limit.period if document.limit else document.period
    if document.status in _CLOSED:
        return _CLOSED[document.status]
    return status_of_revision(document.revision, period.end, document.header.created_at)
