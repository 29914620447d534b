"""Wait on a feed: return what is new after the reader's position, and remember the new position."""

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
_News = TypeVar("_News")


def wait_on_feed(
    call: Call,
    feed: str,
    *,
    look: Callable[[int], _News | None],
    position_of: Callable[[_News], int],
    answer: Callable[[_News | None], Answer],
) -> Answer:
    """Wait until the feed has news, and answer them. At the time-out, answer that there are none.

    With `?after=`, the news begin after that cursor. Without it, they begin at the remembered position of the reader
    (`?reader=`). This position moves only when the answer went to a client that is still connected.

    Args:
        feed: Name of the caller's feed.
        look: Returns the news after a position, or None.
        position_of: Returns the newest position in the news.
        answer: Makes the answer. Its body gets the field `cursor`.
    """
    start, reader = _start(call, feed), _reader(call)
    news = call.waits.until(call.party, lambda: look(start), timeout_s(call), call.is_connected)
    position = start if news is None else position_of(news)
    given = answer(news)
    moves = news is not None and call.text("after") is None

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
