"""Retrieve schedules (F9b): a DSO sees what the assets in its grid plan, never who operates them, or waits for news.

Wakes on: HTTP from a DSO.
Reads:    the platform's answer; without an answer, or if it is too large, this backend's own copy, with its age; for
          conflicts that copy, and the DSO's own limits.
Writes:   how far each reader of the feed has read.
Emits:    TPS-STATUSREQUEST (StatusRequest_MarketDocument) to the platform.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD, CUR-01 (docs/privacy.md).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tps.api.bodies import LIST_BODY_BYTES, read_body
from tps.api.schedules import ScheduleQueryBody, schedule_json
from tps.api.types import check_id, minute_after, moment_json
from tps.documents.generation_load import ScheduleDocument
from tps.documents.status_request import SCHEDULES, StatusRequest
from tps.domain.identifiers import asset_id_findings, canonical_asset_id
from tps.domain.limit import Interval
from tps.domain.plan import uncovered
from tps.domain.schedule import EARLIEST, LATEST, Schedule, part_within
from tps.dso import plans as received_plans
from tps.dso.conflicts import conflicts_in_grid
from tps.dso.plans import FEED, News, Reply
from tps.endpoint.archiving import read_decoded
from tps.endpoint.message_row import MessageRow, Status
from tps.errors import Finding, Malformed, PlatformSilent, StoreAway
from tps.mades.types import STATUS_REQUEST
from tps.party import plans
from tps.party.conflicts import own_conflict_json
from tps.party.plan_reading import read_parts_within, read_plans
from tps.rest.feed_waiting import WAITING, wait_on_feed
from tps.rest.function import Answer, Call, Invocation, Route, refuse, serve
from tps.rest.paging import PAGING, Paging, read_paging
from tps.rest.periods import checked_period, drawn_json, read_period, read_window
from tps.rest.submission import Submission, await_answer, preferred_wait_s, send, settled_answer

MAX_QUERY_IDS = 50
TOO_LARGE = "A59"
OWN_COPY = "own copy"
ALWAYS = Interval(EARLIEST, LATEST)


class Query(NamedTuple):
    """What the caller asks for.

    Attributes:
        asset_ids: Sorted. None for all assets in the grid.
        period: Whole minutes.
    """

    asset_ids: Sequence[str] | None
    period: Interval


class Listed(NamedTuple):
    """A list of schedules.

    Attributes:
        as_of: When the list was made.
        name: Names the list for the pages that follow: OWN_COPY, or the id of the request that the list answers.
    """

    schedules: Sequence[Schedule]
    as_of: datetime
    name: str


def list_schedules(call: Call) -> Answer:
    """Return the plans of the assets in the caller's grid, or of up to 50 of them, in a period."""
    call.only_known("asset_id", "from", "to", *PAGING)
    return _list(call, _query(_read_asset_ids(call), read_period(call)))


def query_schedules(call: Call) -> Answer:
    """Return the plans of thousands of assets, which the body names, in a period."""
    call.only_known()
    body = read_body(ScheduleQueryBody, call.raw_body)
    asset_ids = [canonical_asset_id(asset_id) for asset_id in body.asset_ids]
    malformed: list[Finding] = []
    for index, asset_id in enumerate(asset_ids):
        malformed += asset_id_findings(asset_id, f"/asset_ids/{index}")
    refuse(malformed)
    return _list(call, _query(asset_ids, checked_period(body.from_, body.to)))


def list_conflicts(call: Call) -> Answer:
    """Return where the plans in the caller's grid exceed its own limits, the largest conflict first (F3)."""
    call.only_known("from", "to", "per_asset", *PAGING)
    paging, window, with_assets = read_paging(call), read_window(call), call.flag("per_asset")
    with call.endpoint.database.transaction() as tx:
        conflicts = conflicts_in_grid(call.endpoint, tx, call.dso, window, now=call.now)
    page, following = paging.cut(conflicts, lambda conflict: conflict.place)
    bodies = [own_conflict_json(conflict, is_grid=True, with_assets=with_assets) for conflict in page]
    return Answer({**drawn_json(window), "conflicts": bodies, **following}, is_tagged=True)


def wait(call: Call) -> Answer:
    """Wait until plans change, and return the plans in the changed periods and the periods without a plan."""
    call.only_known(*WAITING)

    def look(position: int) -> News | None:
        with call.endpoint.database.transaction() as tx:
            return received_plans.news_after(tx, call.dso, position)

    return wait_on_feed(
        call,
        FEED,
        look=look,
        position_of=lambda news: news.position,
        answer=lambda news: Answer(_news_json(call, news)),
    )


# Lists


def _list(call: Call, query: Query) -> Answer:
    """Return the platform's answer, or else this backend's own copy. All pages come from one list."""
    paging = read_paging(call)
    listed = _named_list(call, paging, query) or _requested_list(call, query)
    page, following = paging.cut(
        listed.schedules, lambda schedule: (schedule.asset_id, moment_json(schedule.start)), snapshot=listed.name
    )
    schedules = [schedule_json(schedule) for schedule in page]
    return Answer({"schedules": schedules, "as_of": moment_json(listed.as_of), **following}, is_tagged=True)


def _named_list(call: Call, paging: Paging, query: Query) -> Listed | None:
    """Return the list that the page before came from, or None for a first page or a list that is not kept."""
    if paging.snapshot == OWN_COPY:
        return _own_copy(call, query)
    return _reply_to(call, paging.snapshot, query) if paging.snapshot else None


def _requested_list(call: Call, query: Query) -> Listed:
    """Ask the platform, and return its answer. Return this backend's copy if no answer comes or it is too large."""
    period = None if query.period == ALWAYS else query.period
    asset_ids = tuple(query.asset_ids or ())
    submission = Submission(
        type=STATUS_REQUEST,
        build=lambda header: StatusRequest(header, SCHEDULES, None, call.dso.party, period, asset_ids),
        keep=lambda tx, message_id, _sequence: received_plans.add_request(tx, call.party, message_id),
    )
    component, message_id = send(call, submission)
    row = await_answer(call, component, message_id, preferred_wait_s(call))
    if row.status in (Status.REFUSED, Status.FAILED) and not _is_too_large(row):
        settled_answer(call, row, submission)
    return _reply_to(call, message_id, query) or _own_copy(call, query)


def _reply_to(call: Call, message_id: str, query: Query) -> Listed | None:
    """Return the platform's answer to a request, or None if there is no answer yet."""
    with call.endpoint.database.transaction() as tx:
        reply = received_plans.read_reply(tx, call.dso, message_id)
        own = call.own_component(tx)
    if reply is None:
        return None
    schedules = _schedules_in(call, own.code, reply)
    parts = [part for schedule in schedules if (part := part_within(schedule, query.period))]
    return Listed(parts, reply.as_of, message_id)


def _schedules_in(call: Call, component: str, reply: Reply) -> Sequence[Schedule]:
    if reply.message_id is None:
        return ()
    document = read_decoded(call.endpoint, component, reply.message_id, ScheduleDocument)
    if document is None:
        raise StoreAway("schedules are temporarily unavailable; try again later")
    return document.schedules


def _own_copy(call: Call, query: Query) -> Listed:
    with call.endpoint.database.transaction() as tx:
        as_of = received_plans.age(tx, call.dso)
        if as_of is None:
            detail = "no cached answer exists; try again later"
            raise PlatformSilent("the platform did not answer in time", [Finding("platform_silent", "", detail)])
        pieces = plans.plans_within(tx, call.dso, query.period, query.asset_ids)
        schedules = read_plans(call.endpoint, tx, pieces, query.period)
    return Listed(schedules, as_of, OWN_COPY)


def _is_too_large(row: MessageRow) -> bool:
    return any(error["code"] == TOO_LARGE for error in row.answer.get("errors", []))


# News


def _news_json(call: Call, news: News | None) -> dict[str, Any]:
    if news is None:
        return {"schedules": [], "cancelled": []}
    with call.endpoint.database.transaction() as tx:
        parts = read_parts_within(call.endpoint, tx, call.dso.party, news.periods)
    planned: dict[str, list[Interval]] = {asset_id: [] for asset_id in news.periods}
    for part in parts:
        planned[part.asset_id].append(part.period)
    cancelled = [
        {"asset_id": asset_id, "start": moment_json(gap.start), "end": moment_json(gap.end)}
        for asset_id, periods in news.periods.items()
        for gap in uncovered(periods, planned[asset_id])
    ]
    return {"schedules": [schedule_json(part) for part in parts], "cancelled": cancelled}


# Queries


def _query(asset_ids: Iterable[str] | None, period: Interval) -> Query:
    return Query(None if asset_ids is None else sorted(set(asset_ids)), _whole_minutes(period))


def _read_asset_ids(call: Call) -> list[str] | None:
    asset_ids = call.query.get("asset_id")
    if not asset_ids:
        return None
    if len(asset_ids) > MAX_QUERY_IDS:
        detail = f"a query may have at most {MAX_QUERY_IDS} ids; use POST for more"
        raise Malformed("too many ids", [Finding("bad_type", "/asset_id", detail)])
    try:
        ids = [canonical_asset_id(check_id(asset_id)) for asset_id in asset_ids]
    except ValueError as error:
        raise Malformed("invalid id", [Finding("bad_type", "/asset_id", str(error))]) from None
    refuse([finding for asset_id in ids for finding in asset_id_findings(asset_id, "/asset_id")])
    return ids


def _whole_minutes(period: Interval) -> Interval:
    """Return the smallest period of whole minutes around a period, within the years that schedules can have."""
    start = max(period.start.replace(second=0, microsecond=0), EARLIEST)
    end = min(minute_after(period.end), LATEST)
    return Interval(start, end) if start < end else Interval(start, start + timedelta(minutes=1))


ROUTES = (
    Route("GET", "/dso/v1/operational-schedules", list_schedules),
    Route("POST", "/dso/v1/operational-schedules/query", query_schedules, max_body_bytes=LIST_BODY_BYTES),
    Route("GET", "/dso/v1/operational-schedules/wait", wait),
    Route("GET", "/dso/v1/conflicts", list_conflicts),
)


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
