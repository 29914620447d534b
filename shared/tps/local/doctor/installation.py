"""The installation that the doctor examines: its data folder and its servers. The doctor changes nothing.

A server that does not answer within two seconds counts as unreachable. Texts of errors are never printed, because they
may contain passwords.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tps.host.services import utc_now
from tps.local.embedded.environment import DEFAULT_PLATFORM
from tps.local.embedded.record import read_json
from tps.local.embedded.stack import LocalStack
from tps.stores.broker_addresses import broker_addresses

if TYPE_CHECKING:
    import httpx2
    from nats.js import JetStreamContext

    from tps.stores.database import Transaction

ANSWER_S = 2
SECRETS = "keys/secrets.json"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation.

    Attributes:
        data: Its data folder, which may be missing.
        port: The port that its gateway is to use.
        stack: Attached to the stack that runs on the folder; None if none runs.
        jwks_url, jwks_file: Where the public keys of the token issuer are.
        waiting_allowed: Messages that may wait for event delivery, per queue.
    """

    data: Path
    port: int
    stack: LocalStack | None = field(repr=False)
    platform: str
    jwks_url: str | None
    jwks_file: Path
    clock: Callable[[], datetime] = utc_now
    waiting_allowed: int = 50

    @property
    def running(self) -> LocalStack:
        """Return the running stack; only for checks that need the check of the stack."""
        assert self.stack is not None
        return self.stack

    def read(self, group: str, look: Callable[[Transaction], _T]) -> _T:
        """Read from the database of a group."""
        import psycopg
        from psycopg.rows import dict_row

        options = f"-c statement_timeout={ANSWER_S}s -c default_transaction_read_only=on"
        url = self.running.database_url(group)
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=ANSWER_S, options=options) as connection:
            return look(connection)

    def ask_broker(self, ask: Callable[[JetStreamContext], Coroutine[Any, Any, _T]]) -> _T:
        """Query the broker as its administrator."""
        # The library would keep its connection open to a silent server.
        silent = self.silent_brokers()
        answering = [address for address in self._brokers() if address not in silent]
        if not answering:
            raise ConnectionError
        return asyncio.run(asyncio.wait_for(self._ask_broker(answering, ask), 2 * ANSWER_S))

    def silent_brokers(self) -> list[str]:
        """Return the addresses of the broker at which no server sends its greeting."""
        return [address for address in self._brokers() if not _greets(address)]

    def _brokers(self) -> list[str]:
        return broker_addresses(self.running.nats_admin[0])

    async def _ask_broker(self, addresses: list[str], ask: Callable[[JetStreamContext], Coroutine[Any, Any, _T]]) -> _T:
        import nats

        _, user, password = self.running.nats_admin

        async def be_silent(_error: Exception) -> None:
            """Drop the error, which the library would print."""

        client = await nats.connect(
            addresses,
            user=user,
            password=password,
            connect_timeout=ANSWER_S,
            allow_reconnect=False,
            error_cb=be_silent,
        )
        try:
            return await ask(client.jetstream(timeout=ANSWER_S))
        finally:
            await client.close()

    def get(self, url: str) -> httpx2.Response:
        """Send a GET request."""
        import httpx2

        with httpx2.Client(timeout=ANSWER_S, trust_env=False) as http:
            return http.get(url)


def _greets(address: str) -> bool:
    where = urlsplit(address)
    try:
        with socket.create_connection((where.hostname or "", where.port or 4222), timeout=ANSWER_S) as connection:
            return connection.recv(4).startswith(b"INFO")
    except OSError:
        return False


def installation_in(data: Path, port: int) -> Installation:
    """Return the installation in a data folder."""
    env, keys = os.environ, data / "keys"
    return Installation(
        data=data,
        port=port,
        stack=_running(data),
        platform=env.get("TPS_COMPONENT") or env.get("TPS_PARTY") or DEFAULT_PLATFORM,
        jwks_url=env.get("TPS_JWKS_URL") or None,
        jwks_file=Path(env.get("TPS_JWKS_FILE") or keys / "jwks.json"),
    )


def _running(data: Path) -> LocalStack | None:
    """Attach to the stack if its process runs and is ready. Create nothing in the folder otherwise."""
    record = read_json(data / "run.json")
    is_installed = (data / SECRETS).is_file()
    if not is_installed or not record.get("is_ready") or not is_alive(record.get("pid")):
        return None
    stack = LocalStack(data)
    return stack if stack.attach() else None


def is_alive(pid: Any) -> bool:
    """Return True if a process with this id exists."""
    try:
        os.kill(int(pid or 0) or -1, 0)
    except PermissionError:
        return True
    except (OSError, ValueError, TypeError):
        return False
    return pid is not None


def is_halted(pid: int) -> bool:
    """Return True if the process is stopped by SIGSTOP; False where this is unknown."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False
