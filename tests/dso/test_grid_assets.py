"""A DSO's own copy of its grid, from lists and changes in any order, and the feed of changes (F5b)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rows import hours, kw
from tests.support.servers import GRID, OTHER_GRID, emptied
from tps.domain.asset import AssetKind, AssetListing
from tps.domain.scope import DsoScope
from tps.dso import grid_assets
from tps.dso.grid_assets import GridNews
from tps.local.embedded.stack import LocalStack
from tps.stores.database import Database


def listing(asset_id: str, production: str = "10") -> AssetListing:
    return AssetListing(asset_id, "P1", AssetKind.GENERATION, kw(production))


@dataclass
class Copy:
    """The copy of a DSO's backend, and the documents that it received."""

    database: Database

    def told(self, sequence: int, *assets: AssetListing, removed: Sequence[str] = (), is_whole: bool = False) -> None:
        self.take_in(GridNews(GRID, sequence, hours(sequence), assets, removed, is_whole))

    def take_in(self, *news: GridNews) -> None:
        with self.database.transaction() as tx:
            for each in news:
                grid_assets.apply_news(tx, each)

    def assets(self, party: str = GRID, points: Sequence[str] | None = None) -> dict[str, str]:
        with self.database.transaction() as tx:
            found = grid_assets.assets_of_grid(tx, DsoScope(party), points)
        return {each.id: f"{each.max_production_kw:f}".removesuffix(".000") for each in found}

    def news(self, position: int = 0, party: str = GRID) -> tuple[list[str], list[str], int]:
        """Return new or changed ids, removed ids, and the position after them."""
        with self.database.transaction() as tx:
            found = grid_assets.changes_after(tx, DsoScope(party), position)
        if found is None:
            return [], [], position
        return [each.id for each in found.assets], found.removed_ids, found.position

    def age(self) -> datetime | None:
        with self.database.transaction() as tx:
            return grid_assets.age_of_grid(tx, DsoScope(GRID))


@pytest.fixture
def copy(local: LocalStack, databases: dict[str, Database]) -> Copy:
    emptied(local)
    return Copy(databases["dso"])


def test_changes_make_the_copy_and_the_feed(copy: Copy) -> None:
    copy.told(1, listing("B"), listing("A"))
    *first, position = copy.news()
    copy.told(2, listing("A", "20"), removed=["B"])

    assert first == [["A", "B"], []]
    assert copy.news(position)[:2] == (["A"], ["B"])
    assert copy.assets() == {"A": "20"}


def test_what_is_told_as_it_was_is_no_news(copy: Copy) -> None:
    copy.told(1, listing("A"), listing("B"))
    copy.told(2, removed=["C", "B"])
    *_, position = copy.news()

    copy.told(3, listing("A"), removed=["B", "C"])
    copy.told(4, listing("A"), is_whole=True)

    assert copy.news(position) == ([], [], position)


def test_who_starts_at_the_beginning_is_told_of_nothing_that_is_gone(copy: Copy) -> None:
    copy.told(1, listing("A"), listing("B"))
    copy.told(2, removed=["A"])

    assert copy.news()[:2] == (["B"], [])
    copy.told(3, removed=["B"])
    assert copy.news() == ([], [], 0)


def test_a_whole_list_takes_away_what_it_does_not_name(copy: Copy) -> None:
    copy.told(1, listing("A"), listing("B"))
    *_, position = copy.news()

    copy.told(2, listing("B"), listing("C"), is_whole=True)

    assert copy.news(position)[:2] == (["C"], ["A"])
    assert copy.assets() == {"B": "10", "C": "10"}
    copy.told(3, is_whole=True)
    assert copy.assets() == {}


def test_a_change_that_a_whole_list_has_in_it_already_changes_nothing(copy: Copy) -> None:
    """A list does not name an asset that came and went. Without the sequence of the list, the asset would return."""
    copy.told(5, listing("A"), is_whole=True)

    copy.told(4, listing("A", "99"), listing("gone before"))

    assert copy.assets() == {"A": "10"}


def test_an_older_list_leaves_what_changed_since(copy: Copy) -> None:
    copy.told(5, listing("new"), listing("A", "20"), removed=["B"])

    copy.told(4, listing("A"), listing("B"), listing("C"), is_whole=True)

    assert copy.assets() == {"A": "20", "C": "10", "new": "10"}


def test_documents_in_any_order_make_the_same_copy(copy: Copy) -> None:
    story = [
        GridNews(GRID, 1, hours(1), [listing("A"), listing("B")]),
        GridNews(GRID, 2, hours(2), [listing("A", "20"), listing("C")], ["B"]),
        GridNews(GRID, 3, hours(3), [listing("A", "20"), listing("D")], is_whole=True),
        GridNews(GRID, 4, hours(4), [listing("B", "30")], ["A"]),
    ]
    for order in permutations(story):
        with copy.database.transaction() as tx:
            tx.execute("DELETE FROM grid_asset")
            tx.execute("DELETE FROM grid_copy")
        copy.take_in(*order)
        assert copy.assets() == {"B": "30", "D": "10"}, [news.sequence for news in order]
        assert copy.age() == hours(4)


@given(st.lists(st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["1", "2"])), min_size=1, max_size=6))
def test_who_follows_the_feed_has_the_copy(databases: dict[str, Database], states: list[dict[str, str]]) -> None:
    """This holds for whole lists and for changes, in any number at once."""
    copy, known, position, before = Copy(databases["dso"]), dict[str, str](), 0, dict[str, str]()
    with copy.database.transaction() as tx:
        tx.execute("DELETE FROM grid_asset")
        tx.execute("DELETE FROM grid_copy")
        tx.execute("DELETE FROM feed")

    for sequence, state in enumerate(states, 1):
        assets = [listing(asset_id, power) for asset_id, power in state.items()]
        copy.told(sequence, *assets, removed=sorted(before.keys() - state), is_whole=sequence % 3 == 0)
        before = state
        if sequence % 2:
            new, gone, position = copy.news(position)
            known |= {asset_id: power for asset_id, power in copy.assets().items() if asset_id in new}
            known = {asset_id: power for asset_id, power in known.items() if asset_id not in gone}
            assert known == copy.assets() == state


def test_only_ones_own_grid_is_read_and_only_the_points_asked_for(copy: Copy) -> None:
    copy.told(1, listing("A"))

    assert copy.assets(OTHER_GRID) == {}
    assert copy.news(party=OTHER_GRID) == ([], [], 0)
    assert (copy.assets(points=["P1"]), copy.assets(points=["P2"])) == ({"A": "10"}, {})


def test_nothing_is_known_before_anything_was_told_and_an_empty_grid_is_something(copy: Copy) -> None:
    assert copy.age() is None

    copy.told(1, is_whole=True)

    assert copy.age() == hours(1)
