"""List assets (F5b): a DSO sees the flexibility assets in its grid, never who operates them.

Wakes on: HTTP from a DSO.
Reads:    the list that the platform sends in answer; if it is silent, the last one it sent, with its age.
Emits:    TPS-STATUSREQUEST (StatusRequest_MarketDocument) to the platform.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD (docs/privacy.md).
"""

from tps.api.types import listing_json, moment_json
from tps.documents import decode
from tps.documents.status_request import ASSETS, StatusRequest
from tps.endpoint.archiving import read_document
from tps.endpoint.handling import Status
from tps.errors import Finding, PlatformSilent, StoreAway
from tps.mades.types import STATUS_REQUEST
from tps.runtime.function import Answer, Route, serve
from tps.runtime.paging import PAGING, read_paging
from tps.runtime.submission import Submission, await_answer, preferred_wait_s, send, settled_answer
from tps.stores import components
from tps.stores.asset_lists import newest_list, read_list

LIST_PROCESS = "A55"


def list_assets(call):
    """All assets in the caller's grid, sorted by id, and as of when; following pages are of the same list."""
    call.only_known(*PAGING)
    paging = read_paging(call)
    kept, request_id = _same_list(call, paging.snapshot) or _asked_list(call)
    assets = _assets_of(call, kept) if kept.message_id else ()
    page, following = paging.cut(assets, lambda each: (each.id,), snapshot=request_id)
    body = {"assets": [listing_json(each) for each in page], "as_of": moment_json(kept.as_of), **following}
    return Answer(body, is_tagged=True)


def _same_list(call, request_id):
    """The list that the page before came from, while it is kept."""
    with call.endpoint.database.transaction() as tx:
        kept = read_list(tx, call.dso, request_id) if request_id else None
    return kept and (kept, request_id)


def _asked_list(call):
    submission = Submission(
        type=STATUS_REQUEST,
        build=lambda header: StatusRequest(header, ASSETS, LIST_PROCESS, call.dso.party),
    )
    component, message_id = send(call, submission)
    row = await_answer(call, component, message_id, preferred_wait_s(call))
    if row["status"] in (Status.REFUSED, Status.FAILED):
        settled_answer(call, row, submission)
    with call.endpoint.database.transaction() as tx:
        answered = row["status"] != Status.PENDING
        kept = read_list(tx, call.dso, message_id) if answered else newest_list(tx, call.dso)
    if kept is None:
        raise PlatformSilent("the platform did not answer in time", [Finding("platform_silent", "", "try again later")])
    return kept, message_id if answered else ""


def _assets_of(call, kept):
    with call.endpoint.database.transaction() as tx:
        own = components.component_of_party(tx, call.party)
    content = read_document(call.endpoint, own.code, kept.message_id)
    if content is None:
        raise StoreAway("the list is not to be had")
    return decode(content).assets


ROUTES = (Route("GET", "/dso/v1/flexibility-assets", list_assets),)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
