"""Feeds and cursors: no reader skips an entry, and a cursor is valid for one party and feed.

Source: docs/semantics.md, "Cursors".
"""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.servers import DEADLINE_S, OPERATOR, RIVAL
from tps.errors import Malformed
from tps.party import feeds
from tps.party.feeds import make_cursor, read_cursor
from tps.stores.database import Database

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
FEED = "capacity-limits"


def test_positions_count_per_party_and_feed(agr: Database) -> None:
    with agr.transaction() as tx:
        positions = [
            feeds.next_position(tx, party, name)
            for party, name in [(OPERATOR, FEED), (OPERATOR, FEED), (RIVAL, FEED), (OPERATOR, "other")]
        ]

    assert positions == [1, 2, 1, 1]


def test_no_position_is_seen_before_an_earlier_one_though_its_writer_is_slow(agr: Database) -> None:
    """With a plain sequence, a reader would see the quick writer's entry and then skip the slow writer's."""
    with agr.transaction() as tx:
        tx.execute("CREATE TABLE IF NOT EXISTS entry (position bigint)")
    slow_has_position, quick_may_go = threading.Event(), threading.Event()

    def slow() -> None:
        with agr.transaction() as tx:
            position = feeds.next_position(tx, OPERATOR, FEED)
            slow_has_position.set()
            assert quick_may_go.wait(DEADLINE_S)
            tx.execute("INSERT INTO entry VALUES (%s)", (position,))

    def quick() -> None:
        assert slow_has_position.wait(DEADLINE_S)
        with agr.transaction() as tx:
            tx.execute("INSERT INTO entry VALUES (%s)", (feeds.next_position(tx, OPERATOR, FEED),))

    def seen() -> list[int]:
        with agr.transaction() as tx:
            return [row["position"] for row in tx.execute("SELECT position FROM entry ORDER BY position").fetchall()]

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(slow), pool.submit(quick), pool.submit(quick)]
        assert slow_has_position.wait(DEADLINE_S)
        before = seen()
        others = agr_waiters(agr)
        quick_may_go.set()
        for writer in writers:
            writer.result(DEADLINE_S)

    assert before == []
    assert others >= 1
    assert seen() == [1, 2, 3]


def agr_waiters(database: Database) -> int:
    """Wait until a transaction waits for a lock. Return the number of waiting transactions."""
    while True:
        with database.transaction() as tx:
            row = tx.execute("SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted").fetchone()
        if row and row["waiting"]:
            return int(row["waiting"])


def test_a_reader_is_remembered_and_never_moves_back(agr: Database) -> None:
    with agr.transaction() as tx:
        never = feeds.reader_position(tx, OPERATOR, FEED, "a")
        for position in (5, 3):
            feeds.move_reader(tx, party=OPERATOR, name=FEED, reader="a", position=position)

        assert never == 0
        assert feeds.reader_position(tx, OPERATOR, FEED, "a") == 5
        assert feeds.reader_position(tx, OPERATOR, FEED, "b") == 0
        assert feeds.reader_position(tx, RIVAL, FEED, "a") == 0


@given(st.integers(0, 2**63 - 1), st.text(min_size=1), st.text(min_size=1))
def test_a_cursor_leads_back_to_its_position(position: int, party: str, name: str) -> None:
    assert read_cursor(KEY, party, name, make_cursor(KEY, party, name, position)) == position


@pytest.mark.parametrize(
    ("key", "party", "name"), [(KEY, RIVAL, FEED), (KEY, OPERATOR, "other"), (OTHER_KEY, OPERATOR, FEED)]
)
def test_a_cursor_of_another_party_feed_or_installation_is_refused(key: bytes, party: str, name: str) -> None:
    cursor = make_cursor(KEY, OPERATOR, FEED, 7)

    with pytest.raises(Malformed) as refused:
        read_cursor(key, party, name, cursor)

    assert [finding.pointer for finding in refused.value.findings] == ["/after"]


@given(st.data())
def test_a_cursor_with_any_bit_changed_is_refused(data: st.DataObject) -> None:
    sealed = bytearray(base64.urlsafe_b64decode(make_cursor(KEY, OPERATOR, FEED, 7)))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(Malformed):
        read_cursor(KEY, OPERATOR, FEED, base64.urlsafe_b64encode(bytes(sealed)).decode())


@given(st.text(max_size=80))
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(Malformed):
        read_cursor(KEY, OPERATOR, FEED, text)


def test_a_cursor_tells_nothing_of_its_position() -> None:
    cursors = {make_cursor(KEY, OPERATOR, FEED, position) for position in range(100)}

    assert len(cursors) == 100
    assert len({cursor[:8] for cursor in cursors}) > 90
