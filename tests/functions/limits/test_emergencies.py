"""The life of an emergency: prolonged, released, expired, and reported to the DSO."""

from __future__ import annotations

import psycopg

from tests.functions.limits.steps import LIMITS, comes, minute, put, received
from tests.support.world import Member, World, eventually, make_asset, make_stop


def test_a_stop_is_prolonged_keeps_its_start_and_is_released(dso: Member, alpha: Member, chp: str) -> None:
    """EMG-LNG, LIF-PUT."""
    limit_id = dso.send_unforeseen(make_stop([chp], expected_end=minute(30)))["id"]
    (stop,) = eventually(alpha.active_limits)

    put(dso, limit_id, make_stop([chp], expected_end=minute(90)), "unforeseen")

    comes(lambda: [limit["expected_end"] for limit in alpha.active_limits()], [minute(90)])
    assert alpha.active_limits()[0]["start"] == stop["start"]
    dso.done("DELETE", f"{LIMITS}/unforeseen/{limit_id}")
    comes(lambda: received(alpha), [(3, "ended")])


def test_a_stop_of_500_assets_one_of_them_deregistered_stops_499_and_names_the_one(
    dso: Member, alpha: Member, point: str
) -> None:
    assets = [make_asset(point) for _ in range(500)]
    alpha.register_assets(*assets)
    ids = [asset["id"] for asset in assets]
    alpha.done("DELETE", f"/flexibility-assets?id={ids[250]}")

    reply = dso.call("POST", f"{LIMITS}/unforeseen", make_stop(ids))

    assert (reply.status, reply.json["status"]) == (201, "partly_accepted")
    assert [(each["asset_id"], each["code"]) for each in reply.json["rejected"]] == [(ids[250], "A64")]
    (limit,) = eventually(alpha.active_limits)
    assert sorted(limit["asset_ids"]) == sorted({*ids} - {ids[250]})
    own = dso.done("GET", f"{LIMITS}/{reply.json['id']}")
    assert own["delivery"]["asset_count"] == 499
    assert [each["asset_id"] for each in own["rejected"]] == [ids[250]]


def test_the_dso_hears_once_that_all_were_reached_and_that_a_stop_expires(
    world: World, dso: Member, alpha: Member, chp: str, wind: str
) -> None:
    """DSO-ONE, EMG-TLD: one notice about the whole limit, and none per recipient."""
    end = minute(5)
    limit_id = dso.send_unforeseen(make_stop([chp, wind], expected_end=end))["id"]

    def heard() -> bool:
        own = dso.done("GET", f"{LIMITS}/{limit_id}")
        return bool(own["delivery"]["all_reached_at"] and own["notices"])

    eventually(heard)
    own = dso.done("GET", f"{LIMITS}/{limit_id}")
    assert own["notices"] == [{"code": "expires", "at": end}]
    assert own["delivery"].keys() == {"asset_count", "all_reached_at"}
    assert own["status"] == "active"
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        connection.execute("UPDATE limit_watch SET due_at = now() WHERE limit_id = %s", [limit_id])
    eventually(lambda: len(dso.done("GET", f"{LIMITS}/{limit_id}")["notices"]) == 2)
    assert dso.done("GET", f"{LIMITS}/{limit_id}")["notices"][1] == {"code": "expired", "at": end}
