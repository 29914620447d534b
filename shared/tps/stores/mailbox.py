"""The ECP Broker as a group sees it: NATS JetStream, under the group's own user.

nats-py is asynchronous and the functions are not: one connection per process and group lives on a background loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from tps.errors import StoreAway
from tps.mades.envelope import split
from tps.mades.subjects import large_subject, wake_filter, wake_subject

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

_TIMEOUT_S = 10.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is handed to the broker; `unique_id` drops repeats within the broker's window, so it must be unguessable."""

    subject: str
    data: bytes
    unique_id: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class LargeAddress:
    """Where a payload that travels beside its message lies: chunks under a subject of its receiver and sender."""

    group: str
    receiver: str
    sender: str
    name: str

    def chunk(self, number: int) -> str:
        return large_subject(self.group, self.receiver, self.sender, self.name, number)


class Mailbox:
    """Publishing, wake-ups and large payloads for one group; connects at first use, reconnects by itself."""

    def __init__(self, url: str, user: str, password: str, group: str):
        self._url = url
        self._user = user
        self._password = password
        self._group = group
        self._lock = threading.Lock()
        self._client: Client | None = None

    def publish(self, letters: Sequence[Letter]) -> None:
        """Hand letters to the broker, in this order, and return when it has stored them all.

        Raises:
            StoreAway: The broker did not confirm each of them; all may be published again, repeats are dropped.
        """
        self._run(self._publish(letters))

    def put_large(self, address: LargeAddress, data: bytes, ttl_s: int) -> int:
        """Store a payload in chunks, gone after its time to live; returns how many chunks."""
        pieces = split(data)
        headers = {"Nats-TTL": f"{max(ttl_s, 1)}s"}
        letters = [
            Letter(address.chunk(number), piece, f"{address.name}.{number}", headers)
            for number, piece in enumerate(pieces)
        ]
        self.publish(letters)
        return len(pieces)

    def get_large(self, address: LargeAddress, chunks: int) -> bytes | None:
        """Read a payload back; None if a chunk of it is gone."""
        return self._run(self._get_large(address, chunks))

    def wake(self, parties: Sequence[str]) -> None:
        """Tell whoever waits for these parties to look again. Empty messages: the store is the truth."""
        self._run(self._wake(parties))

    def on_wake(self, callback: Callable[[str], None]) -> None:
        """Call back with the party on each wake-up of this group, from the background thread."""
        self._run(self._subscribe(callback))

    def is_there_or_connects(self) -> bool:
        """True if the connection stands, or can be made, now."""
        import nats.errors

        try:
            self._connect()
        except (nats.errors.Error, OSError, TimeoutError):
            return False
        return self._connected().is_connected

    def close(self) -> None:
        if self._client is not None:
            self._run(self._client.close())

    async def _publish(self, letters: Sequence[Letter]) -> None:
        stream = _jetstream(self._connected())
        tasks = []
        for letter in letters:
            headers = {**letter.headers, "Nats-Msg-Id": letter.unique_id}
            tasks.append(await stream.publish_async(letter.subject, letter.data, headers=headers))
        await asyncio.gather(*tasks)

    async def _get_large(self, address: LargeAddress, chunks: int) -> bytes | None:
        from nats.js.errors import NotFoundError

        manager = _jetstream(self._connected())
        pieces = []
        for number in range(chunks):
            try:
                message = await manager.get_msg("LARGE", subject=address.chunk(number), direct=True)
            except NotFoundError:
                return None
            pieces.append(message.data or b"")
        return b"".join(pieces)

    async def _wake(self, parties: Sequence[str]) -> None:
        client = self._connected()
        for party in parties:
            await client.publish(wake_subject(self._group, party), b"")
        await client.flush(int(_TIMEOUT_S))

    async def _subscribe(self, callback: Callable[[str], None]) -> None:
        client = self._connected()

        async def heard(message: Any) -> None:
            callback(message.subject.rpartition(".")[2])

        await client.subscribe(wake_filter(self._group), cb=heard)
        await client.flush(int(_TIMEOUT_S))

    def _connected(self) -> Client:
        if self._client is None:
            raise StoreAway("the broker is away")
        return self._client

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        import nats.errors

        try:
            self._connect()
            return asyncio.run_coroutine_threadsafe(work, _loop()).result(_TIMEOUT_S * 2)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise StoreAway("the broker is away") from error
        finally:
            work.close()

    def _connect(self) -> None:
        with self._lock:
            if self._client is None:
                self._client = asyncio.run_coroutine_threadsafe(self._open(), _loop()).result(_TIMEOUT_S)

    async def _open(self) -> Client:
        import nats

        return await nats.connect(
            self._url,
            user=self._user,
            password=self._password,
            inbox_prefix=f"_INBOX_{self._group}",
            name=f"tps {self._group}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            connect_timeout=5,
            error_cb=_quiet,
        )


async def _quiet(_error: Exception) -> None:
    """The library logs what it meets; whoever called gets the failure as an exception."""


def _jetstream(client: Client) -> JetStreamContext:
    return client.jetstream(timeout=_TIMEOUT_S)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="nats", daemon=True).start()
    return loop
