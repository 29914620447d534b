"""Changes of assets: told to their DSO by state, window by window, and marked for plans and limits (F5b)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.support.rows import NOW, Registrar, asset, hours, point, rows
from tests.support.servers import DEADLINE_S, GRID, OPERATOR, OTHER_GRID, RIVAL
from tests.support.statements import statements_of
from tps.domain.asset import ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.limit import Action, Direction, Interval, LimitKind, Reason, UnforeseenLimit
from tps.domain.limit_revision import LimitStatus
from tps.domain.scope import DsoScope
from tps.platform import asset_changes, limits
from tps.platform.limits import LimitName, Revision, WeighedAsset
from tps.stores.database import Database

Told = dict[str, tuple[list[str], list[str]]]


@dataclass
class Platform:
    """Registers assets and tells changes as the platform does. Each window is an hour after the one before."""

    registrar: Registrar
    told: int = 0

    @property
    def database(self) -> Database:
        return self.registrar.database

    def assets(self, operator: str, *entries: FlexibilityAsset | Removal) -> None:
        self.registrar.assets(operator, *entries)
        with self.database.transaction() as tx:
            asset_changes.touch_assets(tx, [entry.id for entry in entries], hours(self.told))

    def points(self, dso: str, *entries: ConnectionPoint | Removal) -> None:
        self.registrar.points(dso, *entries)
        with self.database.transaction() as tx:
            asset_changes.touch_points(tx, [entry.id for entry in entries], hours(self.told))

    def tell(self, limit: int = asset_changes.MAX_ASSETS) -> Told:
        """Return the ids that each DSO is told: new or changed ids, and removed ids."""
        self.told += 1
        with self.database.transaction() as tx:
            changes = asset_changes.take_changes(tx, hours(self.told), limit)
        return {dso: ([each.id for each in one.assets], list(one.removed_ids)) for dso, one in changes.items()}

    def listed(self, dso: str) -> list[str]:
        with self.database.transaction() as tx:
            return [each.id for each in asset_changes.tell_list(tx, DsoScope(dso))]

    def marks(self) -> tuple[list[str], list[str]]:
        """Take the marks: assets whose plans, and whose limits, must be checked."""
        with self.database.transaction() as tx:
            plans = rows(tx, "DELETE FROM plan_change RETURNING asset_id")
            limits = rows(tx, "DELETE FROM handed_over RETURNING asset_id")
        return sorted({row[0] for row in plans}), sorted({row[0] for row in limits})

    def stop(self, *asset_ids: str) -> None:
        """Accept a limit of two hours on assets of OPERATOR."""
        period, reason, both = Interval(NOW, hours(2)), Reason("B18"), Direction.BOTH
        stop = UnforeseenLimit(asset_ids, Action.STOP, both, period, reason)
        name, frozen = LimitName(GRID, "L1", 1), [WeighedAsset(each, OPERATOR, Decimal(0)) for each in asset_ids]
        with self.database.transaction() as tx:
            limits.add_revision(
                tx, Revision(name, LimitKind.UNFORESEEN, LimitStatus.ACTIVE, both, period, reason, stop, "m1", NOW)
            )
            limits.freeze_assets(tx, name, frozen)

    def tick(self, after_h: float = 1) -> list[tuple[str, str, str]]:
        """Return the limits to divide again, and clear their marks."""
        with self.database.transaction() as tx:
            marks, found = limits.handed_over(tx, hours(after_h))
            limits.forget_marks(tx, marks)
        return [move for each in found for move in each.moves]

    def marked(self) -> list[str]:
        with self.database.transaction() as tx:
            return sorted(row[0] for row in rows(tx, "SELECT asset_id FROM handed_over"))


@pytest.fixture
def platform(tps: Database) -> Platform:
    made = Platform(Registrar(tps))
    made.points(GRID, point("P1"), point("P2"))
    made.points(OTHER_GRID, point("P3"))
    return made


def test_a_dso_is_told_of_new_assets_once(platform: Platform) -> None:
    platform.assets(RIVAL, asset("B"))
    platform.assets(OPERATOR, asset("A"), asset("C", at="P3"), asset("waits", at="P9"))

    assert platform.tell() == {GRID: (["A", "B"], []), OTHER_GRID: (["C"], [])}
    assert platform.tell() == {}


@pytest.mark.parametrize(
    "changed",
    [
        asset("A", production="11"),
        asset("A", consumption="1"),
        asset("A", at="P2"),
        FlexibilityAsset("A", "P1", max_production_kw=asset("A").max_production_kw),
    ],
)
def test_a_new_power_kind_or_point_is_a_change(platform: Platform, changed: FlexibilityAsset) -> None:
    platform.assets(OPERATOR, asset("A"), asset("B"))
    platform.tell()

    platform.assets(OPERATOR, changed)

    assert platform.tell() == {GRID: (["A"], [])}


def test_what_a_dso_cannot_see_is_no_change(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"))
    platform.assets(RIVAL, asset("A"))
    platform.tell()

    platform.assets(OPERATOR, Removal("A"))

    assert platform.registrar.operator_of("A") == RIVAL
    assert platform.tell() == {}


def test_changed_and_back_within_a_window_is_nothing(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"))
    platform.tell()

    platform.assets(OPERATOR, asset("A", production="99"), asset("B"))
    platform.assets(OPERATOR, asset("A"), Removal("B"))

    assert platform.tell() == {}


def test_an_asset_in_another_grid_is_gone_here_and_new_there(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"))
    platform.tell()

    platform.assets(OPERATOR, asset("A", at="P3"))

    assert platform.tell() == {GRID: ([], ["A"]), OTHER_GRID: (["A"], [])}


def test_a_released_point_takes_its_assets_along(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"), asset("B", at="P2"))
    platform.tell()

    platform.points(GRID, Removal("P1"))
    gone = platform.tell()
    platform.points(OTHER_GRID, point("P1"))

    assert (gone, platform.tell()) == ({GRID: ([], ["A"])}, {OTHER_GRID: (["A"], [])})


def test_a_window_is_told_once_and_what_comes_late_goes_with_the_next(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"))
    first = platform.tell()
    platform.assets(OPERATOR, asset("B"))

    with platform.database.transaction() as tx:
        again = asset_changes.take_changes(tx, hours(platform.told))
        tx.execute("UPDATE touched_asset SET touched_at = %s", (NOW,))
        late = asset_changes.take_changes(tx, hours(platform.told))

    assert (first, again, late) == ({GRID: (["A"], [])}, {}, {})
    assert platform.tell() == {GRID: (["B"], [])}


def test_what_is_too_much_for_one_document_goes_on_with_the_next_window_by_id(platform: Platform) -> None:
    for operator, asset_id in [(OPERATOR, "D"), (RIVAL, "B"), (OPERATOR, "A"), (RIVAL, "C")]:
        platform.assets(operator, asset(asset_id))

    assert [platform.tell(limit=3), platform.tell(limit=3)] == [{GRID: (["A", "B", "C"], [])}, {GRID: (["D"], [])}]


def test_what_a_list_has_told_is_no_change_any_more(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"), asset("B", at="P3"))
    platform.tell()
    platform.assets(OPERATOR, Removal("A"), asset("B", at="P1"), asset("C"))

    listed = platform.listed(GRID)

    assert listed == ["B", "C"]
    assert platform.tell() == {OTHER_GRID: ([], ["B"])}


def test_an_asset_that_was_other_in_a_list_and_is_as_before_again_is_a_change(platform: Platform) -> None:
    """Otherwise the DSO would keep the state of the list."""
    platform.assets(OPERATOR, asset("A"), asset("B"))
    platform.tell()
    platform.assets(OPERATOR, asset("A", production="99"), Removal("B"))
    platform.listed(GRID)

    platform.assets(OPERATOR, asset("A"), asset("B"))

    assert platform.tell() == {GRID: (["A", "B"], [])}


def test_plans_are_looked_at_where_operator_or_grid_are_others(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"), asset("B"), asset("waits", at="P9"))
    new = platform.marks()

    platform.assets(OPERATOR, asset("A", production="99"), asset("B", at="P2"))
    same = platform.marks()
    platform.assets(OPERATOR, asset("A", at="P3"), Removal("B"))

    assert (new, same, platform.marks()) == ((["A", "B"], []), ([], []), (["A", "B"], []))


def test_limits_are_divided_anew_where_another_operator_holds_than_did_last(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"), asset("B"), asset("C"))
    platform.assets(RIVAL, asset("A"))
    platform.marks()

    platform.assets(OPERATOR, Removal("A"), Removal("B"), Removal("C"))
    at_once = platform.marks()
    platform.assets(RIVAL, asset("B"))
    platform.assets(OPERATOR, asset("C"))

    assert at_once == (["A", "B", "C"], ["A"])
    assert platform.marks() == (["B", "C"], ["B"])


@pytest.mark.parametrize("away", [Removal("A"), asset("A", at="P3")])
def test_an_asset_that_was_away_again_at_the_tick_has_changed_hands_once_it_is_back(
    platform: Platform, away: FlexibilityAsset | Removal
) -> None:
    platform.assets(OPERATOR, asset("A"))
    platform.stop("A")
    platform.assets(OPERATOR, Removal("A"))
    platform.assets(RIVAL, asset("A"))
    platform.assets(RIVAL, away)
    meanwhile = platform.tick()

    platform.assets(RIVAL, asset("A"))

    assert (meanwhile, platform.tick()) == ([], [("A", OPERATOR, RIVAL)])
    assert platform.marked() == []


def test_a_mark_of_an_asset_that_is_away_stays_as_long_as_a_limit_holds_it(platform: Platform) -> None:
    platform.assets(OPERATOR, asset("A"), asset("free"))
    platform.stop("A")
    platform.assets(OPERATOR, Removal("A"), Removal("free"))
    platform.assets(RIVAL, asset("A"), asset("free"))
    platform.assets(RIVAL, Removal("A"), Removal("free"))

    assert (platform.tick(), platform.marked()) == ([], ["A"])
    assert (platform.tick(after_h=2), platform.marked()) == ([], [])


def test_a_whole_countrys_assets_are_told_once(platform: Platform) -> None:
    names = [f"A{number:05}" for number in range(17_505)]
    platform.points(GRID, *(point(f"Q{number}") for number in range(2000)))
    assets = [asset(name, at=f"Q{number % 2000}") for number, name in enumerate(names)]

    of_many = statements_of(lambda: platform.assets(OPERATOR, *assets))
    told = platform.tell()
    of_one = statements_of(lambda: platform.assets(OPERATOR, assets[0]))
    platform.assets(OPERATOR, *assets)
    again = platform.tell()
    platform.points(GRID, *(Removal(f"Q{number}") for number in range(2000)))
    gone = platform.tell()

    assert (told, again, gone) == ({GRID: (names, [])}, {}, {GRID: ([], names)})
    assert 0 < of_many <= of_one + 2


def test_two_lists_at_once_are_told_one_after_the_other(platform: Platform) -> None:
    """Otherwise the list that was read first could be sent last."""
    platform.assets(OPERATOR, asset("A"))
    with ThreadPoolExecutor(1) as pool:
        with platform.database.transaction() as tx:
            asset_changes.tell_list(tx, DsoScope(GRID))
            assert platform.listed(OTHER_GRID) == []
            second = pool.submit(platform.listed, GRID)
            with pytest.raises(TimeoutError):
                second.result(0.2)
            platform.assets(OPERATOR, asset("B"))

        assert second.result(DEADLINE_S) == ["A", "B"]
