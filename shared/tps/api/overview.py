"""Totals and schedules for the platform operator (F3) as JSON. Columns keep the totals of many assets small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tps.domain.plan_total import PlanTotal
from tps.domain.steps import Steps, moment

_WATTS_PER_KW = 1000
MINUTE_S = 60


def kw_json(watts: int) -> int | float:
    """Return watts as kW. The number is exact, because it has at most three decimals."""
    return watts // _WATTS_PER_KW if watts % _WATTS_PER_KW == 0 else watts / _WATTS_PER_KW


def kwh_json(watt_seconds: int) -> int | float:
    """Return watt-seconds as kWh, rounded to watt-hours."""
    return kw_json(round(watt_seconds / 3600))


def total_json(total: PlanTotal, start_s: int) -> dict[str, list[Any]]:
    """Return a total as columns. Each value applies from its minute after the start."""
    columns = (total.planned_assets, total.production_w, total.consumption_w)
    starts_s = sorted({at_s for column in columns for at_s in column.starts_s})
    planned, production_w, consumption_w = (levels_at(column, starts_s) for column in columns)
    return {
        "minutes": [(at_s - start_s) // MINUTE_S for at_s in starts_s],
        "planned_assets": planned,
        "production_kw": [kw_json(level_w) for level_w in production_w],
        "consumption_kw": [kw_json(level_w) for level_w in consumption_w],
    }


def plan_json(plans: Sequence[Steps], start_s: int, end_s: int) -> dict[str, list[Any]]:
    """Return the schedules of one asset as columns, with null where nothing is planned. Adjacent values differ."""
    minutes: list[int] = []
    power_kw: list[Any] = []
    for at_s, level_w in _levels_in(plans, start_s, end_s):
        power = None if level_w is None else kw_json(level_w)
        if not minutes or power != power_kw[-1]:
            minutes.append((at_s - start_s) // MINUTE_S)
            power_kw.append(power)
    return {"minutes": minutes, "power_kw": power_kw}


def _levels_in(plans: Sequence[Steps], start_s: int, end_s: int) -> Iterator[tuple[int, int | None]]:
    """Yield start and power of each step; None where nothing is planned."""
    at_s = start_s
    for plan in plans:
        if plan.starts_s[0] > at_s:
            yield at_s, None
        yield from zip(plan.starts_s, plan.levels_w, strict=True)
        at_s = plan.end_s
    if at_s < end_s:
        yield at_s, None


def moment_of(seconds: int) -> str:
    """Return epoch seconds as RFC 3339 text."""
    return moment(seconds).isoformat().replace("+00:00", "Z")


def levels_at(column: Steps, starts_s: Sequence[int]) -> list[int]:
    """Return the values of a column at these times, which include all starts of the column."""
    known = dict(zip(column.starts_s, column.levels_w, strict=True))
    levels: list[int] = []
    for at_s in starts_s:
        levels.append(known[at_s] if at_s in known else levels[-1])
    return levels
