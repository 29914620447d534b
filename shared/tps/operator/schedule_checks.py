"""Check schedules against the operator's own assets, before the schedules are sent (F8b)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from tps.domain.schedule import Maxima, Schedule, check_schedules
from tps.errors import Finding
from tps.party.resources import OwnResource

MAX_NAMED_ASSETS = 3
WARNINGS = {
    "partly_in_the_past": "the schedule starts in the past",
    "asset_waiting": "the asset is not active yet",
    "all_zero": "all power values are 0",
}


def platform_findings(schedules: Sequence[Schedule], assets: Sequence[OwnResource], now: datetime) -> list[Finding]:
    """Return the faults that the platform will find, as far as this backend's own registrations show."""
    maxima_of = {asset.id: _maxima(asset.body) for asset in assets}
    return check_schedules(schedules, maxima_of, now)


def warnings_of(schedules: Sequence[Schedule], assets: Sequence[OwnResource], now: datetime) -> list[tuple[str, str]]:
    """Return (code, detail) of what is allowed but probably a mistake."""
    waiting_ids = {asset.id for asset in assets if asset.state == "waiting"}
    ids_of: defaultdict[str, set[str]] = defaultdict(set)
    for schedule in schedules:
        if schedule.start < now < schedule.period.end:
            ids_of["partly_in_the_past"].add(schedule.asset_id)
        if schedule.asset_id in waiting_ids:
            ids_of["asset_waiting"].add(schedule.asset_id)
        if not any(schedule.levels_kw):
            ids_of["all_zero"].add(schedule.asset_id)
    return [(code, _detail(code, asset_ids)) for code, asset_ids in ids_of.items()]


def _detail(code: str, asset_ids: set[str]) -> str:
    names = ", ".join(sorted(asset_ids)[:MAX_NAMED_ASSETS])
    more = ", ..." if len(asset_ids) > MAX_NAMED_ASSETS else ""
    return f"{WARNINGS[code]} (assets: {names}{more}; {len(asset_ids)} in total)"


def _maxima(body: dict[str, Any]) -> Maxima:
    return _power_kw(body.get("max_production_kw")), _power_kw(body.get("max_consumption_kw"))


def _power_kw(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
