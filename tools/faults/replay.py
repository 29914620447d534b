"""Replay: every message that crossed the broker is sent again, later and in another order."""

import asyncio
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.faults.system import System
from tps.local.embedded.orphans import count_owed
from tps.local.embedded.stack import LocalStack
from tps.mades.ids import new_id

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

_TAKEN_WITHIN_S = 120.0
# Without the last two, the library retries a first connection for minutes, although a new broker has another port.
_ONCE: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0}


@dataclass(frozen=True)
class _Heard:
    subject: str
    data: bytes
    headers: dict[str, str]


class Replayer(threading.Thread):
    """Listens to the broker as its administrator; `replay` publishes all heard messages again in random order.

    The broker would drop a repeat with a known message id, so each repeat gets a new id. Receivers must find
    duplicates.
    """

    def __init__(self, system: System):
        super().__init__(name="replayer", daemon=True)
        self._system = system
        self._heard: list[_Heard] = []
        self._is_done = threading.Event()
        self._is_listening = threading.Event()

    def run(self) -> None:
        asyncio.run(self._listen())

    def wait_listening(self) -> None:
        """Wait until all further messages are heard; raises RuntimeError if this takes too long."""
        if not self._is_listening.wait(30):
            raise RuntimeError("cannot listen to the broker")

    def replay(self, seed: int) -> int:
        """Publish all heard messages again in random order, wait until all are handled, and return their number.

        Raises:
            RuntimeError: Some messages are not handled within two minutes.
        """
        self._is_done.set()
        self.join(30)
        shuffled = list(self._heard)
        random.Random(seed).shuffle(shuffled)
        asyncio.run(self._publish(shuffled))
        return len(shuffled)

    async def _listen(self) -> None:
        """Listen, and reconnect after a kill: a restarted system has its broker at another port."""
        while not self._is_done.is_set():
            client = await self._client()
            if client is None:
                await asyncio.sleep(0.1)
                continue
            await client.subscribe("mades.>", cb=self._hear)
            await client.flush()
            self._is_listening.set()
            while client.is_connected and not self._is_done.is_set():
                await asyncio.sleep(0.05)
            await client.close()

    async def _hear(self, message: "Msg") -> None:
        self._heard.append(_Heard(message.subject, message.data, dict(message.headers or {})))

    async def _publish(self, messages: list[_Heard]) -> None:
        client = await self._client()
        if client is None:
            raise RuntimeError("the message broker is temporarily unavailable")
        stream = client.jetstream()
        for heard in messages:
            await stream.publish(heard.subject, heard.data, headers={**heard.headers, "Nats-Msg-Id": new_id()})
        try:
            async with asyncio.timeout(_TAKEN_WITHIN_S):
                await _wait_until_nothing_is_owed(stream)
        except TimeoutError:
            raise RuntimeError("not all replayed messages were handled") from None
        finally:
            await client.close()

    async def _client(self) -> "Client | None":
        """Return a connection as the broker's administrator; None while the broker is down."""
        import nats
        import nats.errors

        stack = LocalStack(self._system.data, say=_quiet)
        if not stack.attach():
            return None
        url, user, password = stack.nats_admin
        try:
            return await nats.connect(url, user=user, password=password, error_cb=_silent, **_ONCE)
        except (nats.errors.Error, OSError):
            return None


async def _wait_until_nothing_is_owed(stream: "JetStreamContext") -> None:
    """Wait for two empty samples in a row, because a consumer learns of a stored message a moment later."""
    quiet = 0
    while quiet < 2:
        quiet = quiet + 1 if await count_owed(stream) == 0 else 0
        await asyncio.sleep(0.2)


def _quiet(_text: str) -> None:
    """Ignore messages about the system, which the run injures itself."""


async def _silent(_error: Exception) -> None:
    """Ignore errors of the broker, which the run kills itself."""
