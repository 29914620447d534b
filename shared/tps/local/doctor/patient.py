"""What the doctor looks at: an installation's data folder and, by its addresses, its servers. Nothing is changed.

Whatever is asked answers within two seconds or counts as away; texts of errors are never passed on, as they may hold
passwords.
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

if TYPE_CHECKING:
    import httpx2
    from nats.js import JetStreamContext

    from tps.stores.database import Transaction

ANSWER_S = 2
SECRETS = "keys/secrets.json"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation.

    Attributes:
        data: Its data folder; perhaps not there.
        port: The one that its gateway is to have.
        stack: Attached to what runs on the folder; None if nothing does.
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
        """What runs; only for checks that need it."""
        assert self.stack is not None
        return self.stack

    def read(self, group: str, look: Callable[[Transaction], _T]) -> _T:
        """Look into a group's database."""
        import psycopg
        from psycopg.rows import dict_row

        options = f"-c statement_timeout={ANSWER_S}s -c default_transaction_read_only=on"
        url = self.running.database_url(group)
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=ANSWER_S, options=options) as connection:
            return look(connection)

    def ask_broker(self, ask: Callable[[JetStreamContext], Coroutine[Any, Any, _T]]) -> _T:
        """Ask the broker, as its administrator."""
        self._hear_greeting()
        return asyncio.run(asyncio.wait_for(self._ask_broker(ask), 2 * ANSWER_S))

    def _hear_greeting(self) -> None:
        """Before the library connects, which leaves its connection open to a server that says nothing."""
        where = urlsplit(self.running.nats_admin[0])
        with socket.create_connection((where.hostname or "", where.port or 4222), timeout=ANSWER_S) as connection:
            if not connection.recv(4).startswith(b"INFO"):
                raise ConnectionError

    async def _ask_broker(self, ask: Callable[[JetStreamContext], Coroutine[Any, Any, _T]]) -> _T:
        import nats

        url, user, password = self.running.nats_admin

        async def be_silent(_error: Exception) -> None:
            """The library would print what went wrong."""

        client = await nats.connect(
            url, user=user, password=password, connect_timeout=ANSWER_S, allow_reconnect=False, error_cb=be_silent
        )
        try:
            return await ask(client.jetstream(timeout=ANSWER_S))
        finally:
            await client.close()

    def get(self, url: str) -> httpx2.Response:
        """Ask an HTTP server."""
        import httpx2

        with httpx2.Client(timeout=ANSWER_S, trust_env=False) as http:
            return http.get(url)


def patient_of(data: Path, port: int) -> Patient:
    """The installation in a data folder."""
    env, keys = os.environ, data / "keys"
    return Patient(
        data=data,
        port=port,
        stack=_running(data),
        platform=env.get("TPS_COMPONENT") or env.get("TPS_PARTY") or DEFAULT_PLATFORM,
        jwks_url=env.get("TPS_JWKS_URL") or None,
        jwks_file=Path(env.get("TPS_JWKS_FILE") or keys / "jwks.json"),
    )


def _running(data: Path) -> LocalStack | None:
    """Attached, if a process has the folder that says it is ready; nothing is made where nothing is."""
    record = read_json(data / "run.json")
    is_installed = (data / SECRETS).is_file()
    if not is_installed or not record.get("is_ready") or not is_alive(record.get("pid")):
        return None
    stack = LocalStack(data)
    return stack if stack.attach() else None


def is_alive(pid: Any) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(int(pid or 0) or -1, 0)
    except PermissionError:
        return True
    except (OSError, ValueError, TypeError):
        return False
    return pid is not None


def is_halted(pid: int) -> bool:
    """Whether it stands still (SIGSTOP); False where that cannot be told."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False
