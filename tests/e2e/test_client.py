"""The Python client against the whole system: every method, as parties call it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.world import World, eventually, fresh_gsrn
from tps.client import (
    Asset,
    AvailablePower,
    CapacityLimit,
    ConnectionPoint,
    Day,
    DsoClient,
    ForeseenLimit,
    LimitBatch,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OperatorClient,
    PlanEnd,
    Reason,
    Refused,
    Schedule,
    ScheduleBatch,
    UnforeseenLimit,
    day_in,
)

STARTS = datetime(2099, 4, 10, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Grid:
    """A DSO with one point, and one generator of Alpha there."""

    dso: DsoClient
    alpha: OperatorClient
    point: ConnectionPoint
    chp: Asset

    def foreseen(self, power_kw: int = 500) -> ForeseenLimit:
        slot = AvailablePower(STARTS, STARTS + timedelta(hours=8), Decimal(power_kw))
        return ForeseenLimit("production", (slot,), asset_ids=(self.chp.id,), reason=Reason("B19", "new transformer"))

    def stop(self, *asset_ids: str) -> UnforeseenLimit:
        return UnforeseenLimit("stop", STARTS, asset_ids=asset_ids or (self.chp.id,))


def told(news: Iterator[LimitBatch], **fields: object) -> CapacityLimit:
    """Return the first limit with these fields; limits of other tests may come before it."""
    coming = (limit for batch in news for limit in batch.limits)
    return next(limit for limit in coming if all(getattr(limit, name) == value for name, value in fields.items()))


@pytest.fixture(scope="module")
def grid(world: World) -> Grid:
    dso, alpha = world.dso().as_dso(), world.operator().as_operator()
    point = ConnectionPoint(fresh_gsrn(), "Station 17", Decimal(1000), sections=("T17/F3",))
    chp = Asset(fresh_gsrn(), point.id, "generation", max_production_kw=Decimal("600.5"), name="CHP")
    dso.set_points([point])
    alpha.set_assets([chp])
    return Grid(dso, alpha, point, chp)


def test_ping_needs_no_token(grid: Grid, world: World) -> None:
    assert grid.dso.ping() == grid.alpha.ping() == "pong"
    assert OperatorClient(world.stack.gateway_url, "no.to.ken", http=world.http).ping() == "pong"


def test_what_is_registered_is_read_back_changed_and_removed(grid: Grid) -> None:
    other = Asset(fresh_gsrn(), grid.point.id, "storage", Decimal(10), Decimal(12))

    assert grid.alpha.set_assets([other]).status == "accepted"
    grid.alpha.change_assets([{"id": other.id, "max_production_kw": None, "name": "Battery"}])

    changed = replace(other, max_production_kw=None, name="Battery", state="active")
    assert eventually(lambda: grid.alpha.assets([other.id]) == [changed])
    assert grid.alpha.assets() == sorted([replace(grid.chp, state="active"), changed], key=lambda each: each.id)
    grid.alpha.remove_assets([other.id])
    assert grid.alpha.assets([other.id]) == []


def test_points_are_read_back_changed_and_removed(grid: Grid) -> None:
    other = ConnectionPoint(fresh_gsrn(), sections=("T18", "T19"))

    grid.dso.set_points([other])
    grid.dso.change_points([{"id": other.id, "max_consumption_kw": Decimal("0.5"), "sections": ["T20"]}])

    changed = replace(other, max_consumption_kw=Decimal("0.5"), sections=("T20",), state="active")
    assert grid.dso.points([other.id]) == [changed]
    assert replace(grid.point, state="active") in grid.dso.points()
    grid.dso.remove_points([other.id])
    assert grid.dso.points([other.id]) == []


def test_the_dso_lists_its_assets_whole_or_in_pages(grid: Grid, world: World) -> None:
    dso, alpha = world.dso(), world.operator().as_operator()
    point = ConnectionPoint(fresh_gsrn())
    dso.as_dso().set_points([point])
    alpha.set_assets(
        Asset(fresh_gsrn(), point.id, "load", max_consumption_kw=Decimal(number)) for number in range(1, 6)
    )

    whole, paged = dso.as_dso().list_assets(), dso.as_dso(page_size=2).list_assets()

    assert len(whole.assets) == 5
    assert paged.assets == whole.assets
    assert whole.as_of.tzinfo is not None


def test_a_waiting_operator_gets_limits_as_values_and_goes_on_by_cursor(grid: Grid) -> None:
    place = grid.alpha.wait_limits(timeout_s=0).cursor
    limits = grid.alpha.limits(after=place, per_asset=True)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, limits)
        sent = grid.dso.send_limit(grid.foreseen())
        (limit,) = waiting.result(timeout=20).limits
    stopped = grid.dso.send_limit(grid.stop())
    stop = told(limits, action="stop")

    assert (limit.kind, limit.status, limit.revision, limit.direction) == ("foreseen", "active", 1, "production")
    assert limit.available == grid.foreseen().available
    assert limit.per_asset[0].available == limit.available
    assert limit.share is not None
    assert limit.share.weight_kw == Decimal("600.5")
    assert limit.reason == Reason("B19", "new transformer")
    assert (stop.action, stop.expected_end, stop.asset_ids) == ("stop", STARTS, (grid.chp.id,))
    assert {(each.power_kw, each.action) for each in grid.alpha.bounds() if each.direction == "production"} == {
        (Decimal(0), "stop"),
        (limit.available[0].power_kw, None),
    }
    assert grid.dso.message(sent.message_id).status == "accepted"
    assert stopped.revision == 1


def test_limits_are_listed_by_when_they_came_and_when_they_apply(grid: Grid) -> None:
    before = {limit.id for limit in grid.alpha.active_limits()}
    grid.dso.send_limit(grid.foreseen(400))

    new = eventually(lambda: [limit for limit in grid.alpha.active_limits() if limit.id not in before])

    applying = grid.alpha.list_limits(applies_from=STARTS, applies_to=STARTS + timedelta(hours=1))
    assert new[0] in applying
    assert new[0] in grid.alpha.list_limits(received_from=datetime(2026, 1, 1, tzinfo=UTC), all_revisions=True)
    assert grid.alpha.list_limits(received_to=datetime(2026, 1, 1, tzinfo=UTC)) == []


def test_who_waits_in_vain_gets_an_empty_batch(grid: Grid) -> None:
    place = grid.alpha.wait_limits(timeout_s=0).cursor

    assert not grid.alpha.wait_limits(after=place, timeout_s=0)


def test_an_emergency_names_what_it_left_out(grid: Grid) -> None:
    stranger = fresh_gsrn()

    outcome = grid.dso.send_limit(grid.stop(grid.chp.id, stranger))

    assert outcome.status == "partly_accepted"
    assert [(each.asset_id, each.code) for each in outcome.rejected] == [(stranger, "A64")]


def test_a_limit_is_updated_cancelled_and_read_back_and_the_operator_follows(grid: Grid) -> None:
    news = grid.alpha.limits(after=grid.alpha.wait_limits(timeout_s=0).cursor)
    sent = grid.dso.send_limit(grid.foreseen(300))
    first = told(news, available=grid.foreseen(300).available)

    updated = grid.dso.update_limit(sent.id, grid.foreseen(200))
    second = told(news, id=first.id)
    own = grid.dso.limit(sent.id)
    cancelled = grid.dso.end_limit(sent.id, "foreseen", reason="postponed")
    third = told(news, id=first.id)

    assert (updated.id, updated.revision, cancelled.revision) == (sent.id, 2, 3)
    assert (second.revision, second.available[0].power_kw, own.available) == (2, 200, second.available)
    assert (third.revision, third.status) == (3, "cancelled")
    assert own.delivery is not None
    assert own.delivery.asset_count == 1
    listed = {limit.id: limit for limit in grid.dso.list_limits(applies_from=STARTS)}
    assert (listed[sent.id].status, listed[sent.id].revision) == ("cancelled", 3)
    with pytest.raises(Refused, match="send a new limit"):
        grid.dso.update_limit(sent.id, grid.foreseen(100))


def test_an_emergency_in_a_section_is_tried_sent_and_withdrawn(grid: Grid) -> None:
    eventually(lambda: grid.dso.wait_asset_changes(timeout_s=1).assets or grid.dso.list_assets().assets)
    end = STARTS + timedelta(hours=1)
    stop = replace(grid.stop(), asset_ids=(), sections=("T17/F3",), expected_end=end)
    news = grid.alpha.limits(after=grid.alpha.wait_limits(timeout_s=0).cursor)

    tried = grid.dso.send_limit(stop, dry_run=True)
    sent = grid.dso.send_limit(stop)
    came = told(news, expected_end=end)
    grid.dso.withdraw_limit(sent.id, "unforeseen", "a drill")
    gone = told(news, id=came.id)

    assert tried.id == ""
    assert grid.chp.id in tried.asset_ids
    assert tried.asset_ids == sent.asset_ids
    assert (came.action, gone.status) == ("stop", "withdrawn")


def test_a_refusal_says_which_field_and_why(grid: Grid) -> None:
    with pytest.raises(Refused) as raised:
        grid.dso.send_limit(replace(grid.foreseen(), asset_ids=(grid.chp.id, fresh_gsrn())))

    assert [(error.pointer, error.code) for error in raised.value.errors] == [("/asset_ids/1", "A64")]


def test_the_same_key_is_sent_once(grid: Grid) -> None:
    first, again = (grid.dso.send_limit(grid.stop(), key="fault-7") for _ in range(2))

    assert (first.id, first.revision, first.message_id) == (again.id, again.revision, again.message_id)


def test_a_pending_outcome_can_be_waited_for(grid: Grid, world: World) -> None:
    dso = world.dso().as_dso(wait_s=0)

    outcome = dso.wait_for(dso.set_points([ConnectionPoint(fresh_gsrn())]))

    assert outcome.status == "accepted"


def test_a_day_of_100_quarters_is_planned_seen_changed_and_cancelled(grid: Grid) -> None:
    place = grid.dso.wait_schedules(timeout_s=0).cursor
    day = day_in("Europe/Copenhagen", date(2099, 10, 25))
    plan = day.schedule(grid.chp.id, [Decimal(number) for number in range(100)])
    news = grid.dso.schedules(after=place)

    assert grid.alpha.send_schedules([plan], dry_run=True).id == ""
    sent = grid.alpha.send_schedules([plan])

    assert (sent.status, sent.revision) == ("accepted", 1)
    assert next(news).schedules == (plan,)
    assert grid.dso.list_schedules(start=day.start, end=day.end).schedules == (plan,)
    assert_an_open_end_is_asked_of_the_platform(grid.dso, day, plan)
    update_and_cancel(grid, sent.id, day, news)


def assert_an_open_end_is_asked_of_the_platform(dso: DsoClient, day: Day, plan: Schedule) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    last_hour = dso.list_schedules([plan.asset_id], start=day.end - timedelta(hours=1))

    assert [each.power_kw for each in last_hour.schedules] == [plan.power_kw[-4:]]
    assert last_hour.as_of >= before


def update_and_cancel(grid: Grid, id: str, day: Day, news: Iterator[ScheduleBatch]) -> None:
    other = day.schedule(grid.chp.id, [Decimal(5)] * 100)

    assert grid.alpha.update_schedules(id, [other]).revision == 2
    assert next(news).schedules == (other,)
    assert grid.alpha.sent_schedule(id).schedules == (other,)
    assert [each.id for each in grid.alpha.sent_schedules(start=day.start, end=day.end)] == [id]
    assert grid.alpha.cancel_schedules(id).revision == 3
    assert next(news).cancelled == (PlanEnd(grid.chp.id, day.start, day.end),)
    assert grid.alpha.sent_schedule(id).status == "cancelled"


def test_a_schedule_beyond_the_maximum_is_named_and_the_others_stand(grid: Grid, world: World) -> None:
    other = Asset(fresh_gsrn(), grid.point.id, "load", max_consumption_kw=Decimal(10))
    grid.alpha.set_assets([other])

    outcome = grid.alpha.send_schedules(
        [Schedule(grid.chp.id, STARTS, (Decimal(1),)), Schedule(other.id, STARTS, (Decimal(-10_000),))]
    )

    assert outcome.status == "partly_accepted"
    assert [(each.asset_id, each.code) for each in outcome.rejected] == [(other.id, "A42")]


def test_the_dso_follows_what_changes_in_its_grid(grid: Grid) -> None:
    news = grid.dso.asset_changes(after=grid.dso.wait_asset_changes(timeout_s=0).cursor)
    battery = Asset(fresh_gsrn(), grid.point.id, "storage", Decimal(10), Decimal(12))

    grid.alpha.set_assets([battery])
    assert any(battery in came.assets for came in news)
    grid.alpha.remove_assets([battery.id])
    gone = next(news)

    assert (gone.assets, gone.removed_ids) == ((), (battery.id,))
    assert not grid.dso.wait_asset_changes(after=gone.cursor, timeout_s=0)


def test_strangers_are_told_what_they_are(grid: Grid, world: World) -> None:
    url = world.stack.gateway_url

    with pytest.raises(NotAuthenticated):
        OperatorClient(url, "no.to.ken", http=world.http).assets()
    with pytest.raises(NotAllowed):
        DsoClient(url, world.operator().token, http=world.http).list_assets()
    with pytest.raises(NotFound):
        grid.alpha.message("0" * 32)
    with pytest.raises(NotFound):
        grid.alpha.remove_assets([fresh_gsrn()])
