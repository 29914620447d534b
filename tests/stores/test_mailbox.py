"""The broker as a group sees it: storage, dropped repeats, large payloads, wake-ups, and an unavailable broker."""

import asyncio
import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager

import nats
import pytest

from tests.support.halting import halted
from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL, at_once, eventually, mailbox
from tps.errors import StoreAway
from tps.local.embedded.ports import free_ports
from tps.local.embedded.stack import LocalStack
from tps.mades.ids import new_id
from tps.mades.subjects import message_subject
from tps.stores.mailbox import LargeAddress, Letter, Mailbox, _loop, _made_loop


@pytest.fixture
def agr(local: LocalStack) -> Iterator[Mailbox]:
    box = mailbox(local, "agr", timeout_s=3)
    yield box
    box.close()


@pytest.fixture
def tps(local: LocalStack) -> Iterator[Mailbox]:
    box = mailbox(local, "tps", timeout_s=3)
    yield box
    box.close()


def letter(message_id: str | None = None, *, type: str = "TPS-ASSET", data: bytes = b"envelope") -> Letter:
    """Return a letter from an operator to the platform."""
    message_id = message_id or new_id()
    return Letter(message_subject("tps", type, PLATFORM, OPERATOR), data, message_id, {"ce-id": message_id})


def stored(stack: LocalStack, type: str) -> int:
    """Return the number of messages of a type that wait for the platform."""
    url, user, password = stack.nats_admin

    async def count() -> int:
        client = await nats.connect(url, user=user, password=password)
        try:
            subject = message_subject("tps", type, PLATFORM, OPERATOR)
            info = await client.jetstream().stream_info("MADES", subjects_filter=subject)
            return (info.state.subjects or {}).get(subject, 0)
        finally:
            await client.close()

    return asyncio.run(count())


def address(sender: str = OPERATOR, receiver: str = PLATFORM, group: str = "tps") -> LargeAddress:
    return LargeAddress(group, receiver, sender, new_id())


def test_what_was_published_is_stored_once(local: LocalStack, agr: Mailbox) -> None:
    letters = [letter(type="TPS-SCHEDULE") for _ in range(300)]
    before = stored(local, "TPS-SCHEDULE")

    agr.publish(letters)
    agr.publish(letters[:50])

    assert stored(local, "TPS-SCHEDULE") == before + 300


def test_nothing_to_publish_asks_nobody() -> None:
    Mailbox("nats://127.0.0.1:1", "agr", "", "agr").publish([])


def test_threads_share_one_connection(local: LocalStack, agr: Mailbox) -> None:
    before = stored(local, "TPS-SCHEDULE")

    at_once(*[lambda: agr.publish([letter(type="TPS-SCHEDULE")])] * 16)

    assert stored(local, "TPS-SCHEDULE") == before + 16
    assert subscriptions(agr) == 1


def subscriptions(box: Mailbox) -> int:
    """Return the number of subscriptions of the connection."""
    return len(box._connected().client._subs)


def test_publishing_again_and_again_keeps_one_subscription(agr: Mailbox) -> None:
    for _ in range(20):
        agr.publish([letter(type="TPS-SCHEDULE")])

    assert subscriptions(agr) == 1


def test_a_letter_under_anothers_code_is_not_stored(local: LocalStack) -> None:
    box = mailbox(local, "dso", timeout_s=0.5)

    with pytest.raises(StoreAway):
        box.publish([letter()])
    box.close()


@pytest.mark.parametrize("size", [1, 524_288, 524_289, 17_000_000])
def test_a_large_payload_is_read_back_whole(agr: Mailbox, tps: Mailbox, size: int) -> None:
    data, where = os.urandom(size), address()

    chunks = agr.put_large(where, data, ttl_s=60)

    assert chunks == -(-size // 524_288)
    assert tps.get_large(where, chunks) == data


def test_a_large_payload_of_which_a_chunk_is_missing_is_none(agr: Mailbox, tps: Mailbox) -> None:
    where = address()
    chunks = agr.put_large(where, b"x" * 600_000, ttl_s=60)

    assert tps.get_large(where, chunks + 1) is None
    assert tps.get_large(address(), 1) is None


def test_a_large_payload_goes_when_its_time_is_up(agr: Mailbox, tps: Mailbox) -> None:
    where = address()
    agr.put_large(where, b"x", ttl_s=1)
    assert tps.get_large(where, 1) == b"x"

    assert eventually(lambda: tps.get_large(where, 1) is None)


def test_a_large_payload_is_read_by_its_receivers_group_only(local: LocalStack, agr: Mailbox) -> None:
    where = address()
    agr.put_large(where, b"for the platform", ttl_s=60)
    dso = mailbox(local, "dso", timeout_s=0.5)

    for stranger in (dso, mailbox(local, "agr", timeout_s=0.5)):
        with pytest.raises(StoreAway):
            stranger.get_large(where, 1)
        stranger.close()


def test_a_wake_up_is_heard_by_all_of_its_group_and_no_other(local: LocalStack) -> None:
    boxes = {name: mailbox(local, name[:3]) for name in ("agr 1", "agr 2", "dso")}
    heard: dict[str, queue.Queue[str]] = {name: queue.Queue() for name in boxes}
    for name, box in boxes.items():
        box.on_wake(heard[name].put)

    boxes["agr 1"].wake([OPERATOR, RIVAL])
    boxes["dso"].wake([GRID])

    assert [heard["agr 1"].get(timeout=5) for _ in range(2)] == [OPERATOR, RIVAL]
    assert [heard["agr 2"].get(timeout=5) for _ in range(2)] == [OPERATOR, RIVAL]
    assert heard["dso"].get(timeout=5) == GRID
    assert all(each.empty() for each in heard.values())
    for box in boxes.values():
        box.close()


def test_a_broker_that_was_never_there_is_away_at_once_for_all_who_ask() -> None:
    (port,) = free_ports(1)
    box = Mailbox(f"nats://127.0.0.1:{port}", "agr", "wrong", "agr")

    def ask() -> None:
        with pytest.raises(StoreAway):
            box.publish([letter()])

    at_once(*[ask] * 8)
    assert not box.can_connect()


def test_a_wrong_password_is_away(local: LocalStack) -> None:
    box = Mailbox(local.nats_url, "agr", "wrong", "agr", timeout_s=2)

    assert not box.can_connect()


@contextmanager
def stopped(stack: LocalStack) -> Iterator[None]:
    """Stop the broker, and start it on the same port afterwards."""
    stack.stop_processes(["nats"])
    try:
        yield
    finally:
        stack.start(stack.nats.prepare())
        stack.wait_ready(["nats"])


def test_a_broker_that_went_away_is_away_and_works_again_once_back(local: LocalStack, agr: Mailbox) -> None:
    heard: queue.Queue[str] = queue.Queue()
    agr.on_wake(heard.put)
    kept = letter(type="TPS-SCHEDULE")
    agr.publish([kept])

    with stopped(local):
        eventually(lambda: not agr.can_connect())
        with pytest.raises(StoreAway):
            agr.publish([letter()])

    assert eventually(agr.can_connect)
    agr.publish([kept, letter(type="TPS-SCHEDULE")])
    agr.wake([OPERATOR])
    assert heard.get(timeout=5) == OPERATOR


def test_a_broker_that_answers_nothing_is_away(local: LocalStack) -> None:
    box = mailbox(local, "agr", timeout_s=0.5)
    box.publish([letter()])

    with halted(local, "nats"):
        (is_there,) = at_once(box.can_connect)
        with pytest.raises(StoreAway):
            box.publish([letter()])

    assert not is_there
    assert eventually(box.can_connect)
    box.close()


def test_work_that_was_given_up_does_not_go_on_in_the_background(local: LocalStack) -> None:
    box = mailbox(local, "agr", timeout_s=0.2)
    box.publish([letter()])

    with halted(local, "nats"), pytest.raises(StoreAway):
        box.publish([letter()])

    assert eventually(lambda: not any("_publish" in repr(task) for task in asyncio.all_tasks(_loop())))
    box.close()


def test_threads_that_come_first_together_share_one_loop() -> None:
    """With two loops, one of them would wait for ever for events of the other."""
    _made_loop.cache_clear()

    loops = at_once(*[_loop] * 8)

    assert len({id(loop) for loop in loops}) == 1


def test_a_connection_that_the_broker_refused_is_made_again_and_listens_again(agr: Mailbox) -> None:
    """The library closes a connection for good when its user is refused, as while users are provisioned."""
    heard: queue.Queue[str] = queue.Queue()
    agr.on_wake(heard.put)
    client = agr._connected().client
    asyncio.run_coroutine_threadsafe(client._process_err("'Authorization Violation'"), _loop()).result(5)
    eventually(lambda: client.is_closed)

    assert eventually(agr.can_connect)

    agr.wake([OPERATOR])
    assert heard.get(timeout=5) == OPERATOR
