"""Everything that crossed the broker comes again: later, in another order, and more than once."""

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
# Without the latter two the library tries a first connection for minutes, while a new start has its broker elsewhere.
_ONCE: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0}


@dataclass(frozen=True)
class _Heard:
    subject: str
    data: bytes
    headers: dict[str, str]


class Replayer(threading.Thread):
    """Listens to the broker as its administrator; `replay` publishes what it heard again, shuffled.

    The broker would drop a repeat that it remembers, so each gets a new id there: receivers must see for themselves.
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
        """Until what is published from now on is heard; RuntimeError if that takes too long."""
        if not self._is_listening.wait(30):
            raise RuntimeError("the broker cannot be listened to")

    def replay(self, seed: int) -> int:
        """Publish everything heard once more, in another order, and wait until all is taken; returns how much it was.

        Raises:
            RuntimeError: Some is not taken within two minutes.
        """
        self._is_done.set()
        self.join(30)
        shuffled = list(self._heard)
        random.Random(seed).shuffle(shuffled)
        asyncio.run(self._publish(shuffled))
        return len(shuffled)

    async def _listen(self) -> None:
        """Hear on, whatever is killed: a system that starts again has its broker elsewhere."""
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

    async def _publish(self, letters: list[_Heard]) -> None:
        client = await self._client()
        if client is None:
            raise RuntimeError("the message broker is temporarily unavailable")
        stream = client.jetstream()
        for letter in letters:
            await stream.publish(letter.subject, letter.data, headers={**letter.headers, "Nats-Msg-Id": new_id()})
        try:
            async with asyncio.timeout(_TAKEN_WITHIN_S):
                await _wait_until_nothing_is_owed(stream)
        except TimeoutError:
            raise RuntimeError("what came again is not taken") from None
        finally:
            await client.close()

    async def _client(self) -> "Client | None":
        """A connection as the broker's administrator; None while it is away."""
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
    """Two looks in a row: the broker tells a consumer of a new message a moment after it stored the message."""
    quiet = 0
    while quiet < 2:
        quiet = quiet + 1 if await count_owed(stream) == 0 else 0
        await asyncio.sleep(0.2)


def _quiet(_text: str) -> None:
    """What happens to the system is the run's own doing."""


async def _silent(_error: Exception) -> None:
    """The broker is killed on purpose."""
