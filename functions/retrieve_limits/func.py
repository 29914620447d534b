"""Retrieve limits (F7a): an operator reads the limits it was sent, or waits for the next.

Wakes on: HTTP from an AGR or BRP.   Reads: limits its backend has received; only its own assets and its own part.
Writes:   how far each of its readers has read; a limit that was read is RECEIVED.
Emits:    MADES receive acknowledgements.
Privacy:  OPR-OTH, OPR-404, CUR-01 (docs/privacy.md).
"""

import hashlib
import hmac
from dataclasses import replace
from decimal import Decimal

import structlog

from tps.api.types import EARLIEST, LATEST, number_json, read_moment
from tps.domain.fairness import share_limit
from tps.domain.limit import Interval
from tps.endpoint.handling import note_received
from tps.errors import Finding, Malformed, StoreAway
from tps.runtime.function import Answer, Route, serve
from tps.runtime.paging import PAGING, read_paging
from tps.runtime.submission import timeout_s
from tps.stores import components, received_limits
from tps.stores.feeds import make_cursor, move_reader, read_cursor, reader_position
from tps.stores.received_limits import FEED

ALWAYS = Interval(EARLIEST, LATEST)
MAX_READER_CHARACTERS = 60
_log = structlog.get_logger()


def list_limits(call):
    """Limits received in a period, and holding in another; both half-open and optional."""
    call.only_known("from", "to", "applies_from", "applies_to", "all_revisions", "per_asset", *PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        found = received_limits.received_between(
            tx,
            call.agr,
            received=_period(call, "from", "to"),
            applies=_period(call, "applies_from", "applies_to"),
            with_all_revisions=call.flag("all_revisions"),
        )
    return _page(call, paging, found)


def list_active(call):
    """Limits in force or ahead."""
    call.only_known("per_asset", *PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        found = received_limits.active_at(tx, call.agr, call.now)
    return _page(call, paging, found)


def wait(call):
    """Block until there is a new limit, then answer all that came since; empty when the time is up.

    With `after`, what came after that cursor. Without, what came since this reader was last handed something; the
    remembered place moves only when the answer went to a client that was still there.
    """
    call.only_known("timeout", "after", "reader", "per_asset")
    start, reader = _start(call), _reader(call)

    def look():
        with call.endpoint.database.transaction() as tx:
            return received_limits.received_after(tx, call.agr, start, call.now) or None

    found = call.waits.until(call.party, look, timeout_s(call), call.is_connected) or []
    position = max((limit.position for limit in found), default=start)
    answer = _answer(call, found)
    cursor = make_cursor(call.endpoint.secret("cursors"), call.party, FEED, position)
    moves = found and call.text("after") is None

    def handed_over():
        if moves:
            _remember(call, reader, position)
        answer.on_handed_over()

    return replace(answer, body={**answer.body, "cursor": cursor}, on_handed_over=handed_over)


def _start(call):
    after = call.text("after")
    if after is not None:
        return read_cursor(call.endpoint.secret("cursors"), call.party, FEED, after)
    with call.endpoint.database.transaction() as tx:
        return reader_position(tx, call.party, FEED, _reader(call))


def _reader(call):
    reader = call.text("reader") or ""
    if len(reader) > MAX_READER_CHARACTERS or not reader.isprintable():
        raise Malformed("bad reader", [Finding("bad_type", "/reader", "a printable name of at most 60 characters")])
    return reader


def _remember(call, reader, position):
    with call.endpoint.database.transaction() as tx:
        move_reader(tx, party=call.party, name=FEED, reader=reader, position=position)


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
        call.endpoint.owed.tell(call.endpoint)
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


def _period(call, start, end):
    period = Interval(_moment(call, start, ALWAYS.start), _moment(call, end, ALWAYS.end))
    if period.end <= period.start:
        raise Malformed("bad period", [Finding("bad_type", f"/{end}", f"{end} is not after {start}")])
    return period


def _moment(call, name, default):
    text = call.text(name)
    if text is None:
        return default
    try:
        return read_moment(text.replace(" ", "+"))
    except ValueError as error:
        raise Malformed("bad time", [Finding("bad_type", f"/{name}", str(error))]) from None


ROUTES = (
    Route("GET", "/agr/v1/capacity-limits", list_limits),
    Route("GET", "/agr/v1/capacity-limits/active", list_active),
    Route("GET", "/agr/v1/capacity-limits/wait", wait),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
