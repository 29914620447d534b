"""Asset lists in a DSO's backend: whole lists and changes, as the platform sends them.

Source: docs/requirements.md, F5b.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.documents.acknowledgement import Outcome
from tps.documents.ref import AssetList
from tps.domain.scope import DsoScope
from tps.dso import grid_assets
from tps.dso import plans as received_plans
from tps.dso.grid_assets import GridNews
from tps.endpoint import ledger
from tps.endpoint.answers import Answer
from tps.endpoint.handling import Handling, answered_request
from tps.endpoint.message_row import Status
from tps.errors import Finding, RuleBroken

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


def keep_assets(handling: Handling, document: AssetList) -> Answer:
    """Keep changes of the assets in the grid, or the whole list that answers a request.

    Raises:
        RuleBroken: The list answers no request of this DSO (A94).
    """
    request = answered_request(handling)
    if not (document.is_change or request):
        detail = "the message does not answer a request for an asset list"
        raise RuleBroken("the document cannot be processed", [Finding("A94", "", detail)])
    if request and not document.is_change:
        kept = KeptList(document.header.created_at, handling.message.message_id)
        keep_list(handling.tx, handling.own.party, request.message_id, kept)
        ledger.set_answer(handling.tx, handling.own.code, [request.message_id], status=Status.ACCEPTED, answer={})
    news = GridNews(
        party=handling.own.party,
        sequence=handling.message.sequence,
        as_of=document.header.created_at,
        assets=document.assets,
        removed_ids=document.removed_ids,
        is_whole=not document.is_change,
    )
    _apply(handling, news)
    return Answer(Outcome.ACCEPTED)


def keep_no_assets(handling: Handling, request_id: str, as_of: datetime) -> None:
    """Keep the answer to a request that the grid has no assets."""
    party = handling.own.party
    keep_list(handling.tx, party, request_id, KeptList(as_of, None))
    _apply(handling, GridNews(party, handling.message.sequence, as_of, (), is_whole=True))


def _apply(handling: Handling, news: GridNews) -> None:
    """Update the copy of the grid. Assets that left the grid lose their plans."""
    gone = set(news.removed_ids)
    before = _ids_of_grid(handling, news) if news.is_whole else set()
    grid_assets.apply_news(handling.tx, news)
    gone |= before - _ids_of_grid(handling, news) if before else set()
    received_plans.drop_plans(handling.tx, news.party, gone, news.sequence)


def _ids_of_grid(handling: Handling, news: GridNews) -> set[str]:
    return {asset.id for asset in grid_assets.assets_of_grid(handling.tx, DsoScope(news.party))}
