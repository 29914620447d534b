"""Retrieve limits (F7a): an operator reads its limits, waits for new ones, or sees which limits its plans break.

Wakes on: HTTP from an AGR or BRP.
Reads:    limits its backend has received, only its own assets and its own part; its own plans as accepted.
Writes:   how far each reader of the feed has read; a limit that was read is RECEIVED.
Emits:    MADES receive acknowledgements.
Privacy:  OPR-OTH, OPR-404, CUR-01 (docs/privacy.md).
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from tps.endpoint.handling import note_received
from tps.errors import StoreAway
from tps.operator import limits as received_limits
from tps.operator.conflicts import conflicts_of_operator
from tps.operator.limit_answers import bounds_json, received_limit_json
from tps.operator.limits import FEED, ReceivedLimit
from tps.party.conflicts import own_conflict_json
from tps.rest.feed_waiting import WAITING, wait_on_feed
from tps.rest.function import Answer, Call, Invocation, Route, serve
from tps.rest.paging import PAGING, Paging, read_paging
from tps.rest.periods import drawn_json, read_period, read_window

_log = structlog.get_logger()


def list_limits(call: Call) -> Answer:
    """Return the limits received in one period that apply in another. Both periods are half-open and optional."""
    call.only_known("from", "to", "applies_from", "applies_to", "all_revisions", "per_asset", *PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        limits = received_limits.received_between(
            tx,
            call.agr,
            received=read_period(call),
            applies=read_period(call, "applies_from", "applies_to"),
            with_all_revisions=call.flag("all_revisions"),
        )
    return _page(call, paging, limits)


def list_active(call: Call) -> Answer:
    """Return the limits in force or ahead, with `?per_asset=true` also the effective bounds of each asset."""
    call.only_known("per_asset", *PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        limits = received_limits.active_at(tx, call.agr, call.now)
    answer = _page(call, paging, limits)
    if not call.flag("per_asset"):
        return answer
    return replace(answer, body={**answer.body, "bounds": bounds_json(call.endpoint, limits, call.now)})


def list_conflicts(call: Call) -> Answer:
    """Return where the operator's plans exceed its parts of limits, the largest conflict first (F3)."""
    call.only_known("from", "to", "per_asset", *PAGING)
    paging, window, with_assets = read_paging(call), read_window(call), call.flag("per_asset")
    with call.endpoint.database.transaction() as tx:
        conflicts = conflicts_of_operator(call.endpoint, tx, call.agr, window, now=call.now)
    page, following = paging.cut(conflicts, lambda conflict: conflict.place)
    bodies = [own_conflict_json(conflict, is_grid=False, with_assets=with_assets) for conflict in page]
    return Answer({**drawn_json(window), "conflicts": bodies, **following}, is_tagged=True)


def wait(call: Call) -> Answer:
    """Wait until there is a new limit, and return all new limits. Return an empty list at the time-out."""
    call.only_known(*WAITING, "per_asset")

    def look(position: int) -> list[ReceivedLimit] | None:
        with call.endpoint.database.transaction() as tx:
            return received_limits.received_after(tx, call.agr, position, call.now) or None

    return wait_on_feed(
        call,
        FEED,
        look=look,
        position_of=lambda limits: max(limit.position for limit in limits),
        answer=lambda limits: _answer(call, limits or []),
    )


def _page(call: Call, paging: Paging, limits: Sequence[ReceivedLimit]) -> Answer:
    page, following = paging.cut(limits, lambda limit: (limit.position,))
    answer = _answer(call, page)
    return replace(answer, body={**answer.body, **following}, is_tagged=True)


def _answer(call: Call, limits: Sequence[ReceivedLimit]) -> Answer:
    with_assets = call.flag("per_asset")
    bodies = [received_limit_json(call.endpoint, limit, call.now, with_assets=with_assets) for limit in limits]
    message_ids = [limit.message_id for limit in limits]
    return Answer({"limits": bodies}, on_handed_over=lambda: _note_read(call, message_ids))


def _note_read(call: Call, message_ids: Sequence[str]) -> None:
    """Note that limits were read. Without a store, their senders learn it at a later read."""
    if not message_ids:
        return
    try:
        with call.endpoint.database.transaction() as tx:
            note_received(call.endpoint, tx, call.own_component(tx).code, message_ids)
        call.endpoint.owed.schedule(call.endpoint)
    except StoreAway:
        _log.warning("reading not noted")


ROUTES = (
    Route("GET", "/agr/v1/capacity-limits", list_limits),
    Route("GET", "/agr/v1/capacity-limits/active", list_active),
    Route("GET", "/agr/v1/capacity-limits/wait", wait),
    Route("GET", "/agr/v1/conflicts", list_conflicts),
)


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
