"""Event delivery: a durable JetStream consumer, an HTTP POST, and what became of it.

The function says the outcome by a header, not by the status alone. `done` and `refused` end a message. Anything else is
our trouble, and the message comes again with growing delay:
- `failed`, or a connection lost while the function works, is an attempt. After many attempts (`tps.endpoint.attempts`)
  the message becomes a dead letter.
- An answer without an outcome (a 404, 502 or 503 of a gateway in between), a refused connection or a timeout means that
  the function was not reached. This is no attempt: an outage of any length uses up none.
- An emergency is bounded by its time to live, not by attempts.

No decision depends on the memory of this process: the broker keeps the attempts, and the time at which it stored the
message. Ticks for functions that stack.yml marks are sent from here, too: nothing ticks in a function.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import structlog

from tps.endpoint.attempts import attempts_so_far, count_attempt
from tps.endpoint.outcomes import OUTCOME_HEADER, Reply
from tps.host.logs import configure_logs
from tps.host.settings import GroupSettings, SettingMissing, Settings
from tps.host.stack import FunctionEntry, load_stack
from tps.mades.subjects import ATTEMPTS_HEADER, REASON_HEADER, TICK, consumer_name, dead_subject, parse_subject
from tps.mades.types import EMERGENCY_TIME_TO_LIVE, LIMIT_UNFORESEEN

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

STREAM = "MADES"
SLOTS = 8
EMERGENCY_SLOTS = 48
_LOST = (httpx2.ReadError, httpx2.RemoteProtocolError)
_FETCH_S = 20.0
_PROGRESS_S = 3.0
_FINISH_S = 10.0
_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 60.0
_MAX_EMERGENCY_DELAY_S = 3.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Topic:
    """One consumer and the function it wakes."""

    function: FunctionEntry
    group: GroupSettings
    type: str

    @property
    def consumer(self) -> str:
        return consumer_name(self.group.name, self.type)

    @property
    def is_urgent(self) -> bool:
        """True if the messages are emergencies."""
        return self.type == LIMIT_UNFORESEEN

    @property
    def slots(self) -> int:
        """How many deliveries may be under way at once; emergencies do not stand in line."""
        return EMERGENCY_SLOTS if self.is_urgent else SLOTS

    def delay_s(self, attempt: int) -> float:
        """How long to wait after a delivery (1 for the first): doubling, up to a minute, 3 s for emergencies."""
        most = _MAX_EMERGENCY_DELAY_S if self.is_urgent else _MAX_DELAY_S
        return min(_FIRST_DELAY_S * 2.0 ** min(attempt - 1, 20), most)

    def is_given_up(self, attempts: int, stored_at: datetime, most_attempts: int) -> bool:
        """Whether a message that has not ended becomes a dead letter.

        Args:
            attempts: How often the function failed.
            stored_at: When the broker took the message; the broker deletes any message after 14 days.
            most_attempts: After so many a message that is no emergency is given up.
        """
        if self.is_urgent:
            return datetime.now(UTC) - stored_at >= EMERGENCY_TIME_TO_LIVE
        return attempts >= most_attempts


def topics_of(stack: tuple[FunctionEntry, ...], settings: Settings) -> list[Topic]:
    """Every consumer of the groups that this deployment runs."""
    return [
        Topic(entry, group, message_type)
        for entry in stack
        for kind, message_type in entry.topics
        for group in settings.groups.values()
        if group.kind == kind
    ]


class Delivery:
    """The loops of one event delivery process."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient):
        self._settings = settings
        self._http = http
        self._clients: dict[str, Client] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stack: tuple[FunctionEntry, ...]) -> None:
        """Deliver and tick until cancelled; then finish what is under way, and leave nothing asked for."""
        topics = topics_of(stack, self._settings)
        kinds = {group.kind for group in self._settings.groups.values()}
        try:
            for group in {topic.group.name: topic.group for topic in topics}.values():
                self._clients[group.name] = await self._connect(group)
            async with asyncio.TaskGroup() as tasks:
                for topic in topics:
                    tasks.create_task(self._consume(topic))
                for entry in stack:
                    if entry.tick_s and kinds & set(entry.groups):
                        tasks.create_task(self._tick(entry))
        finally:
            await self._close()

    async def _close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=_FINISH_S)
        for client in self._clients.values():
            await client.close()

    async def _connect(self, group: GroupSettings) -> Client:
        import nats

        return await nats.connect(
            self._settings.nats_url,
            user=group.nats_user,
            password=group.nats_password,
            inbox_prefix=f"_INBOX_{group.name}",
            name=f"tps event delivery {group.name}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            ping_interval=5,  # as tps.stores.mailbox
            error_cb=_note_error,
        )

    async def _consume(self, topic: Topic) -> None:
        """Take messages as slots come free; whatever the broker has to say against it, try again."""
        slots = asyncio.Semaphore(topic.slots)
        while True:
            try:
                subscription = (
                    await self._clients[topic.group.name]
                    .jetstream()
                    .pull_subscribe_bind(consumer=topic.consumer, stream=STREAM)
                )
                await self._take(topic, subscription, slots)
            except _broker_errors() as error:
                _log.warning("consumer interrupted", consumer=topic.consumer, error=type(error).__name__)
                await asyncio.sleep(1)

    async def _take(self, topic: Topic, subscription: Any, slots: asyncio.Semaphore) -> None:
        import nats.errors

        # The library can return a message that arrived together with the cancellation, and lose the cancellation.
        while not _is_cancelled():
            await slots.acquire()
            try:
                messages = await subscription.fetch(1, timeout=_FETCH_S)
            except (TimeoutError, nats.errors.TimeoutError):
                slots.release()
                continue
            except BaseException:
                slots.release()
                raise
            for message in messages:
                task = asyncio.create_task(self._deliver(topic, message))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                task.add_done_callback(lambda _done: slots.release())
        raise asyncio.CancelledError

    async def _deliver(self, topic: Topic, message: Msg) -> None:
        progress = asyncio.create_task(_keep_alive(message))
        try:
            reply = await self._post(topic.function, message.data, _headers(message))
        finally:
            progress.cancel()
        try:
            await self._settle(topic, message, reply)
        except _broker_errors() as error:
            _log.warning("outcome not told to the broker", consumer=topic.consumer, error=type(error).__name__)

    async def _settle(self, topic: Topic, message: Msg, reply: Reply) -> None:
        if reply.has_ended:
            await message.ack()
            return
        stream, seen = self._clients[topic.group.name].jetstream(), message.metadata
        attempts = await (count_attempt if reply.is_attempt else attempts_so_far)(stream, message)
        if topic.is_given_up(attempts, seen.timestamp, self._settings.delivery_attempts):
            await self._bury(topic, message, attempts, reply)
        else:
            await message.nak(delay=topic.delay_s(seen.num_delivered))

    async def _bury(self, topic: Topic, message: Msg, attempts: int, reply: Reply) -> None:
        """To the dead letters, and only then away from the queue."""
        way = parse_subject(message.subject)
        headers = {**(message.headers or {}), ATTEMPTS_HEADER: str(attempts), REASON_HEADER: str(reply)}
        headers["Nats-Msg-Id"] = f"dead-{headers.get('Nats-Msg-Id', message.metadata.sequence.stream)}"
        stream = self._clients[topic.group.name].jetstream()
        await stream.publish(dead_subject(way.group, way.type, way.receiver, way.sender), message.data, headers=headers)
        told = {"message_id": headers.get("ce-id"), "attempts": attempts, "reason": str(reply)}
        _log.error("dead letter", consumer=topic.consumer, **told)
        await message.term()

    async def _post(self, function: FunctionEntry, data: bytes, headers: dict[str, str]) -> Reply:
        """What the function answers."""
        url = self._settings.function_url.format(function=function.deployed_name)
        headers |= {"Authorization": f"Bearer {self._settings.delivery_token}"}
        try:
            response = await self._http.post(url, content=data, headers=headers)
        except httpx2.HTTPError as error:
            _log.warning("function not reached", function=function.name, error=type(error).__name__)
            return Reply(function.name, is_lost=isinstance(error, _LOST))
        reply = Reply(function.name, response.status_code, response.headers.get(OUTCOME_HEADER))
        if not reply.has_ended:
            _log.warning("function in trouble", function=function.name, status=response.status_code)
        return reply

    async def _tick(self, function: FunctionEntry) -> None:
        assert function.tick_s
        headers = {"ce-specversion": "1.0", "ce-type": TICK, "ce-source": "/delivery", "ce-id": "tick"}
        while True:
            await asyncio.sleep(function.tick_s)
            await self._post(function, b"", dict(headers))


def _headers(message: Msg) -> dict[str, str]:
    """The CloudEvent's attributes; its subject is what the broker says, not what a sender wrote."""
    given = {name.lower(): value for name, value in (message.headers or {}).items()}
    headers = {name: value for name, value in given.items() if name.startswith("ce-") and value.isascii()}
    headers["content-type"] = headers.pop("ce-datacontenttype", "application/octet-stream")
    return headers | {"ce-subject": message.subject, "ce-type": headers.get("ce-type", "mades")}


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _keep_alive(message: Msg) -> None:
    """Tell the broker that a slow delivery is still under way."""
    while True:
        await asyncio.sleep(_PROGRESS_S)
        await message.in_progress()


async def _note_error(error: Exception) -> None:
    _log.warning("broker", error=type(error).__name__)


def _broker_errors() -> tuple[type[BaseException], ...]:
    import nats.errors
    import nats.js.errors

    return (nats.errors.Error, nats.js.errors.Error, OSError, asyncio.TimeoutError)


async def _main(settings: Settings) -> None:
    limits = httpx2.Limits(max_connections=400, max_keepalive_connections=100, keepalive_expiry=30)
    async with httpx2.AsyncClient(timeout=httpx2.Timeout(300, connect=5), limits=limits) as http:
        task = asyncio.create_task(Delivery(settings, http).run(load_stack()))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return


def main() -> int:
    """Deliver until SIGTERM."""
    configure_logs()
    try:
        settings = Settings.from_env(os.environ)
    except SettingMissing as error:
        print(f"tps: {error}", file=sys.stderr)
        return 2
    asyncio.run(_main(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
