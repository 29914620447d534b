"""Retrieving limits (F7): by arrival, by time, in force or ahead, with parts per asset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop

LIMITS = "/capacity-limits"


@pytest.fixture
def dso(world: World) -> Member:
    return world.dso("North Grid")


@pytest.fixture
def alpha(world: World) -> Member:
    return world.operator("Alpha")


@pytest.fixture
def point(dso: Member) -> str:
    made = fresh_gsrn()
    dso.register_points(made)
    return made


@pytest.fixture
def chp(alpha: Member, point: str) -> str:
    made = make_asset(point)
    alpha.register_assets(made)
    return str(made["id"])


def asked(member: Member, query: str = "") -> list[dict[str, Any]]:
    limits: list[dict[str, Any]] = member.done("GET", f"{LIMITS}?{query}")["limits"]
    return limits


def slot(start: str, end: str, power_kw: float) -> dict[str, Any]:
    return {"start": start, "end": end, "power_kw": power_kw}


def minute(ahead_min: int) -> str:
    """Return a whole minute, the given number of minutes from now."""
    moment = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=ahead_min)
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")


def test_a_foreseen_limit_reads_in_the_form_of_the_contract(dso: Member, alpha: Member, chp: str) -> None:
    """LIM-GET."""
    available = [
        slot("2099-04-10T06:00:00Z", "2099-04-10T07:00:00Z", 500.125),
        slot("2099-04-10T09:00:00Z", "2099-04-10T10:15:00Z", 0),
    ]

    dso.send_foreseen(make_foreseen([chp]) | {"available": available[::-1]})

    (limit,) = eventually(alpha.active_limits)
    assert limit.pop("id")
    assert abs(datetime.fromisoformat(limit.pop("received_at")) - datetime.now(UTC)) < timedelta(minutes=1)
    assert limit == {
        "revision": 1,
        "kind": "foreseen",
        "status": "active",
        "issuer": {"code": dso.code, "name": "North Grid"},
        "asset_ids": [chp],
        "direction": "production",
        "start": "2099-04-10T06:00:00Z",
        "end": "2099-04-10T10:15:00Z",
        "available": available,
        "reason": {"code": "B19"},
        "share": {"rule": "weighted_max_min", "weight_kw": 600},
    }


def test_a_local_offset_is_read_and_answered_in_utc(dso: Member, alpha: Member, chp: str) -> None:
    """UNI-TOU."""
    local = slot("2099-04-10T08:00:00+02:00", "2099-04-10T16:00:00+02:00", 500)

    dso.send_foreseen(make_foreseen([chp]) | {"available": [local]})

    (limit,) = eventually(alpha.active_limits)
    assert (limit["start"], limit["end"]) == ("2099-04-10T06:00:00Z", "2099-04-10T14:00:00Z")


def test_limits_are_found_by_when_they_came(dso: Member, alpha: Member, chp: str) -> None:
    dso.send_foreseen(make_foreseen([chp]))
    received_at = eventually(alpha.active_limits)[0]["received_at"]
    a_second_later = (datetime.fromisoformat(received_at) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert len(asked(alpha)) == 1
    assert len(asked(alpha, f"from={received_at}&to={a_second_later}")) == 1
    assert asked(alpha, f"to={received_at}") == [], "the end of a period is not in it"
    assert asked(alpha, f"from={a_second_later}") == []


@pytest.mark.parametrize(
    ("applies_from", "applies_to", "is_found"),
    [
        ("2099-04-10T05:00:00Z", "2099-04-10T06:00:00Z", False),
        ("2099-04-10T05:00:00Z", "2099-04-10T06:01:00Z", True),
        ("2099-04-10T13:59:00Z", "2099-04-11T00:00:00Z", True),
        ("2099-04-10T14:00:00Z", "2099-04-11T00:00:00Z", False),
        ("2099-04-10T16:00:00+02:00", "2099-04-11T00:00:00Z", False),
        ("2099-04-10T15:59:00%2B02:00", "2099-04-11T00:00:00Z", True),
    ],
)
def test_limits_are_found_by_when_they_hold(
    dso: Member, alpha: Member, chp: str, applies_from: str, applies_to: str, is_found: bool
) -> None:
    dso.send_foreseen(make_foreseen([chp]))
    eventually(alpha.active_limits)

    found = asked(alpha, f"applies_from={applies_from}&applies_to={applies_to}")

    assert bool(found) is is_found


def test_all_revisions_are_those_that_came(dso: Member, alpha: Member, chp: str) -> None:
    dso.send_foreseen(make_foreseen([chp]))
    latest = eventually(alpha.active_limits)

    assert asked(alpha, "all_revisions=true") == latest
    assert asked(alpha, "all_revisions=false") == latest


def test_a_limit_in_force_since_yesterday_is_active_and_keeps_its_start(dso: Member, alpha: Member, chp: str) -> None:
    """LIM-PST."""
    dso.send_foreseen(make_foreseen([chp]) | {"available": [slot(minute(-1440), minute(60), 100)]})

    (limit,) = eventually(alpha.active_limits)

    assert (limit["status"], limit["start"]) == ("active", minute(-1440))


def test_nobody_else_reads_a_limit(world: World, dso: Member, alpha: Member, chp: str) -> None:
    bystander = world.operator("Bystander")
    dso.send_foreseen(make_foreseen([chp]))
    eventually(alpha.active_limits)

    assert asked(bystander, "all_revisions=true") == []


def test_parts_per_asset_add_up_to_the_operators_part(world: World, dso: Member, alpha: Member, point: str) -> None:
    """LIM-BND."""
    assets = [make_asset(point, max_production_kw=power) for power in (100, 100, 100, 33.333)]
    other = make_asset(point, max_production_kw=500)
    heater = make_asset(point, max_consumption_kw=50)
    alpha.register_assets(*assets, heater)
    world.operator("Beta").register_assets(other)
    ids = [asset["id"] for asset in (*assets, other, heater)]

    dso.send_foreseen(make_foreseen(ids, 300.001))

    eventually(alpha.active_limits)
    (limit,) = asked(alpha, "per_asset=true")
    parts = {part["asset_id"]: Decimal(part["available"][0]["power_kw"]) for part in limit["per_asset"]}
    assert parts.keys() == {asset["id"] for asset in (*assets, heater)}
    assert sum(parts.values()) == limit["available"][0]["power_kw"]
    assert parts[heater["id"]] == 0
    equal = [parts[asset["id"]] for asset in assets[:3]]
    assert max(equal) - min(equal) <= Decimal("0.001")
    assert all(parts[asset["id"]] <= Decimal(str(asset["max_production_kw"])) for asset in assets)


@pytest.mark.parametrize("route", ["", "/active", "/wait"])
def test_parts_per_asset_are_offered_by_each_route_that_reads(dso: Member, alpha: Member, chp: str, route: str) -> None:
    dso.send_foreseen(make_foreseen([chp], 500))
    eventually(alpha.active_limits)

    (limit,) = alpha.done("GET", f"{LIMITS}{route}?per_asset=true")["limits"]

    assert limit["per_asset"] == [{"asset_id": chp, "available": limit["available"]}]


def test_an_emergency_has_no_parts(dso: Member, alpha: Member, chp: str) -> None:
    dso.send_unforeseen(make_stop([chp]))
    eventually(alpha.active_limits)

    (limit,) = asked(alpha, "per_asset=true")

    assert not {"per_asset", "available", "share", "end"} & limit.keys()


def test_weights_are_those_of_the_moment_of_acceptance(dso: Member, alpha: Member, point: str) -> None:
    """LIM-WGT, HND-NEW."""
    asset = make_asset(point, max_production_kw=600)
    alpha.register_assets(asset)
    dso.send_foreseen(make_foreseen([asset["id"]], 500))
    before = eventually(alpha.active_limits)

    alpha.register_assets({**asset, "max_production_kw": 100})

    assert alpha.active_limits() == before
    (limit,) = asked(alpha, "per_asset=true")
    assert limit["per_asset"][0]["available"] == limit["available"]
