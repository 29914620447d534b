"""Asset lists a DSO's backend was sent, by the messages that brought them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.domain.scope import DsoScope

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class KeptList:
    """`as_of`: the platform's time of it. `message_id` is None when the platform said that there is no asset."""

    as_of: datetime
    message_id: str | None


def keep_list(tx: Transaction, party: str, request_id: str, kept: KeptList) -> None:
    """Keep the list that answers one of this party's requests."""
    tx.execute(
        "INSERT INTO received_asset_list VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (party, request_id, kept.as_of, kept.message_id),
    )


def read_list(tx: Transaction, scope: DsoScope, request_id: str) -> KeptList | None:
    """The list that answers one request."""
    row = tx.execute(
        "SELECT as_of, message_id FROM received_asset_list WHERE party = %s AND request_id = %s",
        (scope.party, request_id),
    ).fetchone()
    return KeptList(**row) if row else None
