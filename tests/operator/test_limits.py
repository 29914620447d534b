"""Limits that an operator received: latest, all revisions, half-open periods, active, after a position (F7)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.rows import NOW, hours, received
from tests.support.servers import DEADLINE_S, OPERATOR, RIVAL
from tps.domain.limit import Interval
from tps.domain.scope import AgrScope
from tps.operator.limits import (
    ReceivedLimit,
    active_at,
    add_received,
    last_position,
    received_after,
    received_between,
)
from tps.stores.database import Database

ME = AgrScope(OPERATOR)
ALWAYS = Interval(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
A_MICROSECOND = timedelta(microseconds=1)


def add(database: Database, *limits: ReceivedLimit, party: str = OPERATOR) -> list[bool]:
    with database.transaction() as tx:
        return [add_received(tx, party, limit) for limit in limits]


def named(limits: list[ReceivedLimit]) -> list[tuple[str, int]]:
    return [(limit.limit_id, limit.revision) for limit in limits]


def between(
    database: Database, received: Interval = ALWAYS, applies: Interval = ALWAYS, **flags: bool
) -> list[tuple[str, int]]:
    with database.transaction() as tx:
        with_all = flags.get("with_all_revisions", False)
        return named(received_between(tx, ME, received=received, applies=applies, with_all_revisions=with_all))


def test_the_latest_revision_is_shown_or_all_if_asked(agr: Database) -> None:
    add(agr, received("L1", 1), received("L2", 1), received("L1", 2))

    assert between(agr) == [("L2", 1), ("L1", 2)]
    assert between(agr, with_all_revisions=True) == [("L1", 1), ("L2", 1), ("L1", 2)]


def test_a_lower_or_the_same_revision_is_ignored(agr: Database) -> None:
    added = add(agr, received(revision=2), received(revision=1), received(revision=2), received(revision=3))

    assert added == [True, False, False, True]
    assert between(agr, with_all_revisions=True) == [("L1", 2), ("L1", 3)]


def test_a_lower_revision_that_comes_at_the_same_time_does_not_win(agr: Database) -> None:
    higher_is_in = threading.Event()

    def higher() -> None:
        with agr.transaction() as tx:
            add_received(tx, OPERATOR, received(revision=2))
            higher_is_in.set()
            _wait_for_a_waiter(agr)

    def lower() -> bool:
        assert higher_is_in.wait(DEADLINE_S)
        return add(agr, received(revision=1))[0]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(higher), pool.submit(lower)
        first.result(DEADLINE_S)
        was_added = second.result(DEADLINE_S)

    assert not was_added
    assert between(agr) == [("L1", 2)]


def _wait_for_a_waiter(database: Database) -> None:
    """Wait until a transaction waits for a lock."""
    waiting = 0
    while not waiting:
        with database.transaction() as tx:
            row = tx.execute("SELECT count(*) AS n FROM pg_locks WHERE NOT granted").fetchone()
        waiting = row["n"] if row else 0


def test_a_limit_is_read_as_it_was_kept_keys_in_their_order(agr: Database) -> None:
    limit = received(
        body={"id": "L1", "revision": 1, "a": [2, 1], "Z": {"b": 1, "a": 2}}, weights_kw={"A": Decimal("0.010")}
    )

    add(agr, limit)

    with agr.transaction() as tx:
        (kept,) = active_at(tx, ME, NOW)
    assert list(kept.body) == ["id", "revision", "a", "Z"]
    assert list(kept.body["Z"]) == ["b", "a"]
    assert kept == ReceivedLimit(
        limit.limit_id, 1, limit.message_id, NOW, limit.period, "active", limit.body, {"A": Decimal("0.010")}, 1
    )


@pytest.mark.parametrize(
    ("start", "end", "is_in"),
    [
        (NOW, NOW + A_MICROSECOND, True),
        (NOW - A_MICROSECOND, NOW, False),
        (NOW + A_MICROSECOND, hours(1), False),
    ],
)
def test_the_time_of_receipt_lies_in_a_half_open_period(
    agr: Database, start: datetime, end: datetime, is_in: bool
) -> None:
    add(agr, received())

    assert bool(between(agr, received=Interval(start, end))) == is_in


@pytest.mark.parametrize(
    ("start", "end", "is_in"),
    [
        (0, 1, False),
        (2, 3, False),
        (0, 1.5, True),
        (1.5, 3, True),
        (1.2, 1.4, True),
        (0, 9, True),
    ],
)
def test_a_limit_from_one_to_two_applies_in_half_open_periods_that_it_touches(
    agr: Database, start: float, end: float, is_in: bool
) -> None:
    add(agr, received(period=Interval(hours(1), hours(2))))

    assert bool(between(agr, applies=Interval(hours(start), hours(end)))) == is_in


def test_active_are_those_in_force_or_ahead(agr: Database) -> None:
    """LIF-ACT: active limits are in force or start later."""
    add(
        agr,
        received("ahead", period=Interval(hours(1), hours(2))),
        received("in force", period=Interval(hours(-1), hours(1))),
        received("over", period=Interval(hours(-2), NOW)),
        received("cancelled", status="cancelled"),
        received("shortened", 1),
        received("shortened", 2, period=Interval(hours(-2), hours(-1))),
    )

    with agr.transaction() as tx:
        assert named(active_at(tx, ME, NOW)) == [("ahead", 1), ("in force", 1)]


def test_what_came_after_a_position_leaves_out_what_has_expired_but_no_cancellation(agr: Database) -> None:
    over = Interval(hours(-2), hours(-1))
    add(agr, received("seen"))
    add(
        agr,
        received("new"),
        received("expired", period=over),
        received("seen", 2, status="cancelled"),
        received("ended", period=over, status="ended"),
    )

    with agr.transaction() as tx:
        found = received_after(tx, ME, 1, NOW)

        assert named(found) == [("new", 1), ("seen", 2), ("ended", 1)]
        assert [limit.position for limit in found] == [2, 4, 5]
        assert last_position(tx, ME) == 5
        assert received_after(tx, ME, 5, NOW) == []


def test_nobody_sees_anothers(agr: Database) -> None:
    add(agr, received(), party=RIVAL)

    with agr.transaction() as tx:
        assert (active_at(tx, ME, NOW), received_after(tx, ME, 0, NOW), last_position(tx, ME)) == ([], [], 0)
    assert between(agr) == []
