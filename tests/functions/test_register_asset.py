"""Registering assets and connection points (F4), and reading them back (F4, F5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset

ASSETS, POINTS = "/flexibility-assets", "/connection-points"


def own(member: Member, *ids: str) -> list[dict[str, Any]]:
    """Return a party's assets, all or these."""
    query = "?" + "&".join(f"id={each}" for each in ids) if ids else ""
    assets: list[dict[str, Any]] = member.done("GET", ASSETS + query)["assets"]
    return assets


def listed(dso: Member) -> list[dict[str, Any]]:
    assets: list[dict[str, Any]] = dso.done("GET", ASSETS)["assets"]
    return assets


def test_an_asset_is_read_back_as_it_was_set_with_its_state(operator: Member, point: str) -> None:
    """RGN-ACT."""
    battery = make_asset(point, name="Søn's <battery>", kind="storage", max_production_kw=200.125, max_consumption_kw=0)

    answer = operator.register_assets(battery)

    assert (answer["status"], answer["revision"]) == ("accepted", 1)
    (found,) = own(operator)
    assert found == {**battery, "state": "active"}


def test_setting_one_asset_leaves_the_others(operator: Member, point: str) -> None:
    """RGN-PUT."""
    first, second = make_asset(point), make_asset(point)
    operator.register_assets(first, second)

    operator.register_assets({**second, "max_production_kw": 100})

    powers = {asset["id"]: asset["max_production_kw"] for asset in own(operator)}
    assert powers == {first["id"]: 600, second["id"]: 100}


def test_setting_an_asset_again_replaces_all_of_it(operator: Member, point: str) -> None:
    asset = make_asset(point, name="old", max_production_kw=600, max_consumption_kw=5)
    operator.register_assets(asset)

    operator.register_assets({"id": asset["id"], "connection_point_id": point, "max_production_kw": 1})

    assert own(operator) == [
        {"id": asset["id"], "connection_point_id": point, "kind": "other", "max_production_kw": 1, "state": "active"}
    ]


def test_a_change_keeps_what_it_does_not_name_and_null_takes_away(operator: Member, point: str) -> None:
    """RGN-PAT."""
    asset = make_asset(point, name="CHP", max_production_kw=600, max_consumption_kw=5)
    operator.register_assets(asset)

    operator.done("PATCH", ASSETS, {"assets": [{"id": asset["id"], "max_consumption_kw": None, "name": "Boiler"}]})

    (found,) = own(operator)
    assert "max_consumption_kw" not in found
    assert (found["name"], found["max_production_kw"], found["kind"]) == ("Boiler", 600, "generation")


def test_changes_that_follow_each_other_without_waiting_add_up(operator: Member, point: str) -> None:
    asset = make_asset(point)
    operator.register_assets(asset)

    for change in ({"name": "CHP"}, {"max_consumption_kw": 7}, {"kind": "load"}):
        operator.call("PATCH", ASSETS, {"assets": [{"id": asset["id"], **change}]}, Prefer="respond-async")

    (found,) = eventually(lambda: [each for each in own(operator) if each["kind"] == "load"])
    assert (found["name"], found["max_consumption_kw"], found["max_production_kw"]) == ("CHP", 7, 600)


@pytest.mark.parametrize("way", ["query", "body", "removal"])
def test_an_asset_is_removed(dso: Member, operator: Member, point: str, way: str) -> None:
    gone, stays = make_asset(point), make_asset(point)
    operator.register_assets(gone, stays)

    if way == "query":
        operator.done("DELETE", f"{ASSETS}?id={gone['id']}")
    elif way == "body":
        operator.done("DELETE", ASSETS, {"ids": [gone["id"]]})
    else:
        operator.done("POST", f"{ASSETS}/removal", {"ids": [gone["id"]]})

    assert [asset["id"] for asset in own(operator)] == [stays["id"]]
    assert [asset["id"] for asset in listed(dso)] == [stays["id"]]


def test_assets_are_asked_for_by_query_and_by_body_and_unknown_ids_are_left_out(operator: Member, point: str) -> None:
    first, second, third = sorted((make_asset(point) for _ in range(3)), key=lambda asset: asset["id"])
    operator.register_assets(first, second, third)
    asked = [third["id"], fresh_gsrn(), first["id"]]

    by_query = own(operator, *asked)
    by_body = operator.done("POST", f"{ASSETS}/query", {"ids": asked})["assets"]

    assert [asset["id"] for asset in by_query] == [first["id"], third["id"]]
    assert by_query == by_body


def test_an_id_may_be_spelled_with_its_scheme(operator: Member, point: str) -> None:
    asset = make_asset(f"A10:{point}")

    operator.register_assets({**asset, "id": f"A10:{asset['id']}"})

    assert [(each["id"], each["connection_point_id"]) for each in own(operator)] == [(asset["id"], point)]
    assert own(operator, f"A10:{asset['id']}") == own(operator, asset["id"])


def test_a_thousand_assets_go_in_one_call(dso: Member, operator: Member, point: str) -> None:
    assets = [make_asset(point) for _ in range(1000)]

    operator.register_assets(*assets)

    assert [asset["id"] for asset in listed(dso)] == sorted(asset["id"] for asset in assets)


def test_an_asset_waits_for_its_point(dso: Member, operator: Member) -> None:
    """RGN-GOE."""
    point = fresh_gsrn()
    asset = make_asset(point)

    operator.register_assets(asset)
    waiting = own(operator)[0]["state"]
    dso.register_points(point)

    assert waiting == "waiting"
    assert eventually(lambda: own(operator)[0]["state"] == "active")


def test_an_asset_of_two_operators_is_the_first_ones_until_it_lets_go(
    world: World, dso: Member, operator: Member, point: str
) -> None:
    """RGN-GOE."""
    rival, asset = world.operator("Rival"), make_asset(point)
    operator.register_assets(asset)

    claimed = rival.register_assets({**asset, "max_production_kw": 1})
    before = (own(operator)[0]["state"], own(rival)[0]["state"], listed(dso)[0]["max_production_kw"])
    operator.done("DELETE", f"{ASSETS}?id={asset['id']}")

    assert claimed["status"] == "accepted"
    assert before == ("active", "waiting", 600)
    assert eventually(lambda: own(rival)[0]["state"] == "active")
    assert [each["max_production_kw"] for each in listed(dso)] == [1]


def test_a_claim_on_anothers_asset_and_one_on_nobodys_point_get_the_same_answer(
    world: World, operator: Member, point: str
) -> None:
    """RGN-WTG."""
    rival, taken = world.operator("Rival"), make_asset(point)
    operator.register_assets(taken)

    answers = [rival.register_assets(taken), rival.register_assets(make_asset(fresh_gsrn()))]

    shapes = [{name: answer[name] for name in answer.keys() - {"id", "message_id"}} for answer in answers]
    assert shapes[0] == shapes[1]
    assert {asset["state"] for asset in own(rival)} == {"waiting"}


@pytest.mark.parametrize("role", ["agr", "brp", "dso"])
def test_ping_needs_no_token(world: World, role: str) -> None:
    response = world.http.get(f"/{'agr' if role == 'brp' else role}/v1/ping")

    assert (response.status_code, response.text) == (200, "pong")
    assert response.headers["Content-Type"].startswith("text/plain")
