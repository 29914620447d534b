"""Asset lists that a DSO's backend received, by the requests that they answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.domain.scope import DsoScope

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class KeptList:
    """The answer to a request for an asset list.

    Attributes:
        as_of: The platform's time of the list.
        message_id: The message that carried the list. None if the platform reported no assets.
    """

    as_of: datetime
    message_id: str | None


def keep_list(tx: Transaction, party: str, request_id: str, kept: KeptList) -> None:
    """Keep the list that answers one of this party's requests."""
    tx.execute(
        "INSERT INTO received_asset_list VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (party, request_id, kept.as_of, kept.message_id),
    )


def read_list(tx: Transaction, scope: DsoScope, request_id: str) -> KeptList | None:
    """Return the list that answers a request, or None."""
    row = tx.execute(
        "SELECT as_of, message_id FROM received_asset_list WHERE party = %s AND request_id = %s",
        (scope.party, request_id),
    ).fetchone()
    return KeptList(**row) if row else None
