"""A group's Postgres: connections, transactions, and one meaning for "it is away"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tps.errors import StoreAway

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    Transaction = Connection[dict[str, Any]]


class Database:
    """A pool of connections, opened at first use. Waiting calls must not hold one."""

    def __init__(self, url: str, max_connections: int = 8):
        self._url = url
        self._max = max_connections
        self._pool: ConnectionPool[Transaction] | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            StoreAway: No connection, or it broke; nothing of the block is in the database. Retry.
        """
        import psycopg
        from psycopg_pool import PoolTimeout

        try:
            with self._opened().connection() as connection, connection.transaction():
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise StoreAway("the database is away") from error

    def is_there(self) -> bool:
        """True if a query is answered now."""
        try:
            with self.transaction() as tx:
                tx.execute("SELECT 1")
        except StoreAway:
            return False
        return True

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _opened(self) -> ConnectionPool[Transaction]:
        if self._pool is None:
            from psycopg.rows import dict_row
            from psycopg_pool import ConnectionPool

            self._pool = ConnectionPool(
                self._url,
                min_size=1,
                max_size=self._max,
                timeout=10,
                kwargs={"row_factory": dict_row},
                check=ConnectionPool.check_connection,
                open=True,
            )
        return self._pool


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
        raise StoreAway("the database is away") from error
