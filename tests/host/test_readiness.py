"""Readiness is one shared answer (docs/requirements.md, NF2): many probes query each store once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tps.host.readiness import Readiness

DEADLINE_S = 10


class Store:
    """A store that counts its probes, and answers when the test permits."""

    def __init__(self, is_there: bool = True):
        self.is_there, self.asked = is_there, 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def probe(self) -> bool:
        self.asked += 1
        assert self.may_answer.wait(DEADLINE_S)
        return self.is_there


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_process_is_ready_when_every_store_answers() -> None:
    assert Readiness([Store().probe, Store().probe]).is_ready()
    assert not Readiness([Store().probe, Store(is_there=False).probe]).is_ready()


def test_many_probes_ask_each_store_once() -> None:
    store = Store()
    readiness = Readiness([store.probe], clock=Clock())

    assert all(readiness.is_ready() for _ in range(1_000))

    assert store.asked == 1


def test_while_one_probe_waits_for_a_store_the_others_are_answered() -> None:
    store = Store()
    store.may_answer.clear()
    readiness = Readiness([store.probe], clock=Clock())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(readiness.is_ready)
        while not store.asked:
            assert not first.done()

        assert [readiness.is_ready() for _ in range(50)] == [False] * 50

        store.may_answer.set()
        assert first.result(DEADLINE_S)
    assert store.asked == 1
    assert readiness.is_ready()


def test_a_store_that_comes_back_is_seen_when_the_answer_is_old() -> None:
    clock, store = Clock(), Store(is_there=False)
    readiness = Readiness([store.probe], kept_s=1, clock=clock)
    assert not readiness.is_ready()
    store.is_there = True

    assert not readiness.is_ready()
    clock.now = 1.0
    assert readiness.is_ready()
    store.is_there = False
    clock.now = 2.0
    assert not readiness.is_ready()


def test_a_probe_that_breaks_keeps_nobody_from_looking_again() -> None:
    clock, store = Clock(), Store()

    def breaks() -> bool:
        if store.is_there:
            raise RuntimeError
        return True

    readiness = Readiness([breaks], clock=clock)
    try:
        readiness.is_ready()
    except RuntimeError:
        store.is_there = False
    assert readiness.is_ready()
