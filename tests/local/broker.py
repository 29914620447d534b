"""A user at the real broker, and the rights of this user."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client

from tps.local.embedded.stack import LocalStack

ANSWER_S = 5.0
PLATFORM, OPERATOR, COLLEAGUE, RIVAL, GRID = (
    "5790000000029",
    "5799900000009",
    "5799900000016",
    "5799900000023",
    "GRID-1",
)
CONSUMERS = [
    ("agr", "TPS-LIMIT-FORESEEN"),
    ("agr-5799900000023", "TPS-LIMIT-FORESEEN"),
    ("dso", "TPS-ASSET-LIST"),
    ("tps", "TPS-SCHEDULE"),
    ("ecp", "TPS-ASSET"),
]


class User:
    """One connection that records the refusals of the server."""

    def __init__(self, client: Client, refusals: asyncio.Queue[str]):
        self.client = client
        self.stream = client.jetstream(timeout=ANSWER_S)
        self._refusals = refusals

    async def is_refused(self, attempt: Awaitable[Any]) -> bool:
        """Return True if the server refuses the attempt, False if it answers; fail if neither happens in time."""
        trying = asyncio.ensure_future(attempt)
        refused = asyncio.ensure_future(self._refusals.get())
        done, open_ = await asyncio.wait({trying, refused}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        for task in open_:
            task.cancel()
        assert done, "neither refused nor done"
        return refused in done

    async def may_publish(self, subject: str) -> bool:
        """Publish with core NATS. The flush returns after any refusal."""
        await self.client.publish(subject, b"x")
        await self._answered()
        return self._none_refused()

    async def may_subscribe(self, subject: str) -> bool:
        subscription = await self.client.subscribe(subject)
        await self._answered()
        is_allowed = self._none_refused()
        if is_allowed:
            await subscription.unsubscribe()
        return is_allowed

    async def _answered(self) -> None:
        # Flush twice: the library reports a refusal in its own task, which runs during the second round trip.
        await self.client.flush()
        await self.client.flush()

    def _none_refused(self) -> bool:
        is_empty = self._refusals.empty()
        while not self._refusals.empty():
            self._refusals.get_nowait()
        return is_empty


@asynccontextmanager
async def user(stack: LocalStack, name: str) -> AsyncIterator[User]:
    """Connect as this user, with the inbox prefix of its group."""
    refusals: asyncio.Queue[str] = asyncio.Queue()

    async def on_error(error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            refusals.put_nowait(str(error))

    client = Client()
    try:
        await client.connect(
            stack.nats_url,
            user=name,
            password=stack.vault.password(f"nats.{name}"),
            inbox_prefix=f"_INBOX_{name}",
            error_cb=on_error,
        )
        yield User(client, refusals)
    finally:
        # Close a refused connection, too: the library leaves its socket open.
        await client.close()


def as_user(stack: LocalStack, name: str, act: Callable[[User], Awaitable[Any]]) -> Any:
    """Return the result of `act` with a connection of this user."""

    async def run() -> Any:
        async with user(stack, name) as connected:
            return await act(connected)

    return asyncio.run(run())
