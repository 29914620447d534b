"""Overview (F3): the platform operator sees who takes part, what is planned, what is limited, and how news travels.

Wakes on: HTTP from the platform operator, and from nobody else; ticks.
Reads:    parties, the registry, plans and their totals, limits with their parts, the ledger of what was sent, the
          directory, how many dead letters there are.
Decides:  nothing.
Writes:   conflicts that were found, for whoever asks next.
Emits:    nothing.
Privacy:  ROL-01, REF-01, PRB-02 (docs/privacy.md).
"""

import structlog

from tps.api.conflicts import assets_json, curve_json
from tps.api.types import moment_json, number_json
from tps.domain.conflict_curve import curve_of
from tps.domain.steps import seconds
from tps.endpoint.dead_letters import DeadLetters
from tps.errors import Finding, Malformed, NotFound, StoreAway
from tps.platform import conflict_verdicts
from tps.platform import news_counts as overview_news
from tps.platform import overview_limit_rows as overview_limits
from tps.platform import plan_total_rows as plan_totals
from tps.platform.overview_conflicts import find_conflicts
from tps.platform.overview_limits import evidence_json, limit_json
from tps.platform.overview_parties import holdings
from tps.platform.overview_schedules import asset_plans, operator_totals
from tps.platform.plan_total_rows import Selection
from tps.platform.readiness import horizon_at, item_json, readiness_json
from tps.platform.readiness_rows import Lack, count_lacking, healths, list_lacking, undelivered_by_peer
from tps.platform.registry import all_parties, parties
from tps.rest.contract import contract_routes
from tps.rest.function import Answer, Route, pong, refuse, serve
from tps.rest.news_waiting import wait_for_news
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import drawn_json, read_window

WINDOW = ("from", "to")
OPERATORS = ("agr", "brp")
_log = structlog.get_logger()


def list_parties(call):
    """Every party, sorted by its code, and what it has registered."""
    call.only_known(*PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        found = all_parties(tx, call.tps)
        held = holdings(tx, call.tps)
    page, following = paging.cut(found, lambda party: (party.code,))
    return Answer({"parties": [party_json(each, held.get(each.code)) for each in page], **following}, is_tagged=True)


def list_schedules(call):
    """What operators plan in a window: their totals, or asset by asset."""
    call.only_known("party", "per_asset", *WINDOW, *PAGING)
    paging, window = read_paging(call), read_window(call)
    with call.endpoint.database.transaction() as tx:
        asked = read_asked(call, tx, window)
        if call.flag("per_asset"):
            found = _some_assets(call, tx, asked)
            page, following = paging.cut(found, lambda asset: (asset["asset_id"],))
            body = {"assets": asset_plans(call.endpoint, tx, call.tps, page, selection=asked)}
        else:
            found = operator_totals(call.endpoint, tx, call.tps, asked)
            page, following = paging.cut(found, lambda total: (total["operator"],))
            body = {"schedules": page}
    return drawn(call, window, {**body, **following})


def list_limits(call):
    """Limits that touch a window, with each operator's part and how far its message came."""
    call.only_known("party", "summary", *WINDOW, *PAGING)
    paging, window, is_summary = read_paging(call), read_window(call), call.flag("summary")
    with call.endpoint.database.transaction() as tx:
        asked = read_asked(call, tx, window)
        latest = overview_limits.latest_within(tx, call.tps, asked)
        page, following = paging.cut(latest, limit_place)
        found = overview_limits.seen_limits(tx, call.tps, page, call.endpoint.platform, operator=asked.operator)
    shown = [limit_json(each, call.now, with_parts=not is_summary) for each in found]
    return drawn(call, window, {"limits": shown, **following})


def show_evidence(call):
    """How far each message of a limit came, hop by hop."""
    call.only_known("dso")
    limit_id, dso = call.path_values["limit_id"], call.text("dso")
    with call.endpoint.database.transaction() as tx:
        named = overview_limits.latest_named(tx, call.tps, limit_id)
        latest = one_of([each for each in named if dso in (None, each.name.dso)])
        (limit,) = overview_limits.seen_limits(tx, call.tps, [latest], call.endpoint.platform)
        sent = [part.part.message_id for part in limit.parts]
        hops = overview_limits.hops_of(tx, call.tps, call.endpoint.platform, sent)
    return Answer(evidence_json(limit, hops), is_tagged=True)


def list_conflicts(call):
    """Where what operators plan collides with their parts of limits, the worst first."""
    call.only_known("agr", "dso", *WINDOW, *PAGING)
    paging, window = read_paging(call), read_window(call)
    with call.endpoint.database.transaction() as tx:
        asked = read_sides(call, tx, window)
        found = conflict_verdicts.list_conflicts(call.endpoint, tx, call.tps, asked)
        page, following = paging.cut(found, conflict_place)
        shown = conflict_verdicts.show_conflicts(call.endpoint, tx, call.tps, page)
    return drawn(call, window, {"conflicts": shown, **following})


def list_conflict_assets(call):
    """One operator's conflict with one limit: plan and part over the window, and the assets that make it."""
    call.only_known("agr", "dso", *WINDOW, *PAGING)
    paging, window = read_paging(call), read_window(call)
    if call.text("agr") is None:
        raise Malformed("missing parameter", [Finding("missing", "/agr", "agr must name an operator")])
    with call.endpoint.database.transaction() as tx:
        asked, limit_id = read_sides(call, tx, window), call.path_values["limit_id"]
        found = find_conflicts(call.endpoint, tx, call.tps, asked, limit_id=limit_id)
    verdict = one_of(found)
    assets = assets_json(verdict.demand, verdict.conflict, verdict.assets)
    page, following = paging.cut(list(enumerate(assets)), lambda place: (place[0],))
    curve = curve_of(verdict.demand, verdict.assets, seconds(window.start), seconds(window.end))
    shown = {"curve": curve_json(curve, seconds(window.start)), "assets": [asset for _, asset in page]}
    return drawn(call, window, {**shown, **following})


def tick(endpoint):
    """Find conflicts ahead of whoever asks for them."""
    try:
        conflict_verdicts.look_ahead(endpoint)
    except StoreAway as error:
        _log.warning("left to whoever asks", chore="look_ahead", why=error.detail)


def show_readiness(call):
    """Whether parties are well, and how much is missing; or, one by one, what is."""
    call.only_known("list", *PAGING)
    paging, lack = read_paging(call), read_lack(call)
    horizon = horizon_at(call.now, call.endpoint.platform)
    with call.endpoint.database.transaction() as tx:
        if lack is not None:
            found = list_lacking(tx, call.tps, lack, horizon)
            page, following = paging.cut(found, lambda row: tuple(row.values())[:1])
            return Answer({"items": [item_json(row) for row in page], **following}, is_tagged=True)
        known = all_parties(tx, call.tps)
        healthy, held = healths(tx, call.tps, call.endpoint.platform), holdings(tx, call.tps)
        undelivered = undelivered_by_peer(tx, call.tps, horizon)
        counts = {str(each): count_lacking(tx, call.tps, each, horizon) for each in Lack}
    page, following = paging.cut([each for each in known if each.role != "tps"], lambda party: (party.code,))
    shown = [
        readiness_json(
            each,
            healthy.get(each.component),
            held.get(each.code),
            undelivered=undelivered.get(each.component, 0),
            now=call.now,
        )
        for each in page
    ]
    counts["dead_letters"] = DeadLetters(call.endpoint.mailbox).count()
    return Answer({"as_of": moment_json(call.now), "parties": shown, "counts": counts, **following}, is_tagged=True)


def read_lack(call):
    """Which list is asked for; None for none."""
    name = call.text("list")
    if name is not None and name not in list(Lack):
        raise Malformed("invalid list", [Finding("bad_type", "/list", f"list must be one of {', '.join(Lack)}")])
    return name and Lack(name)


def wait_for_changes(call):
    """Block until there is news, and say of what."""
    call.only_known("after", "timeout")

    def look():
        with call.endpoint.database.transaction() as tx:
            return overview_news.counts(tx, call.tps)

    return wait_for_news(call, [str(topic) for topic in overview_news.Topic], look)


def read_sides(call, tx, window):
    """The operator and the DSO asked for, each by its own name; None is all."""
    codes = {name: call.text(name) for name in ("agr", "dso")}
    found = parties(tx, [code for code in codes.values() if code])
    for name, roles in (("agr", OPERATORS), ("dso", ("dso",))):
        party = found.get(codes[name])
        if codes[name] and (party is None or party.role not in roles):
            raise NotFound("unknown party, or a party with another role")
    return Selection(codes["agr"], codes["dso"], window)


def read_asked(call, tx, window):
    """Whose things are asked for: an operator's, a DSO's, both's, or all."""
    codes = call.query.get("party", ())
    found = parties(tx, codes)
    if len(found) < len(set(codes)):
        raise NotFound("unknown party")
    operators = [code for code, party in found.items() if party.role in OPERATORS]
    dsos = [code for code, party in found.items() if party.role == "dso"]
    if len(operators) > 1 or len(dsos) > 1 or len(operators) + len(dsos) < len(found):
        raise Malformed("invalid party", [Finding("bad_type", "/party", "name one operator, one DSO, or one of each")])
    return Selection(next(iter(operators), None), next(iter(dsos), None), window)


def one_of(named):
    """The one limit that an id names."""
    if not named:
        raise NotFound("unknown limit")
    if len(named) > 1:
        refuse([Finding("A55", "/dso", "two DSOs use this limit id; name the DSO with the parameter dso")])
    return named[0]


def limit_place(revision):
    """Where a limit stands in a list: by its start."""
    return moment_json(revision.period.start), revision.name.dso, revision.name.limit_id


def conflict_place(found):
    """Where a conflict stands in a list: the worst first."""
    return (*found.severity, found.case.dso, found.case.limit_id, found.case.operator)


def drawn(call, window, body):
    """An answer about a window."""
    return Answer({**drawn_json(window), "as_of": moment_json(call.now), **body}, is_tagged=True)


def party_json(party, held):
    """A party as the platform operator sees it."""
    body = {"code": party.code, "role": party.role, "name": party.name, "component": party.component}
    if party.role == "tps":
        return body
    body["asset_count"] = held.asset_count if held else 0
    if party.role == "dso":
        body["connection_point_count"] = held.point_count if held else 0
    else:
        body["waiting_asset_count"] = held.waiting_count if held else 0
    body["installed_production_kw"] = number_json(held.production_kw) if held else 0
    body["installed_consumption_kw"] = number_json(held.consumption_kw) if held else 0
    return body


def _some_assets(call, tx, asked):
    if asked.operator is None and asked.dso is None:
        raise Malformed("missing parameter", [Finding("missing", "/party", "party is required with per_asset=true")])
    return plan_totals.active_assets(tx, call.tps, asked)


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


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES, on_tick={"tps": tick})
