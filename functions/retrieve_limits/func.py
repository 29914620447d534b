"""Retrieve limits (F7a): an operator reads the limits it was sent, waits for the next, or sees which its plans break.

Wakes on: HTTP from an AGR or BRP.
Reads:    limits its backend has received, only its own assets and its own part; its own plans as accepted.
Writes:   how far each of its readers has read; a limit that was read is RECEIVED.
Emits:    MADES receive acknowledgements.
Privacy:  OPR-OTH, OPR-404, CUR-01 (docs/privacy.md).
"""

import hashlib
import hmac
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from itertools import product

import structlog

from tps.api.types import moment_json, number_json, read_moment
from tps.domain.fairness import share_limit
from tps.domain.limit import Action, AvailablePower, Direction, Interval
from tps.domain.limit_order import Emergency, bounds
from tps.endpoint import components
from tps.endpoint.handling import note_received
from tps.errors import StoreAway
from tps.operator import limits as received_limits
from tps.operator.conflicts import conflicts_of_operator
from tps.operator.limits import FEED
from tps.party.conflicts import own_conflict_json
from tps.rest.feed_waiting import WAITING, wait_on_feed
from tps.rest.function import Answer, Route, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import drawn_json, read_period, read_window

BOTH_WAYS = (Direction.CONSUMPTION, Direction.PRODUCTION)
_log = structlog.get_logger()


def list_limits(call):
    """Limits received in a period, and holding in another; both half-open and optional."""
    call.only_known("from", "to", "applies_from", "applies_to", "all_revisions", "per_asset", *PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        found = received_limits.received_between(
            tx,
            call.agr,
            received=read_period(call),
            applies=read_period(call, "applies_from", "applies_to"),
            with_all_revisions=call.flag("all_revisions"),
        )
    return _page(call, paging, found)


def list_active(call):
    """Limits in force or ahead; with `?per_asset=true` also what binds each asset of all of them together."""
    call.only_known("per_asset", *PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        found = received_limits.active_at(tx, call.agr, call.now)
    answer = _page(call, paging, found)
    return replace(answer, body={**answer.body, "bounds": _bounds(call, found)}) if call.flag("per_asset") else answer


def list_conflicts(call):
    """Where the operator's plans collide with its parts, the worst first (F3)."""
    call.only_known("from", "to", "per_asset", *PAGING)
    paging, window, with_assets = read_paging(call), read_window(call), call.flag("per_asset")
    with call.endpoint.database.transaction() as tx:
        found = conflicts_of_operator(call.endpoint, tx, call.agr, window, now=call.now)
    page, following = paging.cut(found, lambda each: each.place)
    shown = [own_conflict_json(each, is_grid=False, with_assets=with_assets) for each in page]
    return Answer({**drawn_json(window), "conflicts": shown, **following}, is_tagged=True)


def wait(call):
    """Block until there is a new limit, then answer all that came since; empty when the time is up."""
    call.only_known(*WAITING, "per_asset")

    def look(start):
        with call.endpoint.database.transaction() as tx:
            return received_limits.received_after(tx, call.agr, start, call.now) or None

    return wait_on_feed(
        call,
        FEED,
        look=look,
        position_of=lambda found: max(limit.position for limit in found),
        answer=lambda found: _answer(call, found or []),
    )


def _page(call, paging, found):
    page, following = paging.cut(found, lambda limit: (limit.position,))
    answer = _answer(call, page)
    return replace(answer, body={**answer.body, **following}, is_tagged=True)


def _answer(call, found):
    with_assets = call.flag("per_asset")
    body = {"limits": [_limit_json(call, limit, with_assets) for limit in found]}
    return Answer(body, on_handed_over=lambda: _note_read(call, [limit.message_id for limit in found]))


def _note_read(call, message_ids):
    """The limits were read; that their senders learn it may wait for better times."""
    if not message_ids:
        return
    try:
        with call.endpoint.database.transaction() as tx:
            own = components.component_of_party(tx, call.party)
            note_received(call.endpoint, tx, own.code, message_ids)
        call.endpoint.owed.schedule(call.endpoint)
    except StoreAway:
        _log.warning("reading not noted")


def _limit_json(call, limit, with_assets):
    is_over = limit.status == "active" and limit.period.end <= call.now
    body = {**limit.body, "status": "expired" if is_over else limit.status}
    if with_assets and "available" in body:
        body["per_asset"] = _per_asset(call, limit)
    return body


def _per_asset(call, limit):
    """The operator's part, divided on by the same rule; offered, not binding."""
    tie_key = hmac.digest(call.endpoint.secret("ties"), limit.limit_id.encode(), hashlib.sha256)
    weight_kw = Decimal(str(limit.body["share"]["weight_kw"]))
    weights = share_limit(weight_kw, limit.weights_kw, tie_key)
    slots = limit.body["available"]
    divided = [share_limit(Decimal(str(slot["power_kw"])), weights, tie_key) for slot in slots]
    return [
        {
            "asset_id": asset_id,
            "available": [
                {**slot, "power_kw": number_json(parts[asset_id])} for slot, parts in zip(slots, divided, strict=True)
            ],
        }
        for asset_id in limit.body["asset_ids"]
    ]


def _bounds(call, found):
    """The effective bound of each asset in each direction, over all limits on it; what is past is left out."""
    parts, emergencies = defaultdict(list), defaultdict(list)
    for limit in found:
        direction = Direction(limit.body["direction"])
        if "available" in limit.body:
            for part in _per_asset(call, limit):
                parts[part["asset_id"], direction].append([_available(slot) for slot in part["available"]])
        else:
            emergency = Emergency(Action(limit.body["action"]), direction, limit.period, limit.received_at)
            for asset_id, each in product(limit.body["asset_ids"], BOTH_WAYS):
                if direction in (each, Direction.BOTH):
                    emergencies[asset_id, each].append(emergency)
    return [
        _bound_json(asset_id, direction, bound)
        for asset_id, direction in sorted({*parts, *emergencies})
        for bound in bounds(parts[asset_id, direction], emergencies[asset_id, direction], direction)
        if bound.interval.end > call.now
    ]


def _available(slot):
    interval = Interval(read_moment(slot["start"]), read_moment(slot["end"]))
    return AvailablePower(interval, Decimal(str(slot["power_kw"])))


def _bound_json(asset_id, direction, bound):
    times = {"start": moment_json(bound.interval.start), "end": moment_json(bound.interval.end)}
    power = {} if bound.power_kw is None else {"power_kw": number_json(bound.power_kw)}
    action = {"action": str(bound.action)} if bound.action else {}
    return {"asset_id": asset_id, "direction": str(direction), **times, **power, **action}


ROUTES = (
    Route("GET", "/agr/v1/capacity-limits", list_limits),
    Route("GET", "/agr/v1/capacity-limits/active", list_active),
    Route("GET", "/agr/v1/capacity-limits/wait", wait),
    Route("GET", "/agr/v1/conflicts", list_conflicts),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
