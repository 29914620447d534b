"""Event delivery: takes messages from durable JetStream consumers, posts them to functions, and settles them.

A response header states the outcome, because the HTTP status alone is ambiguous. `done` and `refused` end a message.
After any other response, the message is delivered again with growing delay:
- `failed`, or a connection lost while the function works, is an attempt. After many attempts (`tps.endpoint.attempts`)
  the message becomes a dead letter.
- A response without an outcome (a 404, 502 or 503 of a gateway in between), a refused connection or a timeout means
that
  the function was not reached. This is not an attempt, so an outage of any length uses up no attempts.
- The time to live bounds an emergency; attempts do not.

No decision depends on the memory of this process: the broker stores the attempts and the time at which it took the
message. This process also sends ticks to the functions that stack.yml marks, because functions have no timers.
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
from tps.stores.broker_addresses import broker_addresses

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
    """A consumer and the function that takes its messages."""

    function: FunctionEntry
    group: GroupSettings
    type: str

    @property
    def consumer(self) -> str:
        return consumer_name(self.group.name, self.type)

    @property
    def is_urgent(self) -> bool:
        """Return True if the messages are emergencies."""
        return self.type == LIMIT_UNFORESEEN

    @property
    def slots(self) -> int:
        """Return the maximum number of parallel deliveries. Emergencies have more, so that they do not queue."""
        return EMERGENCY_SLOTS if self.is_urgent else SLOTS

    def delay_s(self, attempt: int) -> float:
        """Return the delay after a delivery (1 is the first): it doubles up to a minute, or 3 s for emergencies."""
        most = _MAX_EMERGENCY_DELAY_S if self.is_urgent else _MAX_DELAY_S
        return min(_FIRST_DELAY_S * 2.0 ** min(attempt - 1, 20), most)

    def is_given_up(self, attempts: int, stored_at: datetime, most_attempts: int) -> bool:
        """Return True if an unfinished message becomes a dead letter.

        Args:
            attempts: Number of failed attempts.
            stored_at: When the broker took the message. The broker deletes any message after 14 days.
            most_attempts: Maximum number of attempts for messages that are not emergencies.
        """
        if self.is_urgent:
            return datetime.now(UTC) - stored_at >= EMERGENCY_TIME_TO_LIVE
        return attempts >= most_attempts


def topics_of(stack: tuple[FunctionEntry, ...], settings: Settings) -> list[Topic]:
    """Return every consumer of the groups of this deployment."""
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
        self._connecting = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stack: tuple[FunctionEntry, ...]) -> None:
        """Deliver and tick until cancelled; then finish the current deliveries."""
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
            broker_addresses(self._settings.nats_url),
            user=group.nats_user,
            password=group.nats_password,
            inbox_prefix=f"_INBOX_{group.name}",
            name=f"tps event delivery {group.name}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            ping_interval=5,  # as tps.stores.mailbox
            error_cb=_note_error,
        )

    async def _open_client(self, group: GroupSettings) -> Client:
        """Return the connection of a group. Replace it if the library closed it because the broker refused the user."""
        async with self._connecting:
            if self._clients[group.name].is_closed:
                self._clients[group.name] = await self._connect(group)
        return self._clients[group.name]

    async def _consume(self, topic: Topic) -> None:
        """Take a message whenever a slot is free, and retry after any error of the broker."""
        slots = asyncio.Semaphore(topic.slots)
        while True:
            try:
                stream = (await self._open_client(topic.group)).jetstream()
                subscription = await stream.pull_subscribe_bind(consumer=topic.consumer, stream=STREAM)
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
            _log.warning("outcome not sent to the broker", consumer=topic.consumer, error=type(error).__name__)

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
        """Publish the message as a dead letter first, and only then end it in its queue."""
        subject = parse_subject(message.subject)
        headers = {**(message.headers or {}), ATTEMPTS_HEADER: str(attempts), REASON_HEADER: str(reply)}
        headers["Nats-Msg-Id"] = f"dead-{headers.get('Nats-Msg-Id', message.metadata.sequence.stream)}"
        stream = self._clients[topic.group.name].jetstream()
        await stream.publish(
            dead_subject(subject.group, subject.type, subject.receiver, subject.sender), message.data, headers=headers
        )
        details = {"message_id": headers.get("ce-id"), "attempts": attempts, "reason": str(reply)}
        _log.error("dead letter", consumer=topic.consumer, **details)
        await message.term()

    async def _post(self, function: FunctionEntry, data: bytes, headers: dict[str, str]) -> Reply:
        """Post to the function and return its reply."""
        url = self._settings.function_url.format(function=function.deployed_name)
        headers |= {"Authorization": f"Bearer {self._settings.delivery_token}"}
        try:
            response = await self._http.post(url, content=data, headers=headers)
        except httpx2.HTTPError as error:
            _log.warning("function unreachable", function=function.name, error=type(error).__name__)
            return Reply(function.name, is_lost=isinstance(error, _LOST))
        reply = Reply(function.name, response.status_code, response.headers.get(OUTCOME_HEADER))
        if not reply.has_ended:
            _log.warning("function failed", function=function.name, status=response.status_code)
        return reply

    async def _tick(self, function: FunctionEntry) -> None:
        assert function.tick_s
        headers = {"ce-specversion": "1.0", "ce-type": TICK, "ce-source": "/delivery", "ce-id": "tick"}
        while True:
            await asyncio.sleep(function.tick_s)
            await self._post(function, b"", dict(headers))


def _headers(message: Msg) -> dict[str, str]:
    """Return the attributes of the CloudEvent. The subject is the broker's, not a header that a sender wrote."""
    lowered = {name.lower(): value for name, value in (message.headers or {}).items()}
    headers = {name: value for name, value in lowered.items() if name.startswith("ce-") and value.isascii()}
    headers["content-type"] = headers.pop("ce-datacontenttype", "application/octet-stream")
    return headers | {"ce-subject": message.subject, "ce-type": headers.get("ce-type", "mades")}


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _keep_alive(message: Msg) -> None:
    """Tell the broker that a slow delivery is still running."""
    while True:
        await asyncio.sleep(_PROGRESS_S)
        await message.in_progress()


async def _note_error(error: Exception) -> None:
    _log.warning("broker error", error=type(error).__name__)


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
