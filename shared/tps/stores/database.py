"""A group's Postgres database: connections, transactions, and one error for an unavailable database."""

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
# Our slowest statement, the registration of 17,505 assets at once, takes a few seconds.
STATEMENT_TIMEOUT_S = 60.0
LOCK_TIMEOUT_S = 30.0


# Connections with buffers that grew for a large content: the library keeps the memory as long as the connection.
_BURDENED: WeakSet[Connection[Any]] = WeakSet()
_LARGE_BYTES = 4 * 1024 * 1024


def note_transfer(tx: Transaction, *contents: bytes | None) -> None:
    """Note that contents went over the connection. After a large one, the connection is closed with its transaction."""
    if any(content is not None and len(content) > _LARGE_BYTES for content in contents):
        _BURDENED.add(tx)


@dataclass(frozen=True, slots=True)
class Patience:
    """Upper bounds for the work of Postgres on one statement, in seconds. 0 means no bound.

    Attributes:
        statement_s: Bound of the statement as a whole, waits for locks included.
        lock_s: Bound of the wait for one lock.
    """

    statement_s: float = STATEMENT_TIMEOUT_S
    lock_s: float = LOCK_TIMEOUT_S


class Database:
    """A pool of connections, opened at first use. Waiting calls must not hold a connection.

    Args:
        timeout_s: Maximum wait of a transaction for a connection, in seconds.
        patience: Bounds of a statement. A longer statement fails as if the database were unavailable.
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
        """Open one transaction. It is committed at the end of the block, or rolled back if the block raises.

        Raises:
            StoreAway: There is no connection, it broke, or a statement took too long. Nothing is committed. Retry.
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
        """Return whether the server accepts a connection within 2 s.

        The check uses its own connection, so that a busy pool does not count as an unavailable server.
        """
        import psycopg

        try:
            psycopg.connect(self._url, connect_timeout=_PROBE_S).close()
        except psycopg.OperationalError:
            return False
        return True

    def warm_up(self) -> None:
        """Open the connections that a burst of messages needs, so that the burst does not wait for them.

        Raises:
            StoreAway: The database is unavailable. Transactions open the connections later.
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
            # The pool retries with doubling delay. A short timeout ends these retries, and the next transaction starts
            # anew. So the server is used within a second after its return, however long it was away.
            reconnect_timeout=_CONNECT_S,
            kwargs={"row_factory": dict_row, "connect_timeout": _CONNECT_S},
            check=_check,
            configure=self._configure,
            open=True,
        )

    def _configure(self, connection: Transaction) -> None:
        """Set the timeouts by a statement, because some proxies do not pass on the options of a connection."""
        connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            (f"{self._patience.statement_s * 1000:.0f}", f"{self._patience.lock_s * 1000:.0f}"),
        )
        connection.commit()


def _check(connection: Transaction) -> None:
    """Raise if the server has closed an idle connection. This takes no round trip while the connection is silent.

    An idle connection is silent. If there is data to read, the connection is closed or has notices, and the full check
    handles both.
    """
    from psycopg_pool import ConnectionPool

    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(connection)


@contextmanager
def one_transaction(url: str) -> Iterator[Transaction]:
    """Open one transaction on its own connection, for short-lived commands.

    Raises:
        StoreAway: The database is unavailable.
    """
    import psycopg
    from psycopg.rows import dict_row

    try:
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=10) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise StoreAway("the database is temporarily unavailable") from error
