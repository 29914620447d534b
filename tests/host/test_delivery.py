"""Event delivery on a real broker: three outcomes, growing delay, dead letters, ticks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import nats
import pytest

from tps.host import delivery
from tps.host.delivery import Delivery, Topic
from tps.host.settings import Settings
from tps.host.stack import FunctionEntry
from tps.local.embedded.ports import free_ports
from tps.local.embedded.stack import LocalStack, running_stack
from tps.mades.ids import new_id
from tps.mades.subjects import TICK, consumer_name, message_subject

BREAK = 0
FORESEEN, UNFORESEEN = "TPS-LIMIT-FORESEEN", "TPS-LIMIT-UNFORESEEN"
DSO, PLATFORM = "5790000000005", "5790000000029"
RELAY = FunctionEntry(
    name="relay_limit",
    groups=("tps",),
    routes=(),
    topics=(("tps", FORESEEN), ("tps", UNFORESEEN)),
    serves=("F6a",),
    tick_s=None,
    waits=False,
)


@dataclass
class Function:
    """A function as event delivery sees it: the received events, and prepared answers, of which the last repeats."""

    answers: list[tuple[int, str | None]]
    events: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def answer(self) -> tuple[int, str | None]:
        return self.answers[min(len(self.events), len(self.answers)) - 1]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("broker"), {"nats"}, consumers=RELAY.topics) as stack:
        stack.allow_component("dso", DSO)
        yield stack


@pytest.fixture
def function() -> Iterator[Function]:
    function = Function([(204, "done")])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            function.events.append({name.lower(): value for name, value in self.headers.items()})
            function.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, outcome = function.answer()
            if status == BREAK:
                self.close_connection = True
                return
            self.send_response(status)
            if outcome:
                self.send_header("TPS-Outcome", outcome)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    function.url = f"http://127.0.0.1:{server.server_port}/{{function}}"  # type: ignore[attr-defined]
    yield function
    server.shutdown()
    server.server_close()


def settings_of(broker: LocalStack, function: Function, attempts: int = 30) -> Settings:
    settings = Settings.from_env(broker.environment())
    return replace(settings, function_url=function.url, delivery_attempts=attempts)  # type: ignore[attr-defined]


@asynccontextmanager
async def delivering(settings: Settings, entry: FunctionEntry = RELAY) -> AsyncIterator[None]:
    async with httpx2.AsyncClient() as http:
        task = asyncio.create_task(Delivery(settings, http).run((entry,)))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def publish(broker: LocalStack, message_type: str = FORESEEN, data: bytes = b"sealed") -> str:
    url, user, password = broker.nats_admin
    client = await nats.connect(url, user=user, password=password)
    message_id = new_id()
    headers = {"Nats-Msg-Id": message_id, "ce-id": message_id, "ce-type": "mades", "ce-subject": "a lie"}
    await client.jetstream().publish(message_subject("tps", message_type, PLATFORM, DSO), data, headers=headers)
    await client.close()
    return message_id


async def stream_size(broker: LocalStack, stream: str) -> int:
    url, user, password = broker.nats_admin
    client = await nats.connect(url, user=user, password=password)
    info = await client.jetstream().stream_info(stream)
    await client.close()
    return info.state.messages


async def last_dead_letter(broker: LocalStack) -> dict[str, str]:
    url, user, password = broker.nats_admin
    client = await nats.connect(url, user=user, password=password)
    stream = client.jetstream()
    info = await stream.stream_info("DEAD")
    letter = await stream.get_msg("DEAD", seq=info.state.last_seq)
    await client.close()
    return dict(letter.headers or {})


async def until(look: Callable[[], Awaitable[bool]], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not await look():
            await asyncio.sleep(0.02)


def test_a_message_that_is_done_is_delivered_once_and_leaves_the_queue(broker: LocalStack, function: Function) -> None:
    async def story() -> str:
        async with delivering(settings_of(broker, function)):
            message_id = await publish(broker)
            await until(lambda: _is_empty(broker))
        return message_id

    message_id = asyncio.run(story())

    assert [event["ce-id"] for event in function.events] == [message_id]
    assert function.bodies == [b"sealed"]


def test_the_subject_of_an_event_is_what_the_broker_says_and_not_what_the_sender_wrote(
    broker: LocalStack, function: Function
) -> None:
    async def story() -> None:
        async with delivering(settings_of(broker, function)):
            await publish(broker)
            await until(lambda: _is_empty(broker))

    asyncio.run(story())

    assert function.events[0]["ce-subject"] == message_subject("tps", FORESEEN, PLATFORM, DSO)


@pytest.mark.parametrize("trouble", [(500, None), (404, None), (503, None), (204, None), (422, None), (200, "done")])
def test_anything_but_done_or_refused_is_our_trouble_and_comes_again(
    broker: LocalStack, function: Function, trouble: tuple[int, str | None]
) -> None:
    function.answers = [trouble, (204, "done")]

    async def story() -> None:
        async with delivering(settings_of(broker, function)):
            await publish(broker)
            await until(lambda: _is_empty(broker))

    asyncio.run(story())

    assert len(function.events) == 2


def test_a_refused_message_ends_without_another_attempt(broker: LocalStack, function: Function) -> None:
    function.answers = [(422, "refused")]

    async def story() -> None:
        async with delivering(settings_of(broker, function)):
            await publish(broker)
            await until(lambda: _is_empty(broker))

    asyncio.run(story())

    assert len(function.events) == 1


def test_a_message_that_always_fails_lies_with_the_dead_letters_after_its_attempts(
    broker: LocalStack, function: Function
) -> None:
    function.answers = [(500, "failed")]

    async def story() -> tuple[int, dict[str, str]]:
        dead = await stream_size(broker, "DEAD")
        async with delivering(settings_of(broker, function, attempts=3)):
            await publish(broker)
            await until(lambda: _is_empty(broker))
        return await stream_size(broker, "DEAD") - dead, await last_dead_letter(broker)

    buried, headers = asyncio.run(story())
    assert buried == 1
    assert headers["Tps-Attempts"] == "3"
    assert headers["Tps-Reason"] == "relay_limit: HTTP 500, outcome failed"
    assert len(function.events) == 3


@pytest.mark.parametrize("message_type", [FORESEEN, UNFORESEEN])
@pytest.mark.parametrize("answer", [(404, None), (500, None), (502, None), (503, None)])
def test_an_answer_of_a_gateway_in_between_uses_up_no_attempt(
    broker: LocalStack, function: Function, answer: tuple[int, str | None], message_type: str
) -> None:
    function.answers = [answer, answer, answer, (204, "done")]

    buried = asyncio.run(_buried_until_empty(broker, function, message_type))

    assert (buried, len(function.events)) == (0, 4)


def test_a_function_that_refuses_connections_uses_up_no_attempt(broker: LocalStack, function: Function) -> None:
    async def story() -> int:
        dead = await stream_size(broker, "DEAD")
        nowhere = f"http://127.0.0.1:{free_ports(1)[0]}/{{function}}"
        settings = settings_of(broker, function, attempts=1)
        async with delivering(replace(settings, function_url=nowhere)):
            await publish(broker, UNFORESEEN)
            await until(lambda: _was_redelivered(broker, UNFORESEEN))
        async with delivering(settings):
            await until(lambda: _is_empty(broker))
        return await stream_size(broker, "DEAD") - dead

    assert asyncio.run(story()) == 0
    assert len(function.events) == 1


def test_a_connection_that_breaks_while_the_function_works_is_an_attempt(
    broker: LocalStack, function: Function
) -> None:
    function.answers = [(BREAK, None)]

    buried = asyncio.run(_buried_until_empty(broker, function, FORESEEN))

    assert (buried, len(function.events)) == (1, 2)


def test_attempts_are_counted_across_restarts_and_apart_from_deliveries_that_reached_nobody(
    broker: LocalStack, function: Function
) -> None:
    function.answers = [(503, "failed"), (503, None), (503, None), (503, "failed")]

    async def story() -> dict[str, str]:
        async with delivering(settings_of(broker, function, attempts=2)):
            await publish(broker)
            await until(lambda: _holds(len(function.events) >= 2))
        async with delivering(settings_of(broker, function, attempts=2)):
            await until(lambda: _is_empty(broker), timeout_s=40)
        return await last_dead_letter(broker)

    assert asyncio.run(story())["Tps-Attempts"] == "2"
    assert len(function.events) == 4


def test_an_emergency_is_tried_however_often_its_function_fails(broker: LocalStack, function: Function) -> None:
    function.answers = [*[(500, "failed")] * 3, (204, "done")]

    buried = asyncio.run(_buried_until_empty(broker, function, UNFORESEEN))

    assert (buried, len(function.events)) == (0, 4)


def test_an_emergency_is_given_up_when_its_time_to_live_is_over(
    broker: LocalStack, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "EMERGENCY_TIME_TO_LIVE", timedelta(seconds=1))
    function.answers = [(503, None)]

    buried = asyncio.run(_buried_until_empty(broker, function, UNFORESEEN))

    assert buried == 1
    assert len(function.events) >= 2


def test_an_emergency_does_not_queue_behind_other_messages(broker: LocalStack, function: Function) -> None:
    function.answers = [(500, None)]

    async def story() -> None:
        async with delivering(settings_of(broker, function)):
            for _ in range(20):
                await publish(broker)
            await until(lambda: _holds(len(function.events) >= 8))
            emergency = await publish(broker, UNFORESEEN)
            await until(lambda: _holds(any(event["ce-id"] == emergency for event in function.events)), timeout_s=5)
        function.answers = [(204, "done")]
        async with delivering(settings_of(broker, function)):
            await until(lambda: _is_empty(broker), timeout_s=60)

    asyncio.run(story())


def test_delivery_stops_although_the_library_loses_the_cancellation(broker: LocalStack, function: Function) -> None:
    class Subscription:
        is_asked = asyncio.Event()

        async def fetch(self, _batch: int, timeout: float) -> list[Any]:
            if not self.is_asked.is_set():
                self.is_asked.set()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(timeout)
            await asyncio.sleep(0)
            return []

    async def story() -> None:
        settings, subscription = settings_of(broker, function), Subscription()
        async with httpx2.AsyncClient() as http:
            topic = Topic(RELAY, settings.groups["tps"], FORESEEN)
            taking = asyncio.create_task(Delivery(settings, http)._take(topic, subscription, asyncio.Semaphore(2)))
            async with asyncio.timeout(5):
                await subscription.is_asked.wait()
            taking.cancel()
            done, _ = await asyncio.wait({taking}, timeout=5)
        assert done
        assert taking.cancelled()

    asyncio.run(story())


def test_delivery_goes_on_after_the_library_closed_its_connection_for_good(
    broker: LocalStack, function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does so when the broker refuses the user, for example while users are provisioned."""
    monkeypatch.setattr(delivery, "_FETCH_S", 1.0)

    async def story() -> str:
        async with httpx2.AsyncClient() as http:
            running = Delivery(settings_of(broker, function), http)
            task = asyncio.create_task(running.run((RELAY,)))
            await until(lambda: _is_connected(running))
            await running._clients["tps"]._process_err("'Authorization Violation'")
            message_id = await publish(broker)
            try:
                await until(lambda: _is_empty(broker))
            finally:
                task.cancel()
                await asyncio.wait({task}, timeout=10)
        return message_id

    message_id = asyncio.run(story())

    assert [event["ce-id"] for event in function.events] == [message_id]


async def _is_connected(running: Delivery) -> bool:
    return "tps" in running._clients and running._clients["tps"].is_connected


def test_delays_grow_up_to_a_minute_and_for_emergencies_up_to_three_seconds(broker: LocalStack) -> None:
    group = Settings.from_env(broker.environment()).groups["tps"]
    planned, urgent = Topic(RELAY, group, FORESEEN), Topic(RELAY, group, UNFORESEEN)

    assert [planned.delay_s(attempt) for attempt in (1, 2, 3, 9)] == [0.5, 1, 2, 60]
    assert [urgent.delay_s(attempt) for attempt in (1, 2, 3, 4, 9)] == [0.5, 1, 2, 3, 3]


def test_functions_that_the_stack_marks_are_sent_ticks(broker: LocalStack, function: Function) -> None:
    async def story() -> None:
        async with delivering(settings_of(broker, function), replace(RELAY, tick_s=0.1)):
            await until(lambda: _holds(len(function.events) >= 3))

    asyncio.run(story())

    assert {event["ce-type"] for event in function.events} == {TICK}


async def _buried_until_empty(broker: LocalStack, function: Function, message_type: str) -> int:
    """Return how many dead letters one message makes if two attempts are allowed."""
    dead = await stream_size(broker, "DEAD")
    async with delivering(settings_of(broker, function, attempts=2)):
        await publish(broker, message_type)
        await until(lambda: _is_empty(broker))
    return await stream_size(broker, "DEAD") - dead


async def _was_redelivered(broker: LocalStack, message_type: str) -> bool:
    url, user, password = broker.nats_admin
    client = await nats.connect(url, user=user, password=password)
    info = await client.jetstream().consumer_info("MADES", consumer_name("tps", message_type))
    await client.close()
    return bool(info.num_redelivered)


async def _is_empty(broker: LocalStack) -> bool:
    return await stream_size(broker, "MADES") == 0


async def _holds(fact: bool) -> bool:
    return fact
