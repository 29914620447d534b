"""The broker as a group sees it: NATS JetStream, under the group's own user.

nats-py is asynchronous and the functions are not. So a background loop holds one connection per process and group.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from tps.errors import StoreAway
from tps.mades.envelope import split
from tps.mades.subjects import large_subject, wake_filter, wake_subject
from tps.stores.broker_addresses import broker_addresses

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

_CONNECT_S = 2.0
_PROBE_S = 2
_CHUNKS_AT_ONCE = 8
_REPLICA_PAUSES_S = (0.1, 0.3, 0.6)
_T = TypeVar("_T")
_MAKING_LOOP = threading.Lock()


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to the broker.

    Attributes:
        unique_id: The broker drops repeats of this id within its window. So the id must be unguessable.
    """

    subject: str
    data: bytes
    unique_id: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class LargeAddress:
    """The place of a payload that travels beside its message: chunks under a subject of its receiver and sender."""

    group: str
    receiver: str
    sender: str
    name: str

    def chunk(self, number: int) -> str:
        """Return the subject of one chunk, from 0."""
        return large_subject(self.group, self.receiver, self.sender, self.name, chunk=number)


class Mailbox:
    """Publishing, wake-ups and large payloads for one group. It connects at first use and reconnects by itself.

    Args:
        url: One address, or the addresses of a cluster, separated by commas.
        timeout_s: Maximum wait for one answer of the broker, in seconds.
    """

    def __init__(self, url: str, user: str, password: str, group: str, *, timeout_s: float = 10.0):
        self._url = url
        self._user = user
        self._password = password
        self._group = group
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._opening: Future[_Connection] | None = None
        self._listeners: list[Callable[[str], None]] = []

    def publish(self, letters: Sequence[Letter]) -> None:
        """Publish letters in this order. Return when the broker has stored all.

        Raises:
            StoreAway: The broker did not confirm every letter. Publish all again: the broker drops repeats.
        """
        if len(self.publish_each(letters)) < len({letter.unique_id for letter in letters}):
            raise StoreAway("the message broker did not store every message")

    def publish_each(self, letters: Sequence[Letter]) -> set[str]:
        """Publish letters that do not depend on each other. Return the unique ids of the stored letters.

        Raises:
            StoreAway: The broker confirmed no letter.
        """
        if not letters:
            return set()
        stored = self._run(lambda connection: self._publish(connection, letters))
        if not stored:
            raise StoreAway("the message broker stored nothing")
        return stored

    def put_large(self, address: LargeAddress, data: bytes, ttl_s: int) -> int:
        """Store a payload in chunks. Return the number of chunks.

        Args:
            ttl_s: Time to live of the payload, in seconds.

        Raises:
            StoreAway: The broker did not store every chunk.
        """
        headers = {"Nats-TTL": f"{max(ttl_s, 1)}s"}
        chunks, count = split(data), 0
        while batch := list(islice(chunks, _CHUNKS_AT_ONCE)):
            self.publish(
                [
                    Letter(address.chunk(number), chunk, f"{address.name}.{number}", headers)
                    for number, chunk in enumerate(batch, count)
                ]
            )
            count += len(batch)
        return count

    def get_large(self, address: LargeAddress, chunks: int) -> bytearray | None:
        """Read a payload. Return None if a chunk is missing."""
        payload = bytearray()
        for number in range(chunks):
            subject = address.chunk(number)
            chunk = self._run(lambda connection, subject=subject: self._get(connection, subject))  # type: ignore[misc]
            if chunk is None:
                return None
            payload += chunk
        return payload

    def wake(self, parties: Sequence[str]) -> None:
        """Wake the waiting calls of these parties. The messages are empty, because the store is the truth."""
        self._run(lambda connection: self._wake(connection, parties))

    def on_wake(self, callback: Callable[[str], None]) -> None:
        """Call back with the party at each wake-up of this group, from the background thread."""
        # Listed only after the subscription, so that a connection that opens now does not call back twice.
        self._run(lambda connection: self._subscribe(connection, callback))
        self._listeners.append(callback)

    def ask(self, work: Callable[[JetStreamContext], Coroutine[Any, Any, _T]]) -> _T:
        """Run other work on the broker's stream context and return its result.

        Raises:
            StoreAway: The broker is unavailable.
        """
        return self._run(lambda connection: work(connection.stream))

    def can_connect(self) -> bool:
        """Return whether the broker answers within about 2 s. Connect first if necessary."""
        try:
            self._run(lambda connection: connection.client.flush(_PROBE_S))
        except StoreAway:
            return False
        return True

    def close(self) -> None:
        with suppress(StoreAway):
            if self._opening is not None:
                self._run(lambda connection: connection.client.close())

    async def _publish(self, connection: _Connection, letters: Sequence[Letter]) -> set[str]:
        confirmations = {}
        for letter in letters:
            headers = {**letter.headers, "Nats-Msg-Id": letter.unique_id}
            confirmation = await connection.stream.publish_async(letter.subject, letter.data, headers=headers)
            confirmations[confirmation] = letter.unique_id
        done, late = await asyncio.wait(confirmations, timeout=self._timeout_s)
        for confirmation in late:
            confirmation.cancel()
        return {confirmations[confirmation] for confirmation in done if confirmation.exception() is None}

    async def _get(self, connection: _Connection, subject: str) -> bytes | None:
        from nats.js.errors import NotFoundError

        # Any replica may answer, also one that has not stored the chunk yet.
        for pause_s in (*_REPLICA_PAUSES_S, None):
            with suppress(NotFoundError):
                return (await connection.stream.get_msg("LARGE", subject=subject, direct=True)).data or b""
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        return None

    async def _wake(self, connection: _Connection, parties: Sequence[str]) -> None:
        for party in parties:
            await connection.client.publish(wake_subject(self._group, party), b"")
        await connection.client.flush(_PROBE_S)

    async def _subscribe(self, connection: _Connection, callback: Callable[[str], None]) -> None:
        async def on_message(message: Any) -> None:
            callback(message.subject.rpartition(".")[2])

        await connection.client.subscribe(wake_filter(self._group), cb=on_message)
        await connection.client.flush(_PROBE_S)

    def _run(self, work: Callable[[_Connection], Coroutine[Any, Any, _T]]) -> _T:
        import nats.errors

        try:
            return _result(work(self._connected()), self._timeout_s * 2)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise StoreAway("the message broker is temporarily unavailable") from error

    def _connected(self) -> _Connection:
        """Return the connection. All callers wait for the same connection attempt."""
        with self._lock:
            if self._opening is None or _has_ended(self._opening):
                self._opening = asyncio.run_coroutine_threadsafe(self._open(), _loop())
        connection = self._opening.result()
        if not connection.client.is_connected:
            raise StoreAway("the message broker is temporarily unavailable")
        return connection

    async def _open(self) -> _Connection:
        from nats.aio.client import Client

        client = Client()
        try:
            await asyncio.wait_for(self._connect(client), _CONNECT_S)
        except BaseException:
            await client.close()
            raise
        connection = _Connection(client, client.jetstream(timeout=self._timeout_s))
        for callback in self._listeners[:]:
            await self._subscribe(connection, callback)
        return connection

    async def _connect(self, client: Client) -> None:
        addresses = broker_addresses(self._url)
        await client.connect(
            addresses,
            # A server that does not answer must leave time for the others.
            connect_timeout=_CONNECT_S / len(addresses),  # type: ignore[arg-type]  # any number will do
            user=self._user,
            password=self._password,
            inbox_prefix=f"_INBOX_{self._group}",
            name=f"tps {self._group}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,  # type: ignore[arg-type]  # it sleeps that long; any number will do
            # A late reply to an abandoned ping ends the library's reading loop. The connection then receives nothing
            # until its own pings fail: within 15 s here, within six minutes by default.
            ping_interval=5,
            error_cb=_quiet,
        )


@dataclass(frozen=True, slots=True)
class _Connection:
    """The connection of a process and group. Its stream context shares one subscription for all confirmations."""

    client: Client
    stream: JetStreamContext


def _has_ended(opening: Future[_Connection]) -> bool:
    """Return True if the connection was not made, or is closed for good.

    The library closes a connection for good when the broker refuses its user, for example while users are
    provisioned.
    """
    return opening.done() and (opening.exception() is not None or bool(opening.result().client.is_closed))


async def _quiet(_error: Exception) -> None:
    """Ignore errors that the library would log: the caller gets each failure as an exception."""


def _result(work: Coroutine[Any, Any, _T], timeout_s: float) -> _T:
    """Run a coroutine on the background loop. Cancel it after the timeout."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result(timeout_s)
    finally:
        future.cancel()


def _loop() -> asyncio.AbstractEventLoop:
    """Return the background loop of this process. Several threads may call this function at once."""
    with _MAKING_LOOP:
        return _made_loop()


@cache
def _made_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="nats", daemon=True).start()
    return loop
