"""Registering connection points (F4c): what a DSO says of them, in its own grid only."""

from __future__ import annotations

from tests.functions.test_register_asset import POINTS, listed, own
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen


def test_a_dsos_own_maximum_caps_the_weight_and_only_the_operator_is_told(dso: Member, operator: Member) -> None:
    point = fresh_gsrn()
    dso.register_points({"id": point, "max_production_kw": 300})
    asset = make_asset(point, max_production_kw=600)

    operator.register_assets(asset)

    assert own(operator)[0]["is_weight_capped"] is True
    assert "is_weight_capped" not in listed(dso)[0]
    dso.send_foreseen(make_foreseen([asset["id"]], 500))
    (limit,) = eventually(operator.active_limits)
    assert (limit["share"]["weight_kw"], limit["available"][0]["power_kw"]) == (300, 300)


def test_two_operators_at_one_point_share_its_maximum_in_proportion(world: World, dso: Member) -> None:
    """RGN-MAX."""
    point, alpha, beta = fresh_gsrn(), world.operator("Alpha"), world.operator("Beta")
    dso.register_points({"id": point, "max_production_kw": 500})
    larger, smaller = make_asset(point, max_production_kw=600), make_asset(point, max_production_kw=400)
    alpha.register_assets(larger)
    beta.register_assets(smaller)
    assert eventually(lambda: own(alpha)[0].get("is_weight_capped"))

    dso.send_foreseen(make_foreseen([larger["id"], smaller["id"]], 250))

    shares = [eventually(each.active_limits)[0] for each in (alpha, beta)]
    assert [limit["share"]["weight_kw"] for limit in shares] == [300, 200]
    assert [limit["available"][0]["power_kw"] for limit in shares] == [150, 100]


def test_points_keep_their_sections_at_home(dso: Member, operator: Member) -> None:
    point = {"id": fresh_gsrn(), "name": "Feeder 3", "max_production_kw": 300, "sections": ["T17/F3", "T17"]}

    dso.register_points(point)

    assert dso.done("GET", POINTS)["connection_points"] == [{**point, "state": "active"}]
    dso.done("PATCH", POINTS, {"connection_points": [{"id": point["id"], "sections": None}]})
    (found,) = dso.done("GET", POINTS)["connection_points"]
    assert "sections" not in found


def test_a_dso_claims_points_in_its_own_grid_only(world: World) -> None:
    dso = world.dso("West Grid", grid=("5713131", "T17"))
    inside, outside = fresh_gsrn(), "S9/F1"

    accepted = dso.call("PUT", POINTS, {"connection_points": [{"id": inside}, {"id": "T17/F3"}]})
    refused = dso.call("PUT", POINTS, {"connection_points": [{"id": inside}, {"id": outside}]})

    assert accepted.status == 200
    assert (refused.status, refused.codes(), refused.pointers()) == (422, {"A64"}, {"/connection_points/1"})
    assert {each["id"] for each in dso.done("GET", POINTS)["connection_points"]} == {inside, "T17/F3"}


def test_a_point_of_another_dso_waits(world: World, dso: Member, point: str) -> None:
    rival = world.dso("Rival Grid")

    rival.register_points(point)
    waiting = rival.done("GET", POINTS)["connection_points"][0]["state"]
    dso.done("DELETE", f"{POINTS}?id={point}")

    assert waiting == "waiting"
    assert eventually(lambda: rival.done("GET", POINTS)["connection_points"][0]["state"] == "active")
