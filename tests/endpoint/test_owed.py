"""Owed acknowledgements are sent once, or twice after a crash, and are never lost."""

from tests.support.rows import NOW, hours, rows
from tests.support.servers import OPERATOR, PLATFORM, at_once
from tps.endpoint import owed
from tps.stores.database import Database


def owe(database: Database, *ids: str, kind: str = "DELIVERY", component: str = PLATFORM) -> None:
    with database.transaction() as tx:
        owed.owe(tx, component=component, peer=OPERATOR, message_ids=ids, kind=kind, at=NOW)


def take(database: Database, lease_id: str, limit: int = 1000) -> list[str]:
    with database.transaction() as tx:
        return sorted(row["message_id"] for row in owed.lease(tx, lease_id, limit))


def settle(database: Database, lease_id: str, *ids: str, component: str = PLATFORM) -> None:
    rows = [{"component": component, "peer": OPERATOR, "message_id": each} for each in ids]
    with database.transaction() as tx:
        owed.settle(tx, lease_id, rows)


def left(database: Database) -> list[tuple[str, str]]:
    with database.transaction() as tx:
        return rows(tx, "SELECT message_id, kind FROM owed_acknowledgement ORDER BY message_id")


def test_what_was_sent_is_owed_no_more(tps: Database) -> None:
    owe(tps, "a", "b")

    taken = take(tps, "mine")
    settle(tps, "mine", "a", "b")

    assert taken == ["a", "b"]
    assert left(tps) == []


def test_what_one_is_sending_is_left_to_it(tps: Database) -> None:
    owe(tps, "a", "b", "c")

    taken = at_once(lambda: take(tps, "mine", 2), lambda: take(tps, "yours", 2))

    assert sorted(taken[0] + taken[1]) == ["a", "b", "c"]
    settle(tps, "mine", "a", "b", "c")
    assert [message_id for message_id, _ in left(tps)] == sorted(taken[1])


def test_what_could_not_be_sent_is_anybodys_again(tps: Database) -> None:
    owe(tps, "a")
    take(tps, "mine")

    with tps.transaction() as tx:
        owed.release(tx, "mine")

    assert take(tps, "yours") == ["a"]


def test_a_lease_whose_holder_died_runs_out(tps: Database) -> None:
    owe(tps, "a")
    take(tps, "dead")
    assert take(tps, "early") == []

    with tps.transaction() as tx:
        tx.execute("UPDATE owed_acknowledgement SET leased_until = leased_until - make_interval(secs => %s)", (31,))

    assert take(tps, "yours") == ["a"]


def test_who_comes_back_after_its_lease_ends_nothing_of_another(tps: Database) -> None:
    owe(tps, "a")
    take(tps, "slow")
    with tps.transaction() as tx:
        tx.execute("UPDATE owed_acknowledgement SET leased_until = now()")
    take(tps, "yours")

    settle(tps, "slow", "a")

    assert left(tps) == [("a", "DELIVERY")]


def test_later_news_that_comes_while_earlier_ones_are_sent_is_not_lost(tps: Database) -> None:
    owe(tps, "a", kind="DELIVERY")
    take(tps, "mine")

    owe(tps, "a", kind="RECEIVE")
    settle(tps, "mine", "a")

    assert left(tps) == [("a", "RECEIVE")]
    assert take(tps, "next") == ["a"]


def test_a_later_kind_replaces_one_that_was_not_sent(tps: Database) -> None:
    owe(tps, "a", kind="DELIVERY")
    with tps.transaction() as tx:
        owed.owe(
            tx, component=PLATFORM, peer=OPERATOR, message_ids=["a"], kind="FAILURE", at=hours(1), detail="expired"
        )

    with tps.transaction() as tx:
        (row,) = owed.lease(tx, "mine")

    assert (row["kind"], row["at"], row["detail"]) == ("FAILURE", hours(1), "expired")


def test_what_was_not_sent_of_a_lease_stays_owed(tps: Database) -> None:
    owe(tps, "a")
    owe(tps, "a", component="silent")
    take(tps, "mine")

    settle(tps, "mine", "a", component=PLATFORM)

    with tps.transaction() as tx:
        assert rows(tx, "SELECT component FROM owed_acknowledgement") == [("silent",)]
