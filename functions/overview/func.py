"""Overview (F3): the platform operator sees parties, plans, limits, and how far each message came.

Wakes on: HTTP from the platform operator only; ticks.
Reads:    parties, the registry, plans and their totals, limits with their parts, the ledger of sent messages, the
          directory, the number of dead letters.
Decides:  nothing.
Writes:   conflicts that were found, so that the next call does not search again.
Emits:    nothing.
Privacy:  ROL-01, REF-01, PRB-02 (docs/privacy.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from tps.api.conflicts import assets_json, curve_json
from tps.api.types import moment_json
from tps.domain.conflict_curve import curve_of
from tps.domain.limit import Interval
from tps.domain.steps import seconds
from tps.endpoint.dead_letters import DeadLetters
from tps.endpoint.endpoint import Endpoint
from tps.errors import Finding, Malformed, NotFound, StoreAway
from tps.platform import conflict_verdicts
from tps.platform import news as overview_news
from tps.platform import overview_limit_rows as overview_limits
from tps.platform import plan_total_rows as plan_totals
from tps.platform.conflict_verdict_rows import KnownCase
from tps.platform.limits import Revision
from tps.platform.overview_conflicts import find_conflicts
from tps.platform.overview_limits import evidence_json, limit_json
from tps.platform.overview_parties import holdings, party_json
from tps.platform.overview_schedules import asset_plans, operator_totals
from tps.platform.plan_total_rows import Selection
from tps.platform.readiness import (
    Lack,
    count_lacking,
    healths,
    horizon_at,
    item_json,
    list_lacking,
    readiness_json,
    undelivered_by_peer,
)
from tps.platform.registry import all_parties, parties
from tps.rest.contract import contract_routes
from tps.rest.function import Answer, Call, Invocation, Route, pong, refuse, serve
from tps.rest.news_waiting import wait_for_news
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import drawn_json, read_window

if TYPE_CHECKING:
    from tps.stores.database import Transaction

WINDOW = ("from", "to")
OPERATORS = ("agr", "brp")
NO_SEVERITY = (0, 0)
_log = structlog.get_logger()
_T = TypeVar("_T")


def list_parties(call: Call) -> Answer:
    """Return every party, sorted by code, with the totals of what it has registered."""
    call.only_known(*PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        known = all_parties(tx, call.tps)
        held = holdings(tx, call.tps)
    page, following = paging.cut(known, lambda party: (party.code,))
    bodies = [party_json(party, held.get(party.code)) for party in page]
    return Answer({"parties": bodies, **following}, is_tagged=True)


def list_schedules(call: Call) -> Answer:
    """Return the plans in a window: the totals of each operator, or asset by asset."""
    call.only_known("party", "per_asset", *WINDOW, *PAGING)
    paging, window = read_paging(call), read_window(call)
    with call.endpoint.database.transaction() as tx:
        selection = read_selection(call, tx, window)
        if call.flag("per_asset"):
            assets = active_assets(call, tx, selection)
            page, following = paging.cut(assets, lambda asset: (asset["asset_id"],))
            body = {"assets": asset_plans(call.endpoint, tx, call.tps, page, selection=selection)}
        else:
            totals = operator_totals(call.endpoint, tx, call.tps, selection)
            page, following = paging.cut(totals, lambda total: (total["operator"],))
            body = {"schedules": page}
    return window_answer(call, window, {**body, **following})


def list_limits(call: Call) -> Answer:
    """Return the limits that overlap a window, with each operator's part and how far its message came."""
    call.only_known("party", "summary", *WINDOW, *PAGING)
    paging, window, is_summary = read_paging(call), read_window(call), call.flag("summary")
    with call.endpoint.database.transaction() as tx:
        selection = read_selection(call, tx, window)
        latest = overview_limits.latest_within(tx, call.tps, selection)
        page, following = paging.cut(latest, limit_place)
        limits = overview_limits.seen_limits(tx, call.tps, page, call.endpoint.platform, operator=selection.operator)
    bodies = [limit_json(limit, call.now, with_parts=not is_summary) for limit in limits]
    return window_answer(call, window, {"limits": bodies, **following})


def show_evidence(call: Call) -> Answer:
    """Return how far each message of a limit came, hop by hop."""
    call.only_known("dso")
    limit_id, dso = call.path_values["limit_id"], call.text("dso")
    with call.endpoint.database.transaction() as tx:
        revisions = overview_limits.latest_named(tx, call.tps, limit_id)
        latest = only_limit([revision for revision in revisions if dso in (None, revision.name.dso)])
        (limit,) = overview_limits.seen_limits(tx, call.tps, [latest], call.endpoint.platform)
        sent = [part.part.message_id for part in limit.parts]
        hops = overview_limits.hops_of(tx, call.tps, call.endpoint.platform, sent)
    return Answer(evidence_json(limit, hops), is_tagged=True)


def list_conflicts(call: Call) -> Answer:
    """Return where the plans of operators exceed their parts of limits, the largest conflict first."""
    call.only_known("agr", "dso", *WINDOW, *PAGING)
    paging, window = read_paging(call), read_window(call)
    with call.endpoint.database.transaction() as tx:
        selection = read_sides(call, tx, window)
        conflicts = conflict_verdicts.list_conflicts(call.endpoint, tx, call.tps, selection)
        page, following = paging.cut(conflicts, conflict_place)
        bodies = conflict_verdicts.show_conflicts(call.endpoint, tx, call.tps, page)
    return window_answer(call, window, {"conflicts": bodies, **following})


def list_conflict_assets(call: Call) -> Answer:
    """Return one operator's conflict with one limit: plan and part over the window, and the assets that cause it."""
    call.only_known("agr", "dso", *WINDOW, *PAGING)
    paging, window = read_paging(call), read_window(call)
    if call.text("agr") is None:
        raise Malformed("missing parameter", [Finding("missing", "/agr", "agr must name an operator")])
    with call.endpoint.database.transaction() as tx:
        selection, limit_id = read_sides(call, tx, window), call.path_values["limit_id"]
        conflict = only_limit(find_conflicts(call.endpoint, tx, call.tps, selection, limit_id=limit_id))
    assets = assets_json(conflict.demand, conflict.conflict, conflict.assets)
    page, following = paging.cut(list(enumerate(assets)), lambda numbered: (numbered[0],))
    curve = curve_of(conflict.demand, conflict.assets, seconds(window.start), seconds(window.end))
    body = {"curve": curve_json(curve, seconds(window.start)), "assets": [asset for _, asset in page]}
    return window_answer(call, window, {**body, **following})


def tick(endpoint: Endpoint) -> None:
    """Find conflicts before a call asks for them."""
    try:
        conflict_verdicts.look_ahead(endpoint)
    except StoreAway as error:
        _log.warning("left to whoever asks", chore="look_ahead", why=error.detail)


def show_readiness(call: Call) -> Answer:
    """Return the health of all parties with the number of faults of each kind, or the list of one kind."""
    call.only_known("list", *PAGING)
    lack = read_lack(call)
    return list_faults(call, lack) if lack else list_health(call)


def list_faults(call: Call, lack: Lack) -> Answer:
    """Return one list of what is missing or faulty, for example plans that an active asset does not have."""
    paging, horizon = read_paging(call), horizon_at(call.now, call.endpoint.platform)
    with call.endpoint.database.transaction() as tx:
        rows = list_lacking(tx, call.tps, lack, horizon)
    page, following = paging.cut(rows, lambda row: tuple(row.values())[:1])
    return Answer({"items": [item_json(row) for row in page], **following}, is_tagged=True)


def list_health(call: Call) -> Answer:
    """Return the health of all parties, and the number of faults of each kind."""
    paging, horizon = read_paging(call), horizon_at(call.now, call.endpoint.platform)
    with call.endpoint.database.transaction() as tx:
        known = all_parties(tx, call.tps)
        healthy, held = healths(tx, call.tps, call.endpoint.platform), holdings(tx, call.tps)
        undelivered = undelivered_by_peer(tx, call.tps, horizon)
        counts = {str(lack): count_lacking(tx, call.tps, lack, horizon) for lack in Lack}
    counts["dead_letters"] = DeadLetters(call.endpoint.mailbox).count()
    page, following = paging.cut([party for party in known if party.role != "tps"], lambda party: (party.code,))
    bodies = [
        readiness_json(
            party,
            healthy.get(party.component),
            held.get(party.code),
            undelivered=undelivered.get(party.component, 0),
            now=call.now,
        )
        for party in page
    ]
    body = {"as_of": moment_json(call.now), "parties": bodies, "counts": counts, **following}
    return Answer(body, is_tagged=True)


def read_lack(call: Call) -> Lack | None:
    """Return the kind of list in the query, or None."""
    name = call.text("list")
    if name is None:
        return None
    if name not in list(Lack):
        raise Malformed("invalid list", [Finding("bad_type", "/list", f"list must be one of {', '.join(Lack)}")])
    return Lack(name)


def wait_for_changes(call: Call) -> Answer:
    """Wait until there is news, and return its topics."""
    call.only_known("after", "timeout")

    def look() -> tuple[int, ...]:
        with call.endpoint.database.transaction() as tx:
            return overview_news.counts(tx, call.tps)

    return wait_for_news(call, [str(topic) for topic in overview_news.Topic], look)


def read_sides(call: Call, tx: Transaction, window: Interval) -> Selection:
    """Return the operator and the DSO in the query. Without a parameter, all of its kind."""
    codes = {name: call.text(name) for name in ("agr", "dso")}
    known = parties(tx, [code for code in codes.values() if code])
    for name, roles in (("agr", OPERATORS), ("dso", ("dso",))):
        code = codes[name]
        if code and (code not in known or known[code].role not in roles):
            raise NotFound("unknown party, or a party with another role")
    return Selection(codes["agr"], codes["dso"], window)


def read_selection(call: Call, tx: Transaction, window: Interval) -> Selection:
    """Return the parties in the query: at most one operator and one DSO. Without a party, all."""
    codes = call.query.get("party", ())
    known = parties(tx, codes)
    if len(known) < len(set(codes)):
        raise NotFound("unknown party")
    operators = [code for code, party in known.items() if party.role in OPERATORS]
    dsos = [code for code, party in known.items() if party.role == "dso"]
    if len(operators) > 1 or len(dsos) > 1 or len(operators) + len(dsos) < len(known):
        raise Malformed("invalid party", [Finding("bad_type", "/party", "name one operator, one DSO, or one of each")])
    return Selection(next(iter(operators), None), next(iter(dsos), None), window)


def active_assets(call: Call, tx: Transaction, selection: Selection) -> list[dict[str, Any]]:
    """Return the active assets of the parties in the query, which must name one."""
    if selection.operator is None and selection.dso is None:
        raise Malformed("missing parameter", [Finding("missing", "/party", "party is required with per_asset=true")])
    return plan_totals.active_assets(tx, call.tps, selection)


def only_limit(limits: Sequence[_T]) -> _T:
    """Return the only limit with an id."""
    if not limits:
        raise NotFound("unknown limit")
    if len(limits) > 1:
        refuse([Finding("A55", "/dso", "two DSOs use this limit id; name the DSO with the parameter dso")])
    return limits[0]


def limit_place(revision: Revision) -> tuple[str, str, str]:
    """Return the sort key of a limit: its start first."""
    return moment_json(revision.period.start), revision.name.dso, revision.name.limit_id


def conflict_place(known: KnownCase) -> tuple[int | str, ...]:
    """Return the sort key of a conflict: the largest first."""
    return (*(known.severity or NO_SEVERITY), known.case.dso, known.case.limit_id, known.case.operator)


def window_answer(call: Call, window: Interval, body: dict[str, Any]) -> Answer:
    """Return an answer about a window."""
    return Answer({**drawn_json(window), "as_of": moment_json(call.now), **body}, is_tagged=True)


ROUTES = (
    Route("GET", "/tps/v1/ping", pong, is_open=True),
    *contract_routes("tps"),
    Route("GET", "/tps/v1/parties", list_parties),
    Route("GET", "/tps/v1/schedules", list_schedules),
    Route("GET", "/tps/v1/limits", list_limits),
    Route("GET", "/tps/v1/limits/<limit_id>/evidence", show_evidence),
    Route("GET", "/tps/v1/conflicts", list_conflicts),
    Route("GET", "/tps/v1/conflicts/<limit_id>/assets", list_conflict_assets),
    Route("GET", "/tps/v1/readiness", show_readiness),
    Route("GET", "/tps/v1/changes", wait_for_changes),
)


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES, on_tick={"tps": tick})
