"""Retrieve schedules (F9b): a DSO sees what the assets in its grid plan, never who operates them, or waits for news.

Wakes on: HTTP from a DSO.
Reads:    the platform's answer; if it is silent, or the answer too large, this backend's own copy, with its age;
          for conflicts that copy, and the DSO's own limits.
Writes:   how far each of its readers has read.
Emits:    TPS-STATUSREQUEST (StatusRequest_MarketDocument) to the platform.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD, CUR-01 (docs/privacy.md).
"""

from datetime import timedelta

from tps.api.bodies import LIST_BODY_BYTES, read_body
from tps.api.schedules import ScheduleQueryBody, schedule_json
from tps.api.types import check_id, minute_after, moment_json
from tps.documents import decode
from tps.documents.status_request import SCHEDULES, StatusRequest
from tps.domain.identifiers import asset_id_findings, canonical_asset_id
from tps.domain.limit import Interval
from tps.domain.plan import hull, uncovered
from tps.domain.schedule import EARLIEST, LATEST, part_within
from tps.dso import plans as received_plans
from tps.dso.conflicts import conflicts_in_grid
from tps.dso.plans import FEED
from tps.endpoint import components
from tps.endpoint.archiving import read_document
from tps.endpoint.message_row import Status
from tps.errors import Finding, Malformed, PlatformSilent, StoreAway
from tps.mades.types import STATUS_REQUEST
from tps.party import plans
from tps.party.conflicts import own_conflict_json
from tps.party.plan_reading import read_plans
from tps.rest.feed_waiting import WAITING, wait_on_feed
from tps.rest.function import Answer, Route, refuse, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import checked_period, drawn_json, read_period, read_window
from tps.rest.submission import Submission, await_answer, preferred_wait_s, send, settled_answer

MAX_QUERY_IDS = 50
TOO_LARGE = "A59"
OWN_COPY = "own copy"
ALWAYS = Interval(EARLIEST, LATEST)


def list_schedules(call):
    """Plans of the assets in the caller's grid, or of up to 50 of them, in a period."""
    call.only_known("asset_id", "from", "to", *PAGING)
    return _ask(call, _named_ids(call.query.get("asset_id")), read_period(call))


def query_schedules(call):
    """The same for thousands of assets, named in the body."""
    call.only_known()
    body = read_body(ScheduleQueryBody, call.raw_body)
    asset_ids = [canonical_asset_id(each) for each in body.asset_ids]
    malformed = (asset_id_findings(each, f"/asset_ids/{index}") for index, each in enumerate(asset_ids))
    refuse([finding for findings in malformed for finding in findings])
    return _ask(call, asset_ids, checked_period(body.from_, body.to))


def list_conflicts(call):
    """Where all that is planned in the caller's grid collides with its own limits, the worst first (F3)."""
    call.only_known("from", "to", "per_asset", *PAGING)
    paging, window, with_assets = read_paging(call), read_window(call), call.flag("per_asset")
    with call.endpoint.database.transaction() as tx:
        found = conflicts_in_grid(call.endpoint, tx, call.dso, window, now=call.now)
    page, following = paging.cut(found, lambda each: each.place)
    shown = [own_conflict_json(each, is_grid=True, with_assets=with_assets) for each in page]
    return Answer({**drawn_json(window), "conflicts": shown, **following}, is_tagged=True)


def wait(call):
    """Block until plans have changed, then answer what holds where they did, and where there is no plan any more."""
    call.only_known(*WAITING)

    def look(start):
        with call.endpoint.database.transaction() as tx:
            return received_plans.news_after(tx, call.dso, start)

    return wait_on_feed(
        call,
        FEED,
        look=look,
        position_of=lambda news: news.position,
        answer=lambda news: Answer(_news_json(call, news)),
    )


def _ask(call, asset_ids, period):
    """What the platform says; else what this backend knows. Pages that follow are of the same answer."""
    paging, asset_ids = read_paging(call), None if asset_ids is None else sorted(set(asset_ids))
    period = _whole_minutes(period)
    found, as_of, snapshot = _same_answer(call, paging, asset_ids, period) or _asked(call, asset_ids, period)
    page, following = paging.cut(found, lambda each: (each.asset_id, moment_json(each.start)), snapshot=snapshot)
    body = {"schedules": [schedule_json(each) for each in page], "as_of": moment_json(as_of), **following}
    return Answer(body, is_tagged=True)


def _same_answer(call, paging, asset_ids, period):
    """What the page before came from, while it is kept."""
    if paging.snapshot == OWN_COPY:
        return _own_copy(call, asset_ids, period)
    return _replied(call, paging.snapshot, period) if paging.snapshot else None


def _asked(call, asset_ids, period):
    submission = Submission(
        type=STATUS_REQUEST,
        build=lambda header: StatusRequest(
            header, SCHEDULES, None, call.dso.party, None if period == ALWAYS else period, tuple(asset_ids or ())
        ),
        keep=lambda tx, message_id, _sequence: received_plans.add_request(tx, call.party, message_id),
    )
    component, message_id = send(call, submission)
    row = await_answer(call, component, message_id, preferred_wait_s(call))
    if row.status in (Status.REFUSED, Status.FAILED) and not _is_too_large(row):
        settled_answer(call, row, submission)
    return _replied(call, message_id, period) or _own_copy(call, asset_ids, period)


def _replied(call, message_id, period):
    """The platform's answer to a question; None while there is none."""
    with call.endpoint.database.transaction() as tx:
        reply = received_plans.read_reply(tx, call.dso, message_id)
        own = components.component_of_party(tx, call.party)
    if reply is None:
        return None
    found = _schedules_of(call, own.code, reply)
    return [part for each in found if (part := part_within(each, period))], reply.as_of, message_id


def _own_copy(call, asset_ids, period):
    with call.endpoint.database.transaction() as tx:
        as_of = received_plans.age(tx, call.dso)
        if as_of is None:
            detail = "the platform did not answer in time"
            raise PlatformSilent(detail, [Finding("platform_silent", "", "no cached answer exists; try again later")])
        pieces = plans.plans_within(tx, call.dso, period, asset_ids)
        found = read_plans(call.endpoint, tx, pieces, period)
    return found, as_of, OWN_COPY


def _schedules_of(call, component, reply):
    if reply.message_id is None:
        return ()
    content = read_document(call.endpoint, component, reply.message_id)
    if content is None:
        raise StoreAway("schedules are temporarily unavailable; try again later")
    return decode(content).schedules


def _news_json(call, news):
    if news is None:
        return {"schedules": [], "cancelled": []}
    parts = _plans_where(call, news.periods)
    planned = {asset_id: [] for asset_id in news.periods}
    for part in parts:
        planned[part.asset_id].append(part.period)
    ended = [
        {"asset_id": asset_id, "start": moment_json(gap.start), "end": moment_json(gap.end)}
        for asset_id, periods in news.periods.items()
        for gap in uncovered(periods, planned[asset_id])
    ]
    return {"schedules": [schedule_json(part) for part in parts], "cancelled": ended}


def _plans_where(call, periods):
    """What this backend knows of these assets, each in its periods."""
    whole = hull(period for each in periods.values() for period in each)
    with call.endpoint.database.transaction() as tx:
        pieces = plans.pieces_within(tx, call.dso.party, periods, whole)
        touched = [piece for piece in pieces if piece.block_id and _touches(piece.period, periods[piece.asset_id])]
        found = read_plans(call.endpoint, tx, touched, whole)
    return [part for each in found for period in periods[each.asset_id] if (part := part_within(each, period))]


def _touches(period, others):
    return any(other.start < period.end and period.start < other.end for other in others)


def _named_ids(asset_ids):
    if not asset_ids:
        return None
    if len(asset_ids) > MAX_QUERY_IDS:
        detail = f"a query may have at most {MAX_QUERY_IDS} ids; use POST for more"
        raise Malformed("too many ids", [Finding("bad_type", "/asset_id", detail)])
    try:
        ids = [canonical_asset_id(check_id(each)) for each in asset_ids]
    except ValueError as error:
        raise Malformed("invalid id", [Finding("bad_type", "/asset_id", str(error))]) from None
    refuse([finding for each in ids for finding in asset_id_findings(each, "/asset_id")])
    return ids


def _whole_minutes(period):
    """The period in whole minutes that holds it, within the years that schedules have."""
    start = max(period.start.replace(second=0, microsecond=0), EARLIEST)
    end = min(minute_after(period.end), LATEST)
    return Interval(start, end) if start < end else Interval(start, start + timedelta(minutes=1))


def _is_too_large(row):
    return any(error["code"] == TOO_LARGE for error in row.answer.get("errors", []))


ROUTES = (
    Route("GET", "/dso/v1/operational-schedules", list_schedules),
    Route("POST", "/dso/v1/operational-schedules/query", query_schedules, max_body_bytes=LIST_BODY_BYTES),
    Route("GET", "/dso/v1/operational-schedules/wait", wait),
    Route("GET", "/dso/v1/conflicts", list_conflicts),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
