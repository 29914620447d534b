"""List assets (F5b): a DSO sees the flexibility assets in its grid, never who operates them.

Wakes on: HTTP from a DSO.
Reads:    the list that the platform sends in answer; if it is silent, the backend's own copy, with its age; for
          changes, what the platform has sent of them.
Writes:   how far each of its readers has read.
Emits:    TPS-STATUSREQUEST (StatusRequest_MarketDocument) to the platform.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD, DSO-CHG, CUR-01 (docs/privacy.md).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from tps.api.types import listing_json, moment_json
from tps.documents import decode
from tps.documents.status_request import ASSETS, StatusRequest
from tps.domain.asset import AssetListing
from tps.dso.asset_lists import read_list
from tps.dso.grid_assets import FEED, age_of_grid, assets_of_grid, changes_after
from tps.endpoint import components
from tps.endpoint.archiving import read_document
from tps.endpoint.message_row import Status
from tps.errors import Finding, PlatformSilent, StoreAway
from tps.mades.types import STATUS_REQUEST
from tps.rest.feed_waiting import WAITING, wait_on_feed
from tps.rest.function import Answer, Route, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.submission import Submission, await_answer, preferred_wait_s, send, settled_answer

LIST_PROCESS = "A55"
OWN_COPY = "own copy"


class Listed(NamedTuple):
    """A list, as of when, and its name for the pages that follow: OWN_COPY, or the id of the request it answers."""

    assets: Sequence[AssetListing]
    as_of: datetime
    name: str


def list_assets(call):
    """All assets in the caller's grid, sorted by id, and as of when; following pages are of the same list."""
    call.only_known(*PAGING)
    paging = read_paging(call)
    listed = _same_list(call, paging.snapshot) or _asked_list(call, is_cut=paging.limit is not None)
    page, following = paging.cut(listed.assets, lambda each: (each.id,), snapshot=listed.name)
    body = {"assets": [listing_json(each) for each in page], "as_of": moment_json(listed.as_of), **following}
    return Answer(body, is_tagged=True)


def wait_for_changes(call):
    """Block until assets are new, others or gone, then answer which; empty when the time is up."""
    call.only_known(*WAITING)

    def look(position):
        with call.endpoint.database.transaction() as tx:
            return changes_after(tx, call.dso, position)

    return wait_on_feed(call, FEED, look=look, position_of=lambda changes: changes.position, answer=changes_answer)


def changes_answer(changes):
    """Of the first call ever, all assets in the grid."""
    assets, removed_ids = (changes.assets, changes.removed_ids) if changes else ((), [])
    return Answer({"assets": [listing_json(each) for each in assets], "removed_ids": removed_ids})


def _same_list(call, name):
    """The list that the page before came from, while it is kept."""
    if name == OWN_COPY:
        return _own_copy(call)
    with call.endpoint.database.transaction() as tx:
        kept = read_list(tx, call.dso, name) if name else None
    return kept and _read(call, kept, name)


def _asked_list(call, *, is_cut):
    """As the platform answers: from its document, so that pages are of the same list; whole, from the copy, which has
    that document in it and is read ten times as fast."""
    submission = Submission(
        type=STATUS_REQUEST,
        build=lambda header: StatusRequest(header, ASSETS, LIST_PROCESS, call.dso.party),
    )
    component, message_id = send(call, submission)
    row = await_answer(call, component, message_id, preferred_wait_s(call))
    if row.status in (Status.REFUSED, Status.FAILED):
        settled_answer(call, row, submission)
    return _same_list(call, message_id if is_cut and row.status != Status.PENDING else OWN_COPY)


def _own_copy(call):
    """What this backend knows of the grid, kept current by what the platform tells of changes."""
    with call.endpoint.database.transaction() as tx:
        as_of, assets = age_of_grid(tx, call.dso), assets_of_grid(tx, call.dso)
    if as_of is None:
        raise PlatformSilent(
            "the platform did not answer in time",
            [Finding("platform_silent", "", "no cached answer exists; try again later")],
        )
    return Listed(assets, as_of, OWN_COPY)


def _read(call, kept, name):
    if kept.message_id is None:
        return Listed((), kept.as_of, name)
    with call.endpoint.database.transaction() as tx:
        own = components.component_of_party(tx, call.party)
    content = read_document(call.endpoint, own.code, kept.message_id)
    if content is None:
        raise StoreAway("the asset list is temporarily unavailable; try again later")
    return Listed(decode(content).assets, kept.as_of, name)


ROUTES = (
    Route("GET", "/dso/v1/flexibility-assets", list_assets),
    Route("GET", "/dso/v1/flexibility-assets/changes", wait_for_changes),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
