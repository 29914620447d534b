"""Emergencies (F6): start, stop, hold. Invalid assets are named and do not delay a stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.scene import Scene
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_stop

UNFORESEEN = "/capacity-limits/unforeseen"


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


def test_a_stop_reaches_its_operator_in_the_form_of_the_contract(dso: Member, alpha: Member, point: str) -> None:
    chp = make_asset(point)
    alpha.register_assets(chp)
    reason = {"code": "B18", "text": "cable fault"}

    dso.send_unforeseen(make_stop([chp["id"]], direction="production", reason=reason))

    (limit,) = eventually(alpha.active_limits)
    started, received = (datetime.fromisoformat(limit.pop(name)) for name in ("start", "received_at"))
    assert abs(received - datetime.now(UTC)) < timedelta(minutes=1)
    assert timedelta() <= received - started < timedelta(minutes=2)
    assert limit.pop("id")
    assert limit == {
        "revision": 1,
        "kind": "unforeseen",
        "status": "active",
        "issuer": {"code": dso.code, "name": "North Grid"},
        "asset_ids": [chp["id"]],
        "direction": "production",
        "action": "stop",
        "expected_end": "2099-04-10T14:00:00Z",
        "reason": reason,
    }


def test_a_stop_holds_for_the_known_assets_and_the_rest_is_named(scene: Scene) -> None:
    """LIM-A64: a stale id does not void a stop for others; unknown, foreign and misspelt ids get the same code."""
    unknown, misspelt = fresh_gsrn(), scene.chp[:-1] + str((int(scene.chp[-1]) + 1) % 10)

    reply = scene.north.call("POST", UNFORESEEN, make_stop([unknown, scene.chp, scene.souths, misspelt]))

    assert (reply.status, reply.json["status"]) == (201, "partly_accepted")
    rejected = reply.json["rejected"]
    assert sorted(each["asset_id"] for each in rejected) == sorted([unknown, scene.souths, misspelt])
    assert {(each["code"], each["detail"]) for each in rejected} == {
        ("A64", "unknown asset, inactive asset, or asset in another grid")
    }
    assert eventually(lambda: [limit["asset_ids"] for limit in scene.alpha.active_limits()]) == [[scene.chp]]
    assert scene.beta.active_limits() == []


def test_each_operator_gets_its_own_assets_of_an_emergency(world: World, dso: Member, point: str) -> None:
    alpha, beta = world.operator("Alpha"), world.operator("Beta")
    alphas, betas = make_asset(point), make_asset(point)
    alpha.register_assets(alphas)
    beta.register_assets(betas)

    dso.send_unforeseen(make_stop([alphas["id"], betas["id"]]))

    limits = [eventually(each.active_limits)[0] for each in (alpha, beta)]
    assert [limit["asset_ids"] for limit in limits] == [[alphas["id"]], [betas["id"]]]
    assert limits[0]["id"] != limits[1]["id"]


def test_a_start_of_an_asset_that_can_do_both_needs_a_direction(dso: Member, alpha: Member, point: str) -> None:
    """EMG-DIR, EMG-STR."""
    battery = make_asset(point, kind="storage", max_production_kw=200, max_consumption_kw=250)
    alpha.register_assets(battery)
    start = make_stop([battery["id"]], action="start")

    refused = dso.call("POST", UNFORESEEN, start)
    accepted = dso.call("POST", UNFORESEEN, {**start, "direction": "consumption"})

    assert (refused.status, refused.codes()) == (422, {"A59"})
    assert accepted.status == 201
    (limit,) = eventually(alpha.active_limits)
    assert (limit["action"], limit["direction"]) == ("start", "consumption")


@pytest.mark.parametrize("action", ["start", "stop", "hold"])
def test_an_emergency_is_for_both_directions_by_default(dso: Member, alpha: Member, point: str, action: str) -> None:
    """EMG-DIR."""
    chp = make_asset(point)
    alpha.register_assets(chp)

    dso.send_unforeseen(make_stop([chp["id"]], action=action))

    (limit,) = eventually(alpha.active_limits)
    assert (limit["action"], limit["direction"]) == (action, "both")


def test_an_expected_end_is_rounded_up_to_the_minute(dso: Member, alpha: Member, point: str) -> None:
    chp = make_asset(point)
    alpha.register_assets(chp)

    dso.send_unforeseen(make_stop([chp["id"]], expected_end="2099-04-10T15:59:01.5+02:00"))

    (limit,) = eventually(alpha.active_limits)
    assert limit["expected_end"] == "2099-04-10T14:00:00Z"


def test_500_assets_are_stopped_in_one_call(dso: Member, alpha: Member, point: str) -> None:
    assets = [make_asset(point) for _ in range(500)]
    alpha.register_assets(*assets)

    dso.send_unforeseen(make_stop([asset["id"] for asset in assets]))

    (limit,) = eventually(alpha.active_limits)
    assert set(limit["asset_ids"]) == {asset["id"] for asset in assets}
