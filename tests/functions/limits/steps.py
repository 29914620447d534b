"""Steps of tests about limits, and the operators' views of the limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.support.world import Member, World, eventually, make_asset, make_foreseen

LIMITS = "/capacity-limits"


def registered(operator: Member, point: str, power_kw: float, **fields: Any) -> str:
    asset = make_asset(point, max_production_kw=power_kw, **fields)
    operator.register_assets(asset)
    return str(asset["id"])


def put(dso: Member, limit_id: str, body: dict[str, Any], kind: str = "foreseen") -> Any:
    return dso.done("PUT", f"{LIMITS}/{kind}/{limit_id}", body)


def received(operator: Member) -> list[tuple[int, str]]:
    """Return (revision, status) of the latest revision of each limit."""
    limits = operator.done("GET", LIMITS)["limits"]
    return [(limit["revision"], limit["status"]) for limit in limits]


def parts(operator: Member) -> list[list[Any]]:
    return [[slot["power_kw"] for slot in limit["available"]] for limit in operator.active_limits()]


def comes(look: Callable[[], Any], wanted: Any) -> None:
    try:
        eventually(lambda: look() == wanted)
    except AssertionError:
        raise AssertionError(f"{look()} instead of {wanted}") from None


def minute(ahead_min: int) -> str:
    moment = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=ahead_min)
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")


def make_running(asset_ids: list[str], power_kw: float = 500) -> dict[str, Any]:
    """Return a foreseen limit in force until tomorrow."""
    slot = {"start": minute(-10), "end": minute(1440), "power_kw": power_kw}
    return make_foreseen(asset_ids) | {"available": [slot]}


def known_to(world: World, dso: Member) -> list[str]:
    """Return the assets in the DSO's own copy of its grid."""
    with psycopg.connect(world.settings.groups["dso"].database_url) as connection:
        rows = connection.execute("SELECT id FROM grid_asset WHERE party = %s", [dso.code]).fetchall()
    return [row[0] for row in rows]
