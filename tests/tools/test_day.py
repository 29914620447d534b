"""Plans of the operators in the day of the demo, without a system."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import sentinel
from zoneinfo import ZoneInfo

import pytest

from tools.story.day import LivingDay
from tools.story.grid import GridAsset
from tools.story.world import small_world
from tps.client import Schedule


def plans_at(now: datetime) -> list[tuple[GridAsset, Schedule]]:
    said: list[str] = []
    day = LivingDay(sentinel.stack, sentinel.http, small_world(), sentinel.dso, (), said.append, now=now)
    return [(asset, day._schedule(asset, number)) for number in range(3) for asset in day._planning(number)]


@pytest.mark.parametrize("zone", ["Atlantic/Azores", "Europe/Copenhagen", "Europe/Istanbul"])
@pytest.mark.parametrize("now", ["2026-03-28T23:59", "2026-06-30T12:00", "2026-10-24T00:01", "2026-12-31T22:30"])
def test_whoever_looks_in_europe_sees_yesterday_today_and_tomorrow_planned(zone: str, now: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    today = moment.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0)

    for _, plan in plans_at(moment):
        assert plan.start <= today - timedelta(days=1)
        assert plan.start + len(plan.power_kw) * timedelta(minutes=15) >= today + timedelta(days=2)


def test_nobody_plans_more_than_it_can_and_no_day_is_as_another() -> None:
    for asset, plan in plans_at(datetime(2026, 6, 30, 12, tzinfo=UTC)):
        assert max(plan.power_kw) <= (asset.max_production_kw or 0)
        assert -min(plan.power_kw) <= (asset.max_consumption_kw or 0)
        assert plan.power_kw[-96:] != plan.power_kw[-192:-96]
