"""Waiting calls in one process (`tps.rest.waiting`): wake-ups are hints, and the store decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.world import eventually
from tps.errors import StoreAway
from tps.rest.waiting import TooManyWaiting, Waits

AT_ONCE_S = 2.0


class Wakes:
    """The wake-ups of a mailbox, triggered by the test."""

    def __init__(self, is_away: bool = False):
        self.is_away = is_away
        self.subscriptions: list[Callable[[str], None]] = []

    def on_wake(self, callback: Callable[[str], None]) -> None:
        if self.is_away:
            raise StoreAway("the message broker is temporarily unavailable")
        self.subscriptions.append(callback)

    def wake(self, party: str) -> None:
        for callback in self.subscriptions:
            callback(party)


class Shelf:
    """A store with one value; signals each look."""

    def __init__(self) -> None:
        self.thing: str | None = None
        self.looked = threading.Semaphore(0)

    def look(self) -> str | None:
        found = self.thing
        self.looked.release()
        return found


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def here() -> bool:
    return True


def test_what_is_there_is_returned_without_waiting() -> None:
    shelf = Shelf()
    shelf.thing = "limit"

    assert Waits(Wakes(), 1).until("alpha", shelf.look, 30, here) == "limit"


def test_nothing_is_returned_when_the_time_is_up() -> None:
    began = time.monotonic()

    assert Waits(Wakes(), 1).until("alpha", Shelf().look, 0.2, here) is None
    assert 0.2 <= time.monotonic() - began < AT_ONCE_S


def test_a_wake_up_makes_it_look_again_at_once(pool: ThreadPoolExecutor) -> None:
    wakes, shelf = Wakes(), Shelf()
    waiting = pool.submit(Waits(wakes, 1).until, "alpha", shelf.look, 30, here)
    shelf.looked.acquire(timeout=AT_ONCE_S)

    shelf.thing = "limit"
    wakes.wake("alpha")

    assert waiting.result(AT_ONCE_S) == "limit"


def test_what_comes_between_looking_and_sleeping_is_not_missed() -> None:
    """The wake-up arrives during the first look, before the call sleeps."""
    wakes, found = Wakes(), iter([None, "limit"])

    def look() -> str | None:
        thing = next(found)
        if thing is None:
            wakes.wake("alpha")
        return thing

    began = time.monotonic()

    assert Waits(wakes, 1).until("alpha", look, 30, here) == "limit"
    assert time.monotonic() - began < AT_ONCE_S


def test_a_wake_up_for_somebody_else_is_not_heard(pool: ThreadPoolExecutor) -> None:
    wakes, shelf = Wakes(), Shelf()
    waiting = pool.submit(Waits(wakes, 1).until, "alpha", shelf.look, 1, here)
    shelf.looked.acquire(timeout=AT_ONCE_S)

    wakes.wake("beta")

    assert waiting.result(AT_ONCE_S * 2) is None
    assert shelf.looked.acquire(blocking=False), "a last look when the time is up"
    assert not shelf.looked.acquire(blocking=False), "looked for beta's sake"


def test_a_missed_wake_up_costs_at_most_the_time_to_the_next_look(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tps.rest.waiting.LOOK_AGAIN_S", 0.1)
    shelf = Shelf()
    waiting = pool.submit(Waits(Wakes(is_away=True), 1).until, "alpha", shelf.look, 30, here)
    shelf.looked.acquire(timeout=AT_ONCE_S)

    shelf.thing = "limit"

    assert waiting.result(AT_ONCE_S) == "limit"


def test_a_client_that_has_gone_is_waited_for_no_longer(pool: ThreadPoolExecutor) -> None:
    shelf, is_here = Shelf(), threading.Event()
    is_here.set()
    waiting = pool.submit(Waits(Wakes(), 1).until, "alpha", shelf.look, 30, is_here.is_set)
    shelf.looked.acquire(timeout=AT_ONCE_S)

    is_here.clear()

    assert waiting.result(AT_ONCE_S) is None


def test_one_more_than_there_are_places_is_refused_and_places_come_back(pool: ThreadPoolExecutor) -> None:
    wakes, shelf = Wakes(), Shelf()
    waits = Waits(wakes, 1)
    waiting = pool.submit(waits.until, "alpha", shelf.look, 30, here)
    shelf.looked.acquire(timeout=AT_ONCE_S)

    eventually(lambda: _is_full(waits))
    shelf.thing = "limit"
    wakes.wake("alpha")

    assert waiting.result(AT_ONCE_S) == "limit"
    assert waits.until("beta", Shelf().look, 0.05, here) is None


def _is_full(waits: Waits) -> bool:
    try:
        waits.until("beta", Shelf().look, 0.01, here)
    except TooManyWaiting:
        return True
    return False


def test_a_look_that_fails_gives_its_place_back() -> None:
    waits = Waits(Wakes(), 1)
    looks = iter([None])

    def look() -> None:
        try:
            return next(looks)
        except StopIteration:
            raise StoreAway("the database is temporarily unavailable") from None

    waits._mailbox.on_wake(lambda _party: None)
    with pytest.raises(StoreAway):
        _woken_until(waits, look)

    assert waits.until("beta", Shelf().look, 0.05, here) is None


def _woken_until(waits: Waits, look: Callable[[], None]) -> None:
    """Wait with a wake-up that is already scheduled."""
    threading.Timer(0.05, lambda: waits._on_wake("alpha")).start()
    waits.until("alpha", look, 5, here)


def test_one_process_subscribes_once_and_tries_again_if_it_could_not() -> None:
    wakes = Wakes(is_away=True)
    waits = Waits(wakes, 1)
    waits.until("alpha", Shelf().look, 0, here)

    wakes.is_away = False
    for _ in range(3):
        waits.until("alpha", Shelf().look, 0, here)

    assert len(wakes.subscriptions) == 1
