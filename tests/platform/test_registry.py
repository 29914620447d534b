"""The registry: claims, holders, waiting claims and notices (F4a, F5; docs/semantics.md, "Registration")."""

from decimal import Decimal

import pytest

from tests.support.rows import Registrar, asset, point, rows
from tests.support.servers import GRID, OPERATOR, OTHER_GRID, RIVAL, at_once
from tests.support.statements import statements_of
from tps.domain.asset import Removal
from tps.domain.scope import DsoScope
from tps.platform import claims, registry
from tps.platform.registry import ClaimStatus, Party
from tps.stores.database import Database


@pytest.fixture
def registrar(tps: Database) -> Registrar:
    return Registrar(tps)


def test_the_first_claim_holds_and_the_second_waits(registrar: Registrar) -> None:
    registrar.points(GRID, point())

    registrar.assets(OPERATOR, asset("A"))
    registrar.assets(RIVAL, asset("A"))

    assert registrar.operator_of("A") == OPERATOR


def test_a_release_promotes_who_waited_longest(registrar: Registrar) -> None:
    registrar.points(GRID, point())
    for operator in (OPERATOR, RIVAL, "third"):
        registrar.assets(operator, asset("A"))

    registrar.assets(OPERATOR, Removal("A"))

    assert registrar.operator_of("A") == RIVAL


def test_who_released_and_claims_again_stands_last(registrar: Registrar) -> None:
    registrar.points(GRID, point())
    registrar.assets(OPERATOR, asset("A"))
    registrar.assets(RIVAL, asset("A"))
    registrar.assets(OPERATOR, Removal("A"))

    registrar.assets(OPERATOR, asset("A"))

    assert registrar.operator_of("A") == RIVAL
    registrar.assets(RIVAL, Removal("A"))
    assert registrar.operator_of("A") == OPERATOR


def test_changing_a_waiting_claim_keeps_its_place(registrar: Registrar) -> None:
    registrar.points(GRID, point())
    for operator in (OPERATOR, RIVAL, "third"):
        registrar.assets(operator, asset("A"))

    registrar.assets(RIVAL, asset("A", production="7"))
    registrar.assets(OPERATOR, Removal("A"))

    assert registrar.operator_of("A") == RIVAL


def test_a_lower_sequence_changes_nothing_and_is_named(registrar: Registrar, tps: Database) -> None:
    registrar.points(GRID, point())
    registrar.assets(OPERATOR, asset("A", production="20"), sequence=5)

    stale = registrar.assets(OPERATOR, asset("A", production="10"), asset("B"), sequence=4)

    assert stale == {"A"}
    with tps.transaction() as tx:
        powers = {each.id: each.max_production_kw for each in registry.listing(tx, DsoScope(GRID))}
    assert powers == {"A": Decimal(20), "B": Decimal(10)}


def test_a_removed_asset_is_not_brought_back_by_an_older_registration(registrar: Registrar) -> None:
    registrar.points(GRID, point())

    registrar.assets(OPERATOR, Removal("A"), sequence=2)
    stale = registrar.assets(OPERATOR, asset("A"), sequence=1)

    assert stale == {"A"}
    assert registrar.listed() == []


def test_sequences_of_different_parties_do_not_meet(registrar: Registrar) -> None:
    registrar.points(GRID, point())
    registrar.assets(OPERATOR, asset("A"), sequence=9)
    registrar.assets(OPERATOR, Removal("A"), sequence=10)

    stale = registrar.assets(RIVAL, asset("A"), sequence=1)

    assert stale == set()
    assert registrar.operator_of("A") == RIVAL


def test_an_asset_waits_for_its_point_and_its_operator_is_told_once(registrar: Registrar) -> None:
    registrar.assets(OPERATOR, asset("A"))
    assert registrar.moved(assets=("A",)) == []
    assert registrar.listed() == []

    registrar.points(GRID, point())
    moved = registrar.moved(points=("P1",))

    assert [(each.party, each.before, each.after) for each in moved] == [
        (OPERATOR, ClaimStatus("A", False, False), ClaimStatus("A", True, False))
    ]
    assert registrar.moved(points=("P1",)) == []
    assert registrar.listed() == ["A"]


def test_releasing_a_point_lets_its_assets_wait_or_gives_them_to_the_next_grid(registrar: Registrar) -> None:
    registrar.assets(OPERATOR, asset("A"))
    registrar.points(GRID, point())
    registrar.points(OTHER_GRID, point())
    registrar.moved(points=("P1",))

    registrar.points(GRID, Removal("P1"))

    assert registrar.moved(points=("P1",)) == []
    assert (registrar.listed(GRID), registrar.listed(OTHER_GRID)) == ([], ["A"])
    registrar.points(OTHER_GRID, Removal("P1"))
    assert [each.after.is_active for each in registrar.moved(points=("P1",))] == [False]


def test_a_waiting_point_that_comes_to_hold_is_told(registrar: Registrar, tps: Database) -> None:
    registrar.points(GRID, point())
    registrar.points(OTHER_GRID, point())
    registrar.points(GRID, Removal("P1"))

    with tps.transaction() as tx:
        moved = registry.moved_points(tx, ["P1"])
        statuses = registry.point_statuses(tx, OTHER_GRID, ["P1"])

    assert [(each.party, each.after.is_active) for each in moved] == [(OTHER_GRID, True)]
    assert statuses == [ClaimStatus("P1", True, False)]


def test_assets_beyond_their_points_maximum_are_capped_whoever_operates_them(registrar: Registrar) -> None:
    registrar.points(GRID, point(production="15"))
    registrar.assets(OPERATOR, asset("A", production="10"))
    registrar.moved(assets=("A",))

    registrar.assets(RIVAL, asset("B", production="10"))
    moved = registrar.moved(assets=("B",))

    assert [(each.after.id, each.after.is_capped) for each in moved] == [("A", True), ("B", True)]


def test_only_the_direction_that_is_too_much_caps(registrar: Registrar) -> None:
    registrar.points(GRID, point(production="15", consumption="5"))
    registrar.assets(OPERATOR, asset("A", production="10"), asset("B", production=None, consumption="6"))

    moved = registrar.moved(assets=("A", "B"))

    assert [(each.after.id, each.after.is_capped) for each in moved] == [("A", False), ("B", True)]


def test_a_cap_goes_when_the_other_asset_moves_to_another_point(registrar: Registrar) -> None:
    registrar.points(GRID, point(production="15"), point("P2"))
    registrar.assets(OPERATOR, asset("A"))
    registrar.assets(RIVAL, asset("B"))
    registrar.moved(assets=("A", "B"))

    registrar.assets(RIVAL, asset("B", at="P2"))
    moved = registrar.moved(assets=("B",))

    assert [(each.after.id, each.after.is_active, each.after.is_capped) for each in moved] == [
        ("A", True, False),
        ("B", True, False),
    ]


def test_a_cap_goes_when_the_other_asset_is_removed(registrar: Registrar) -> None:
    registrar.points(GRID, point(production="15"))
    registrar.assets(OPERATOR, asset("A"))
    registrar.assets(RIVAL, asset("B"))
    registrar.moved(assets=("A", "B"))

    registrar.assets(RIVAL, Removal("B"))

    assert [each.after for each in registrar.moved(assets=("B",)) if each.party == OPERATOR] == [
        ClaimStatus("A", True, False)
    ]


def test_earlier_forms_are_kept_but_not_what_was_told(registrar: Registrar, tps: Database) -> None:
    registrar.points(GRID, point(production="5"))
    registrar.assets(OPERATOR, asset("A", production="10"))
    registrar.moved(assets=("A",))
    registrar.assets(OPERATOR, asset("A", production="20"))
    registrar.assets(OPERATOR, Removal("A"))

    with tps.transaction() as tx:
        history = rows(
            tx,
            "SELECT operator, max_production_kw, holds FROM asset_history WHERE id = 'A' AND claimed IS NOT NULL"
            " AND holds ORDER BY changed_at",
        )

    assert history == [(OPERATOR, Decimal(10), True), (OPERATOR, Decimal(20), True)]


def test_the_times_of_history_are_in_the_order_of_changes_though_transactions_began_in_another(
    registrar: Registrar, tps: Database
) -> None:
    registrar.assets(OPERATOR, asset("A", production="1"))
    with tps.transaction() as early:
        early.execute("SELECT 1")  # begins its transaction before the other one
        registrar.assets(OPERATOR, asset("A", production="2"))
        claims.claim_assets(early, registrar.source(OPERATOR), [asset("A", production="3")])

    with tps.transaction() as tx:
        powers = rows(tx, "SELECT max_production_kw FROM asset_history WHERE holds ORDER BY changed_at")

    assert powers == [(Decimal(1),), (Decimal(2),)]


def test_of_two_operators_who_claim_at_once_one_holds(registrar: Registrar, tps: Database) -> None:
    registrar.points(GRID, point())
    names = [f"A{number}" for number in range(50)]
    forth, back = [asset(name) for name in names], [asset(name) for name in reversed(names)]

    at_once(lambda: registrar.assets(OPERATOR, *forth), lambda: registrar.assets(RIVAL, *back))

    with tps.transaction() as tx:
        holders = rows(tx, "SELECT id, count(*) FROM asset_claim WHERE holds GROUP BY id")
        operators = {row[0] for row in rows(tx, "SELECT DISTINCT operator FROM asset_claim WHERE holds")}
    assert sorted(holders) == [(name, 1) for name in sorted(names)]
    assert len(operators) == 1


def test_a_whole_countrys_assets_are_registered_and_listed(registrar: Registrar, tps: Database) -> None:
    names = [f"A{number:05}" for number in range(17_505)]
    registrar.points(GRID, *(point(f"P{number % 2000}", production="50") for number in range(2000)))
    assets = [asset(name, at=f"P{number % 2000}", production="6") for number, name in enumerate(names)]

    of_many = statements_of(lambda: registrar.assets(OPERATOR, *assets))
    moved = registrar.moved(assets=tuple(names))
    of_one = statements_of(lambda: registrar.assets(OPERATOR, assets[0]))
    registrar.assets(OPERATOR, *assets)
    listed = registrar.listed()

    assert listed == names
    assert len(moved) == len(names)
    assert 0 < of_many <= of_one + 2


def test_parties_are_found_by_component_and_by_code(tps: Database) -> None:
    party = Party(GRID, "dso", "North Grid", "component-1", ("5713131", "5713132"))

    with tps.transaction() as tx:
        registry.add_party(tx, party)
        found = registry.party_by_component(tx, "component-1"), registry.party_by_component(tx, GRID)
        by_code = registry.parties(tx, [GRID, OPERATOR])

    assert found == (party, None)
    assert by_code == {GRID: party}
