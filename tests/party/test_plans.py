"""Plans in force as an index, the view of a DSO, its changes per window, and its own copy (F8a, F9)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from tests.support.rows import NOW, Registrar, asset, hours, point, rows
from tests.support.servers import GRID, OPERATOR, OTHER_GRID, RIVAL, emptied
from tps.domain.asset import Removal
from tps.domain.limit import Interval
from tps.domain.plan import Piece
from tps.domain.schedule import EARLIEST, LATEST, schedule_of
from tps.domain.scope import DsoScope
from tps.dso import plans as received_plans
from tps.dso.plans import News
from tps.errors import RuleBroken
from tps.local.embedded.stack import LocalStack
from tps.party import plan_blocks, plans
from tps.party.plan_blocks import new_block, schedules_of
from tps.platform import schedules
from tps.platform.schedules import AcceptedDocument, PlanChange
from tps.stores.database import Database

A, B = "571313190000000011", "571313190000000028"
NORTH, SOUTH = DsoScope(GRID), DsoScope(OTHER_GRID)
ALWAYS = Interval(EARLIEST, LATEST)


def span(start: float, end: float) -> Interval:
    """Return an interval in hours from NOW."""
    return Interval(hours(start), hours(end))


def piece(asset_id: str, start: float, end: float, *, rank: int = 1, block_id: str | None = "block") -> Piece:
    return Piece(asset_id, span(start, end), rank, block_id)


def put(database: Database, owner: str, *pieces: Piece) -> None:
    with database.transaction() as tx:
        plans.replace_pieces(tx, owner, [], pieces)


def planned(
    database: Database, scope: DsoScope, period: Interval = ALWAYS, ids: Sequence[str] | None = None
) -> list[Piece]:
    with database.transaction() as tx:
        return plans.planned_in_grid(tx, scope, period, ids)


@pytest.fixture
def grid(tps: Database) -> Registrar:
    """Asset A of one operator and B of another in the north, C in the south."""
    registrar = Registrar(tps)
    registrar.points(GRID, point("P1"))
    registrar.points(OTHER_GRID, point("P2"))
    registrar.assets(OPERATOR, asset("A"), asset("C", at="P2"))
    registrar.assets(RIVAL, asset("B"))
    return registrar


@pytest.fixture
def dso(local: LocalStack, databases: dict[str, Database]) -> Database:
    """The empty database of the DSOs."""
    emptied(local)
    return databases["dso"]


# The platform's plans


def test_a_dso_sees_the_plans_of_its_own_grid_by_asset_and_time(tps: Database, grid: Registrar) -> None:
    put(tps, OPERATOR, piece("A", 3, 4), piece("A", 1, 2), piece("C", 1, 2))
    put(tps, RIVAL, piece("B", 0, 1))

    assert planned(tps, NORTH) == [piece("A", 1, 2), piece("A", 3, 4), piece("B", 0, 1)]
    assert planned(tps, SOUTH) == [piece("C", 1, 2)]
    assert planned(tps, NORTH, ids=["B", "C", "unknown"]) == [piece("B", 0, 1)]
    assert planned(tps, NORTH, ids=[]) == []


def test_a_period_is_half_open_and_finds_what_only_touches_it(tps: Database, grid: Registrar) -> None:
    put(tps, OPERATOR, *(piece("A", start, start + 1) for start in range(10)), piece("A", 20, 30))

    found = {
        period: [each.period for each in planned(tps, NORTH, span(*period))]
        for period in [(3.5, 5), (4, 4.5), (25, 26)]
    }

    assert found == {(3.5, 5): [span(3, 4), span(4, 5)], (4, 4.5): [span(4, 5)], (25, 26): [span(20, 30)]}
    assert planned(tps, NORTH, span(10, 20)) == []


def test_the_plan_of_whoever_holds_the_asset_is_shown(tps: Database, grid: Registrar) -> None:
    grid.assets(RIVAL, asset("A"))
    put(tps, OPERATOR, piece("A", 1, 2))
    put(tps, RIVAL, piece("A", 5, 6))
    before = planned(tps, NORTH)

    grid.assets(OPERATOR, Removal("A"))

    assert (before, planned(tps, NORTH)) == ([piece("A", 1, 2)], [piece("A", 5, 6)])


def test_pieces_are_replaced_by_what_holds_instead(tps: Database, grid: Registrar) -> None:
    before = [piece("A", 0, 4), piece("B", 0, 4)]
    put(tps, OPERATOR, *before)

    with tps.transaction() as tx:
        plans.replace_pieces(tx, OPERATOR, before, [piece("A", 0, 1), piece("A", 1, 4, rank=2), before[1]])

    with tps.transaction() as tx:
        found = plans.pieces_within(tx, OPERATOR, ["A", "B"], ALWAYS)
    assert found == [piece("A", 0, 1), piece("A", 1, 4, rank=2), piece("B", 0, 4)]


def change(database: Database, asset_id: str, period: Interval, at: datetime = NOW) -> None:
    with database.transaction() as tx:
        schedules.add_changes(tx, [PlanChange(asset_id, period)], at)


def told(database: Database, window_end: datetime, scope: DsoScope = NORTH) -> list[PlanChange] | None:
    """Return the changes taken for a window. Return None if this window or a later one was told."""
    with database.transaction() as tx:
        if not schedules.close_window(tx, scope.party, window_end):
            return None
        return schedules.take_changes(tx, scope, window_end, NOW)


def to_tell(database: Database, window_end: datetime) -> list[str]:
    with database.transaction() as tx:
        return schedules.dsos_to_tell(tx, window_end)


def test_a_dso_is_told_once_per_window_of_the_changes_in_its_grid(tps: Database, grid: Registrar) -> None:
    for asset_id in ("B", "A", "A", "C", "in no grid"):
        change(tps, asset_id, span(1, 2))
    change(tps, "A", span(3, 4), hours(1))

    dsos = to_tell(tps, hours(1))

    assert dsos == sorted([GRID, OTHER_GRID])
    assert told(tps, hours(1)) == [PlanChange("A", span(1, 2)), PlanChange("B", span(1, 2))]
    assert told(tps, hours(1)) is None
    assert told(tps, hours(1), SOUTH) == [PlanChange("C", span(1, 2))]
    assert to_tell(tps, hours(1)) == []
    assert told(tps, hours(2)) == [PlanChange("A", span(3, 4))]


def test_what_comes_late_goes_with_the_next_window(tps: Database, grid: Registrar) -> None:
    """The transaction began before the end of the window and was committed after the DSO was told."""
    assert told(tps, hours(1)) == []
    change(tps, "A", span(1, 2), hours(0.5))

    assert told(tps, hours(1)) is None
    assert told(tps, hours(2)) == [PlanChange("A", span(1, 2))]


def test_all_of_a_plan_is_from_today_to_the_end_of_what_anybody_planned(tps: Database, grid: Registrar) -> None:
    put(tps, OPERATOR, piece("A", -100, 5))
    put(tps, RIVAL, piece("A", 5, 9))
    with tps.transaction() as tx:
        tx.execute(
            "INSERT INTO plan_change SELECT id, '-infinity', 'infinity', %s FROM unnest(ARRAY['A', 'B']) id", (NOW,)
        )

    assert told(tps, hours(1)) == [PlanChange("A", Interval(NOW.replace(hour=0), hours(9)))]


def test_what_stands_by_a_document_is_its_highest_revision(tps: Database) -> None:
    first = AcceptedDocument(1, False, ("A", "B"), span(1, 2))
    second = replace(first, revision=2, asset_ids=("A",))

    with tps.transaction() as tx:
        unknown = schedules.accepted_document(tx, OPERATOR, "D")
        for each in (first, second):
            schedules.keep_document(tx, OPERATOR, "D", each)
        found = [schedules.accepted_document(tx, party, "D") for party in (OPERATOR, RIVAL)]

    assert (unknown, found) == (None, [second, None])


def test_maxima_are_those_of_the_senders_own_claims_whatever_their_state(tps: Database, grid: Registrar) -> None:
    grid.assets(RIVAL, asset("A", production="7"))
    grid.assets(OPERATOR, asset("N", at="nobody's"), asset("gone"))
    grid.assets(OPERATOR, Removal("gone"))

    with tps.transaction() as tx:
        own = schedules.registered_maxima(tx, OPERATOR, ["A", "B", "N", "gone"])
        rivals = schedules.registered_maxima(tx, RIVAL, ["A"])
        grids = schedules.grids_of(tx, OPERATOR, ["A", "B", "C", "N"])

    assert own == {"A": (Decimal(10), None), "N": (Decimal(10), None)}
    assert rivals == {"A": (Decimal(7), None)}
    assert grids == {"A": GRID, "C": OTHER_GRID}


def test_a_block_gives_back_what_it_was_made_of(tps: Database) -> None:
    kept = [
        schedule_of(A, hours(1), "PT15M", [Decimal("0.001"), Decimal(-5), Decimal(-5)]),
        schedule_of(B, hours(2), "PT60M", [Decimal(0)]),
    ]
    block = new_block("b", kept)

    with tps.transaction() as tx:
        plan_blocks.add_blocks(tx, [block], NOW)
        found = plan_blocks.kept_blocks(tx, ["b", "unknown"])

    assert found == {"b": (block.content, "plans/2026/05/04/b.json")}
    assert schedules_of(zlib.decompress(block.content)) == kept


# A DSO's own copy


def documents() -> list[list[Piece]]:
    """Return three messages: a plan, another plan over a part of it, and the removal of a part of both."""
    return [
        [piece("A", 0, 8, rank=1, block_id="1")],
        [piece("A", 2, 4, rank=2, block_id="2"), piece("A", 4, 5, rank=2, block_id=None)],
        [piece("A", 3, 6, rank=3, block_id=None)],
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_messages_in_any_order_make_the_same_plan(dso: Database, order: tuple[int, ...]) -> None:
    with dso.transaction() as tx:
        for number in order:
            received_plans.put_plans(tx, GRID, documents()[number])
        found, others = (plans.plans_within(tx, scope, ALWAYS, ["A"]) for scope in (NORTH, SOUTH))

    assert [(each.period, each.block_id) for each in found] == [
        (span(0, 2), "1"),
        (span(2, 3), "2"),
        (span(6, 8), "1"),
    ]
    assert others == []


def test_the_feed_tells_where_plans_are_new_and_where_they_have_ended(dso: Database) -> None:
    with dso.transaction() as tx:
        received_plans.put_plans(tx, GRID, documents()[0])
        first = received_plans.news_after(tx, NORTH, 0)
        received_plans.put_plans(tx, GRID, documents()[1])
        second = received_plans.news_after(tx, NORTH, 1)
        received_plans.put_plans(tx, GRID, [piece("A", 20, 30, rank=3, block_id=None)])
        nothing = received_plans.news_after(tx, NORTH, 2)
        received_plans.drop_plans(tx, GRID, ["A"], 4)
        dropped, since = received_plans.news_after(tx, NORTH, 2), received_plans.news_after(tx, NORTH, 0)
        late = received_plans.put_plans(tx, GRID, [piece("A", 0, 8, rank=3)])
        of_others = received_plans.news_after(tx, SOUTH, 0)

    assert (first, second) == (News(1, {"A": [span(0, 8)]}), News(2, {"A": [span(2, 5)]}))
    assert (dropped, since) == (News(3, {"A": [span(0, 4), span(5, 8)]}), News(3, {"A": [span(0, 8)]}))
    assert (nothing, late, of_others) == (None, None, None)
    with dso.transaction() as tx:
        assert plans.plans_within(tx, NORTH, ALWAYS, ["A"]) == []
        assert len(rows(tx, "SELECT DISTINCT position FROM plan_news")) == 3


def test_the_age_of_the_copy_never_goes_back(dso: Database) -> None:
    with dso.transaction() as tx:
        before = received_plans.age(tx, NORTH)
        for at in (hours(2), hours(1)):
            received_plans.note_age(tx, GRID, at)

        assert (before, received_plans.age(tx, NORTH), received_plans.age(tx, SOUTH)) == (None, hours(2), None)


def test_a_question_has_one_answer_and_others_questions_none(dso: Database) -> None:
    reply, later = received_plans.Reply(NOW, "R"), received_plans.Reply(NOW + timedelta(1), None)

    with dso.transaction() as tx:
        received_plans.add_request(tx, GRID, "Q")
        before = received_plans.read_reply(tx, NORTH, "Q")
        noted = [
            received_plans.note_reply(tx, GRID, each, answer)
            for each, answer in (("Q", reply), ("X", reply), ("Q", later))
        ]

        assert (before, noted) == (None, [True, False, True])
        assert received_plans.read_reply(tx, NORTH, "Q") == reply
        assert received_plans.read_reply(tx, SOUTH, "Q") is None


def test_a_long_feed_is_told_in_parts(dso: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received_plans, "MANY_NEWS", 3)
    with dso.transaction() as tx:
        for rank in range(1, 5):
            received_plans.put_plans(tx, GRID, [piece(name, rank, rank + 1, rank=rank) for name in ("A", "B")])

        told = [received_plans.news_after(tx, NORTH, position) for position in (0, 2, 4)]

    assert [news and news.position for news in told] == [2, 4, None]


def test_who_asks_for_too_much_is_told_so(tps: Database, grid: Registrar, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tps, OPERATOR, *(piece("A", start, start + 1) for start in range(3)))
    monkeypatch.setattr(plans, "MAX_PIECES", 2)

    with tps.transaction() as tx, pytest.raises(RuleBroken) as refused:
        plans.requested_in_grid(tx, NORTH, ALWAYS)

    assert [finding.code for finding in refused.value.findings] == ["A59"]
    with tps.transaction() as tx:
        assert len(plans.requested_in_grid(tx, NORTH, span(0, 2))) == 2
