"""What the platform operator reads (F3), as JSON of the contract: totals in columns, so that a day of many is small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tps.domain.plan_total import PlanTotal
from tps.domain.steps import Steps, moment

_WATTS_PER_KW = 1000
MINUTE_S = 60


def kw_json(watts: int) -> int | float:
    """Watts as a number of kW; exact, for it has three decimals at most."""
    return watts // _WATTS_PER_KW if watts % _WATTS_PER_KW == 0 else watts / _WATTS_PER_KW


def kwh_json(watt_seconds: int) -> int | float:
    """Watt-seconds as kWh, to the watt-hour."""
    return kw_json(round(watt_seconds / 3600))


def total_json(total: PlanTotal, start_s: int) -> dict[str, list[Any]]:
    """A total as columns: from each minute after the start on it is so."""
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
    """One asset's plans in an interval, by time and without overlap; null where there is none. Neighbours differ."""
    minutes: list[int] = []
    power_kw: list[Any] = []
    for at_s, level_w in _levels_in(plans, start_s, end_s):
        power = None if level_w is None else kw_json(level_w)
        if not minutes or power != power_kw[-1]:
            minutes.append((at_s - start_s) // MINUTE_S)
            power_kw.append(power)
    return {"minutes": minutes, "power_kw": power_kw}


def _levels_in(plans: Sequence[Steps], start_s: int, end_s: int) -> Iterator[tuple[int, int | None]]:
    """From when on which level; None where there is no plan."""
    at_s = start_s
    for plan in plans:
        if plan.starts_s[0] > at_s:
            yield at_s, None
        yield from zip(plan.starts_s, plan.levels_w, strict=True)
        at_s = plan.end_s
    if at_s < end_s:
        yield at_s, None


def moment_of(seconds: int) -> str:
    """RFC 3339."""
    return moment(seconds).isoformat().replace("+00:00", "Z")


def levels_at(column: Steps, starts_s: Sequence[int]) -> list[int]:
    """A column's levels at these moments, its own starts among them."""
    known = dict(zip(column.starts_s, column.levels_w, strict=True))
    levels: list[int] = []
    for at_s in starts_s:
        levels.append(known[at_s] if at_s in known else levels[-1])
    return levels
