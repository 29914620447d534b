"""List assets (F5b): a DSO sees the flexibility assets in its grid, never who operates them.

Wakes on: HTTP from a DSO.
Reads:    the list in the platform's answer; without an answer, the backend's own copy, with its age; for changes, what
          the platform has sent.
Writes:   how far each reader of the feed has read.
Emits:    TPS-STATUSREQUEST (StatusRequest_MarketDocument) to the platform.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD, DSO-CHG, CUR-01 (docs/privacy.md).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from tps.api.types import listing_json, moment_json
from tps.documents.ref import AssetList
from tps.documents.status_request import ASSETS, StatusRequest
from tps.domain.asset import AssetListing
from tps.dso.asset_lists import KeptList, read_list
from tps.dso.grid_assets import FEED, GridChanges, age_of_grid, assets_of_grid, changes_after
from tps.endpoint.archiving import read_decoded
from tps.endpoint.message_row import Status
from tps.errors import Finding, PlatformSilent, StoreAway
from tps.mades.types import STATUS_REQUEST
from tps.rest.feed_waiting import WAITING, wait_on_feed
from tps.rest.function import Answer, Call, Invocation, Route, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.submission import Submission, await_answer, preferred_wait_s, send, settled_answer

LIST_PROCESS = "A55"
OWN_COPY = "own copy"


class Listed(NamedTuple):
    """A list of assets.

    Attributes:
        as_of: When the list was made.
        name: Names the list for the pages that follow: OWN_COPY, or the id of the request that the list answers.
    """

    assets: Sequence[AssetListing]
    as_of: datetime
    name: str


def list_assets(call: Call) -> Answer:
    """Return all assets in the caller's grid, sorted by id, with the age of the list."""
    call.only_known(*PAGING)
    paging = read_paging(call)
    # All pages come from one list. Otherwise an asset could be missing, or be there twice.
    listed = _named_list(call, paging.snapshot) or _requested_list(call, is_cut=paging.limit is not None)
    page, following = paging.cut(listed.assets, lambda asset: (asset.id,), snapshot=listed.name)
    body = {"assets": [listing_json(asset) for asset in page], "as_of": moment_json(listed.as_of), **following}
    return Answer(body, is_tagged=True)


def wait_for_changes(call: Call) -> Answer:
    """Wait until assets are new, changed or gone, and return them. Return empty lists at the time-out."""
    call.only_known(*WAITING)

    def look(position: int) -> GridChanges | None:
        with call.endpoint.database.transaction() as tx:
            return changes_after(tx, call.dso, position)

    return wait_on_feed(call, FEED, look=look, position_of=lambda changes: changes.position, answer=_changes_answer)


def _changes_answer(changes: GridChanges | None) -> Answer:
    assets, removed_ids = (changes.assets, changes.removed_ids) if changes else ([], [])
    return Answer({"assets": [listing_json(asset) for asset in assets], "removed_ids": removed_ids})


def _requested_list(call: Call, *, is_cut: bool) -> Listed:
    """Ask the platform for the list, and return it.

    A list in pages is read from the platform's document, so that all pages are of the same list. A whole list is read
    from this backend's copy, which already has the document in it: that is ten times as fast.
    """
    submission = Submission(
        type=STATUS_REQUEST,
        build=lambda header: StatusRequest(header, ASSETS, LIST_PROCESS, call.dso.party),
    )
    component, message_id = send(call, submission)
    row = await_answer(call, component, message_id, preferred_wait_s(call))
    if row.status in (Status.REFUSED, Status.FAILED):
        settled_answer(call, row, submission)
    is_answered = row.status is not Status.PENDING
    return (_named_list(call, message_id) if is_cut and is_answered else None) or _own_copy(call)


def _named_list(call: Call, name: str | None) -> Listed | None:
    """Return the list that an earlier page came from, or None if it is not kept."""
    if name == OWN_COPY:
        return _own_copy(call)
    with call.endpoint.database.transaction() as tx:
        kept = read_list(tx, call.dso, name) if name else None
    return _read_kept(call, kept, name) if kept and name else None


def _own_copy(call: Call) -> Listed:
    """Return this backend's copy of the grid, which the platform's messages about changes keep current."""
    with call.endpoint.database.transaction() as tx:
        as_of, assets = age_of_grid(tx, call.dso), assets_of_grid(tx, call.dso)
    if as_of is None:
        detail = "no cached answer exists; try again later"
        raise PlatformSilent("the platform did not answer in time", [Finding("platform_silent", "", detail)])
    return Listed(assets, as_of, OWN_COPY)


def _read_kept(call: Call, kept: KeptList, name: str) -> Listed:
    if kept.message_id is None:
        return Listed((), kept.as_of, name)
    with call.endpoint.database.transaction() as tx:
        own = call.own_component(tx)
    document = read_decoded(call.endpoint, own.code, kept.message_id, AssetList)
    if document is None:
        raise StoreAway("the asset list is temporarily unavailable; try again later")
    return Listed(document.assets, kept.as_of, name)


ROUTES = (
    Route("GET", "/dso/v1/flexibility-assets", list_assets),
    Route("GET", "/dso/v1/flexibility-assets/changes", wait_for_changes),
)


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
