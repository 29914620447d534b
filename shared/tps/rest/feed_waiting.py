"""Waiting on a feed: block until there is something after the caller's place, and remember the place it was handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from tps.errors import Finding, Malformed
from tps.party.feeds import make_cursor, move_reader, read_cursor, reader_position
from tps.rest.waiting import timeout_s

if TYPE_CHECKING:
    from tps.rest.function import Answer, Call

WAITING = ("timeout", "after", "reader")
"""Query parameters of every wait, for `call.only_known`."""
MAX_READER_CHARACTERS = 60
_Found = TypeVar("_Found")


def wait_on_feed(
    call: Call,
    feed: str,
    *,
    look: Callable[[int], _Found | None],
    position_of: Callable[[_Found], int],
    answer: Callable[[_Found | None], Answer],
) -> Answer:
    """Block until there is something new, then answer all that came since; when the time is up, that there is nothing.

    With `?after=`, what came after that cursor. Without, what came since this reader (`?reader=`) was last handed
    something; the remembered place moves only when the answer went to a client that was still there.

    Args:
        feed: Name of the caller's feed.
        look: What is new after a position; None while there is nothing.
        position_of: The newest position in what was found.
        answer: Makes the answer of what was found; its body gets `cursor`.
    """
    start, reader = _start(call, feed), _reader(call)
    found = call.waits.until(call.party, lambda: look(start), timeout_s(call), call.is_connected)
    position = start if found is None else position_of(found)
    given = answer(found)
    moves = found is not None and call.text("after") is None

    def handed_over() -> None:
        if moves:
            _remember(call, feed, reader, position)
        if given.on_handed_over is not None:
            given.on_handed_over()

    cursor = make_cursor(call.endpoint.secret("cursors"), call.party, feed, position)
    return replace(given, body={**given.body, "cursor": cursor}, on_handed_over=handed_over)


def _start(call: Call, feed: str) -> int:
    after = call.text("after")
    if after is not None:
        return read_cursor(call.endpoint.secret("cursors"), call.party, feed, after)
    with call.endpoint.database.transaction() as tx:
        return reader_position(tx, call.party, feed, _reader(call))


def _reader(call: Call) -> str:
    reader = call.text("reader") or ""
    if len(reader) > MAX_READER_CHARACTERS or not reader.isprintable():
        raise Malformed(
            "invalid reader", [Finding("bad_type", "/reader", "reader must have at most 60 characters, all printable")]
        )
    return reader


def _remember(call: Call, feed: str, reader: str, position: int) -> None:
    with call.endpoint.database.transaction() as tx:
        move_reader(tx, party=call.party, name=feed, reader=reader, position=position)
