"""A group's Postgres: transactions are atomic, an absence raises StoreAway, and it works again after its return."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.halting import halted
from tests.support.servers import at_once, database, eventually
from tps.errors import StoreAway
from tps.local.embedded.ports import free_ports
from tps.local.embedded.stack import LocalStack
from tps.stores.database import Database, Patience, one_transaction


@pytest.fixture
def own(local: LocalStack) -> Iterator[Database]:
    """A separate pool with a table for the tests."""
    found = database(local, "agr")
    with found.transaction() as tx:
        tx.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        tx.execute("TRUNCATE note")
    yield found
    found.close()


def notes(found: Database) -> list[str]:
    with found.transaction() as tx:
        return [row["text"] for row in tx.execute("SELECT text FROM note").fetchall()]


def note(found: Database, text: str) -> None:
    with found.transaction() as tx:
        tx.execute("INSERT INTO note VALUES (%s)", (text,))


def test_what_a_block_wrote_is_there_when_it_ends(own: Database) -> None:
    note(own, "a")

    assert notes(own) == ["a"]


def test_a_block_that_raises_leaves_nothing(own: Database) -> None:
    with pytest.raises(ZeroDivisionError), own.transaction() as tx:  # noqa: PT012
        tx.execute("INSERT INTO note VALUES ('a')")
        raise ZeroDivisionError

    assert notes(own) == []


def test_a_broken_rule_of_the_database_is_no_absence(own: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), own.transaction() as tx:
        tx.execute("SELECT 1 / 0")


def test_more_callers_than_connections_take_turns(own: Database) -> None:
    at_once(*[lambda: note(own, "a")] * 24)

    assert len(notes(own)) == 24


def test_a_connection_that_was_cut_in_a_transaction_is_an_absence(own: Database) -> None:
    with pytest.raises(StoreAway), own.transaction() as tx:  # noqa: PT012
        tx.execute("INSERT INTO note VALUES ('a')")
        tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    assert notes(own) == []


def test_a_warm_pool_has_its_connections_before_anybody_asks(local: LocalStack) -> None:
    before = connections(local)
    found = Database(local.database_url("agr"), max_connections=8)

    found.warm_up()

    assert connections(local) >= before + 4
    found.close()


def connections(local: LocalStack) -> int:
    with one_transaction(local.database_url("agr")) as tx:
        row = tx.execute("SELECT count(*) AS count FROM pg_stat_activity WHERE usename = current_user").fetchone()
    assert row is not None
    return int(row["count"])


def test_connections_that_the_server_ended_meanwhile_are_not_handed_out(local: LocalStack, own: Database) -> None:
    at_once(*[lambda: note(own, "before")] * 8)
    with one_transaction(local.database_url("agr")) as other:
        ended = other.execute(
            """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE usename = current_user AND pid <> pg_backend_pid()"""
        ).fetchall()

    at_once(*[lambda: note(own, "after")] * 8)

    assert len(ended) >= 2
    assert notes(own).count("after") == 8


def test_a_server_that_was_never_there_is_away() -> None:
    (port,) = free_ports(1)
    url = f"postgresql://agr:x@127.0.0.1:{port}/agr"
    found = Database(url)

    assert not found.is_there()
    with pytest.raises(StoreAway), found.transaction():
        pass
    with pytest.raises(StoreAway), one_transaction(url):
        pass
    with pytest.raises(StoreAway):
        found.warm_up()
    found.close()


def test_a_server_that_went_away_is_away_and_works_again_soon_after_it_is_back(
    local: LocalStack, own: Database
) -> None:
    at_once(*[lambda: note(own, "before")] * 8)
    local.stop_processes(["postgres"])
    try:
        assert at_once(own.is_there) == [False]
        with pytest.raises(StoreAway):
            note(own, "meanwhile")
    finally:
        local.start(local.postgres.prepare())
        local.wait_ready(["postgres"])

    assert own.is_there()
    eventually(lambda: _noted(own, "after"))
    assert set(notes(own)) == {"before", "after"}


def _noted(found: Database, text: str) -> bool:
    try:
        note(found, text)
    except StoreAway:
        return False
    return True


def test_a_server_that_answers_nothing_is_noticed(local: LocalStack, own: Database) -> None:
    note(own, "a")

    with halted(local, "postgres"):
        (is_there,) = at_once(own.is_there)

    assert not is_there


def test_a_busy_pool_is_no_absence(local: LocalStack) -> None:
    found = Database(local.database_url("agr"), max_connections=1)

    with found.transaction():
        assert found.is_there()
    found.close()


def test_a_statement_that_takes_too_long_ends_and_leaves_nothing(local: LocalStack, own: Database) -> None:
    impatient = Database(local.database_url("agr"), patience=Patience(statement_s=0.2))

    with pytest.raises(StoreAway, match="too long"), impatient.transaction() as tx:  # noqa: PT012
        tx.execute("INSERT INTO note VALUES ('a')")
        tx.execute("SELECT pg_sleep(60)")

    assert notes(own) == []
    impatient.close()


def test_a_lock_that_is_not_given_is_not_waited_for_without_end(local: LocalStack, own: Database) -> None:
    impatient = Database(local.database_url("agr"), patience=Patience(lock_s=0.2))

    with own.transaction() as holder:
        holder.execute("LOCK TABLE note")
        with pytest.raises(StoreAway, match="too long"):
            note(impatient, "a")

    note(impatient, "b")
    assert notes(own) == ["b"]
    impatient.close()


def test_every_connection_of_a_pool_has_its_timeouts(own: Database) -> None:
    with own.transaction() as tx:
        row = tx.execute("SELECT current_setting('statement_timeout') AS s, current_setting('lock_timeout') AS l")
        assert row.fetchone() == {"s": "1min", "l": "30s"}
