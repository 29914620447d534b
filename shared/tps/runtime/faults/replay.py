"""Everything that crossed the broker comes again: later, in another order, and more than once."""

import asyncio
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tps.mades.ids import new_id
from tps.runtime.faults.system import System
from tps.runtime.local.stack import attach_or_start
from tps.runtime.stack import consumers, load_stack

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg


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
        """Publish everything heard once more, in another order; returns how much that was."""
        self._is_done.set()
        self.join(30)
        shuffled = list(self._heard)
        random.Random(seed).shuffle(shuffled)
        asyncio.run(self._publish(shuffled))
        return len(shuffled)

    async def _listen(self) -> None:
        client = await self._client()

        async def hear(message: "Msg") -> None:
            self._heard.append(_Heard(message.subject, message.data, dict(message.headers or {})))

        await client.subscribe("mades.>", cb=hear)
        await client.flush()
        self._is_listening.set()
        while not self._is_done.is_set():
            await asyncio.sleep(0.1)
        await client.close()

    async def _publish(self, letters: list[_Heard]) -> None:
        client = await self._client()
        stream = client.jetstream()
        for letter in letters:
            await stream.publish(letter.subject, letter.data, headers={**letter.headers, "Nats-Msg-Id": new_id()})
        await client.close()

    async def _client(self) -> "Client":
        import nats

        with attach_or_start(self._system.data, consumers=consumers(load_stack())) as stack:
            url, user, password = stack.nats_admin

        async def quiet(_error: Exception) -> None:
            """The broker is killed on purpose; the client connects again."""

        return await nats.connect(url, user=user, password=password, max_reconnect_attempts=-1, error_cb=quiet)
