"""A group's Postgres: connections, transactions, and one meaning for "it is away"."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from tps.errors import StoreAway

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    Transaction = Connection[dict[str, Any]]


_CONNECT_S = 5
_PROBE_S = 2
# The slowest statement of ours, 17,505 assets registered at once, takes a few seconds.
STATEMENT_TIMEOUT_S = 60.0
LOCK_TIMEOUT_S = 30.0


# Connections whose buffers have grown by a large content: the library keeps what they took as long as they live.
_BURDENED: WeakSet[Connection[Any]] = WeakSet()
_LARGE_BYTES = 4 * 1024 * 1024


def carried(tx: Transaction, *contents: bytes | None) -> None:
    """These went over the connection; if one is large, the connection is closed after its transaction."""
    if any(content is not None and len(content) > _LARGE_BYTES for content in contents):
        _BURDENED.add(tx)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long Postgres works for one statement before it gives up, in seconds; 0 is without end.

    Attributes:
        statement_s: For the statement as a whole, waits for locks included.
        lock_s: For one lock.
    """

    statement_s: float = STATEMENT_TIMEOUT_S
    lock_s: float = LOCK_TIMEOUT_S


class Database:
    """A pool of connections, opened at first use. Waiting calls must not hold one.

    Args:
        timeout_s: How long a transaction may wait for a connection.
        patience: How long a statement may take. Beyond, it ends as if the database were away.
    """

    def __init__(
        self,
        url: str,
        max_connections: int = 8,
        *,
        timeout_s: float = _CONNECT_S,
        patience: Patience = Patience(),
    ):
        self._url = url
        self._max = max_connections
        self._timeout_s = timeout_s
        self._patience = patience
        self._lock = threading.Lock()
        self._pool: ConnectionPool[Transaction] | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            StoreAway: No connection, it broke, or a statement took too long. The database has nothing of the block.
                Retry.
        """
        import psycopg
        from psycopg_pool import PoolTimeout

        try:
            with self._opened().connection() as connection:
                with connection.transaction():
                    yield connection
                if connection in _BURDENED:
                    connection.close()
        except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
            raise StoreAway("a statement took too long") from error
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise StoreAway("the database is temporarily unavailable") from error

    def is_there(self) -> bool:
        """True if the server takes a connection within 2 s; one of its own, so that a busy pool is not taken for it."""
        import psycopg

        try:
            psycopg.connect(self._url, connect_timeout=_PROBE_S).close()
        except psycopg.OperationalError:
            return False
        return True

    def warm_up(self) -> None:
        """Open as many connections as a burst of messages needs at once, so that it does not wait for them.

        Raises:
            StoreAway: Not there; they are opened when it is asked again.
        """
        with ExitStack() as held:
            for _ in range(self._max // 2):
                held.enter_context(self.transaction())

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _opened(self) -> ConnectionPool[Transaction]:
        with self._lock:
            if self._pool is None:
                self._pool = self._open()
            return self._pool

    def _open(self) -> ConnectionPool[Transaction]:
        from psycopg.rows import dict_row
        from psycopg_pool import ConnectionPool

        return ConnectionPool(
            self._url,
            min_size=self._max // 2,
            max_size=self._max,
            timeout=self._timeout_s,
            # The pool tries again with doubling delay. Giving up early, it tries afresh for the next who asks: the
            # server is used again a second after it is back, however long it was away.
            reconnect_timeout=_CONNECT_S,
            kwargs={"row_factory": dict_row, "connect_timeout": _CONNECT_S},
            check=_check,
            configure=self._configure,
            open=True,
        )

    def _configure(self, connection: Transaction) -> None:
        """Set the timeouts by a statement: not every proxy passes options of a connection on."""
        connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            (f"{self._patience.statement_s * 1000:.0f}", f"{self._patience.lock_s * 1000:.0f}"),
        )
        connection.commit()


def _check(connection: Transaction) -> None:
    """Raise if the server has ended a connection; without a round trip while there is nothing to be read from it.

    An idle connection is silent. One that is not has been closed, or has news that the full check takes in.
    """
    from psycopg_pool import ConnectionPool

    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(connection)


@contextmanager
def one_transaction(url: str) -> Iterator[Transaction]:
    """One transaction on a connection of its own, for commands that come and go.

    Raises:
        StoreAway: As `Database.transaction`.
    """
    import psycopg
    from psycopg.rows import dict_row

    try:
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=10) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise StoreAway("the database is temporarily unavailable") from error
