"""Wait for something that another process will store: subscribe, look, wait, look again.

Only the store counts. A wake-up is a hint, and a missed wake-up costs at most five seconds. No database connection is
held while waiting.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tps.errors import Finding, Malformed, StoreAway, Unavailable
from tps.stores.mailbox import Mailbox

if TYPE_CHECKING:
    from tps.rest.function import Call

MAX_WAIT_S = 55
LOOK_AGAIN_S = 5.0
_CONNECTION_CHECK_S = 1.0
_T = TypeVar("_T")


def timeout_s(call: Call, default: int = 30) -> float:
    """Return `?timeout=` of a waiting call: whole seconds, 0 to 55.

    Raises:
        Malformed: `bad_type` at `/timeout`.
    """
    text = call.text("timeout")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_WAIT_S):
        raise Malformed(
            "invalid timeout",
            [Finding("bad_type", "/timeout", "timeout must be a whole number of seconds from 0 to 55")],
        )
    return int(text)


class TooManyWaiting(Unavailable):
    """All places for waiting calls are taken. The caller must try again, or the platform operator adds replicas."""

    problem_type = "urn:tps:problem:too-many-waiting"
    title = "too many waiting calls"


@dataclass(frozen=True, slots=True)
class _Waiter(Generic[_T]):
    """One waiting call: its party, what it looks for, and its deadline in monotonic seconds."""

    party: str
    look: Callable[[], _T | None]
    deadline: float
    is_connected: Callable[[], bool]


class Waits:
    """The waiting calls of one group in one process, behind one wake subscription.

    Args:
        mailbox: Delivers the wake-ups.
        places: How many calls may wait at once, so that threads remain for other calls.
    """

    def __init__(self, mailbox: Mailbox, places: int):
        self._mailbox = mailbox
        self._places = threading.BoundedSemaphore(places)
        self._changed = threading.Condition()
        self._heard: defaultdict[str, int] = defaultdict(int)
        self._is_subscribed = False

    def until(
        self, party: str, look: Callable[[], _T | None], timeout_s: float, is_connected: Callable[[], bool]
    ) -> _T | None:
        """Look until there is something, until the time-out, or until the client has gone.

        Args:
            party: The party whose wake-ups count.
            look: Returns None while there is nothing.
            timeout_s: Up to 55. With 0, `look` runs once.
            is_connected: Returns False if the client has gone. It runs about every second.

        Raises:
            TooManyWaiting: No place is free.
        """
        self._subscribe()
        waiter = _Waiter(party, look, time.monotonic() + timeout_s, is_connected)
        heard = self._heard[party]
        result = look()
        if result is not None or timeout_s <= 0:
            return result
        if not self._places.acquire(blocking=False):
            raise TooManyWaiting("too many calls are waiting; try again later")
        try:
            return self._wait(waiter, heard)
        finally:
            self._places.release()

    def _wait(self, waiter: _Waiter[_T], heard: int) -> _T | None:
        while time.monotonic() < waiter.deadline and waiter.is_connected():
            heard = self._sleep(waiter, heard)
            result = waiter.look()
            if result is not None:
                return result
        return None

    def _sleep(self, waiter: _Waiter[_T], heard: int) -> int:
        """Sleep until a new wake-up, the next look, or the client has gone. Return the number of wake-ups so far."""
        until = min(waiter.deadline, time.monotonic() + LOOK_AGAIN_S)
        with self._changed:
            while self._heard[waiter.party] == heard and (left := until - time.monotonic()) > 0:
                if not waiter.is_connected():
                    break
                self._changed.wait(min(left, _CONNECTION_CHECK_S))
            return self._heard[waiter.party]

    def _subscribe(self) -> None:
        with self._changed:
            if self._is_subscribed:
                return
            self._is_subscribed = True
        try:
            self._mailbox.on_wake(self._on_wake)
        except StoreAway:
            with self._changed:
                self._is_subscribed = False

    def _on_wake(self, party: str) -> None:
        with self._changed:
            self._heard[party] += 1
            self._changed.notify_all()
