"""What becomes of a limit (F6, F7; SEMANTICS, "Update, cancel, end"): each operator hears of what touches it, only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop

LIMITS = "/capacity-limits"


@pytest.fixture
def dso(world: World) -> Member:
    return world.dso("North Grid")


@pytest.fixture
def point(dso: Member) -> str:
    made = fresh_gsrn()
    dso.register_points({"id": made, "sections": ["T17/F1"]})
    return made


@pytest.fixture
def alpha(world: World) -> Member:
    return world.operator("Alpha")


@pytest.fixture
def beta(world: World) -> Member:
    return world.operator("Beta")


@pytest.fixture
def chp(alpha: Member, point: str) -> str:
    return registered(alpha, point, 600)


@pytest.fixture
def wind(beta: Member, point: str) -> str:
    return registered(beta, point, 400)


def registered(operator: Member, point: str, power_kw: float, **fields: Any) -> str:
    asset = make_asset(point, max_production_kw=power_kw, **fields)
    operator.register_assets(asset)
    return str(asset["id"])


def put(dso: Member, limit_id: str, body: dict[str, Any], kind: str = "foreseen") -> Any:
    return dso.done("PUT", f"{LIMITS}/{kind}/{limit_id}", body)


def received(operator: Member) -> list[tuple[int, str]]:
    """(revision, status) of the latest of each limit."""
    limits = operator.done("GET", LIMITS)["limits"]
    return [(limit["revision"], limit["status"]) for limit in limits]


def parts(operator: Member) -> list[list[Any]]:
    return [[slot["power_kw"] for slot in limit["available"]] for limit in operator.active_limits()]


def comes(look: Callable[[], Any], wanted: Any) -> None:
    try:
        eventually(lambda: look() == wanted)
    except AssertionError:
        assert look() == wanted
        raise


def minute(ahead_min: int) -> str:
    moment = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=ahead_min)
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")


def make_running(asset_ids: list[str], power_kw: float = 500) -> dict[str, Any]:
    """A foreseen limit in force, until tomorrow."""
    slot = {"start": minute(-10), "end": minute(1440), "power_kw": power_kw}
    return make_foreseen(asset_ids) | {"available": [slot]}


def test_an_update_reaches_both_operators_as_their_second_revision(
    dso: Member, alpha: Member, beta: Member, chp: str, wind: str
) -> None:
    """LIF-PUT, TLD-STY."""
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 500))["id"]

    answer = put(dso, limit_id, make_foreseen([chp, wind], 250))

    assert (answer["id"], answer["revision"], answer["status"]) == (limit_id, 2, "accepted")
    comes(lambda: (parts(alpha), parts(beta)), ([[150]], [[100]]))
    assert received(alpha) == received(beta) == [(2, "active")]
    put(dso, limit_id, make_foreseen([chp, wind], 750))
    comes(lambda: (parts(alpha), parts(beta)), ([[450]], [[300]]))


def test_who_is_dropped_gets_a_cancel_and_who_comes_back_a_new_limit(
    dso: Member, alpha: Member, beta: Member, chp: str, wind: str
) -> None:
    """LIF-CAN, TLD-NEW, TLD-OUT, TLD-BCK."""
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 500))["id"]
    (first,) = eventually(beta.active_limits)

    put(dso, limit_id, make_foreseen([chp], 500))

    comes(lambda: received(beta), [(2, "cancelled")])
    comes(lambda: parts(alpha), [[500]])
    (cancelled,) = beta.done("GET", LIMITS)["limits"]
    assert cancelled["asset_ids"] == [wind]
    assert cancelled["direction"] == "production"
    put(dso, limit_id, make_foreseen([chp, wind], 500))
    comes(lambda: received(beta), [(2, "cancelled"), (1, "active")])
    assert eventually(beta.active_limits)[0]["id"] != first["id"]
    comes(lambda: received(alpha), [(3, "active")])


def test_whom_an_update_does_not_touch_is_sent_nothing(
    dso: Member, alpha: Member, beta: Member, point: str, chp: str, wind: str
) -> None:
    """TLD-NOT: 2000 kW over 600 and 400 bind nobody; that Beta's second turbine comes in changes nothing for Alpha."""
    second = registered(beta, point, 400)
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 2000))["id"]
    comes(lambda: parts(alpha), [[600]])
    cursor = alpha.done("GET", f"{LIMITS}/wait?timeout=0")["cursor"]

    put(dso, limit_id, make_foreseen([chp, wind, second], 2000))

    comes(lambda: parts(beta), [[800]])
    comes(lambda: dso.done("GET", f"{LIMITS}/{limit_id}")["delivery"]["all_reached_at"] is not None, True)
    assert received(alpha) == [(1, "active")]
    assert alpha.done("GET", f"{LIMITS}/wait?timeout=0&after={cursor}")["limits"] == []
    put(dso, limit_id, make_foreseen([chp, wind], 900))
    comes(lambda: received(alpha), [(2, "active")])


def test_a_limit_cancelled_before_its_start_comes_through_the_wait(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-CAN."""
    limit_id = dso.send_foreseen(make_foreseen([chp]))["id"]
    (limit,) = eventually(alpha.active_limits)
    cursor = alpha.done("GET", f"{LIMITS}/wait?timeout=0")["cursor"]

    answer = dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}?reason=work%20put%20off")

    assert (answer["revision"], answer["status"]) == (2, "accepted")
    (cancelled,) = alpha.done("GET", f"{LIMITS}/wait?timeout=15&after={cursor}")["limits"]
    assert (cancelled["id"], cancelled["revision"], cancelled["status"]) == (limit["id"], 2, "cancelled")
    assert cancelled["reason"] == {"code": "B19", "text": "work put off"}
    assert cancelled["available"] == limit["available"]
    assert alpha.active_limits() == []
    assert dso.done("GET", f"{LIMITS}/{limit_id}")["status"] == "cancelled"
    again = dso.call("DELETE", f"{LIMITS}/foreseen/{limit_id}")
    after = dso.call("PUT", f"{LIMITS}/foreseen/{limit_id}", make_foreseen([chp]))
    assert (again.status, again.codes(), after.status, after.codes()) == (422, {"A59"}, 422, {"A59"})


def test_a_limit_in_force_ends_at_the_next_full_minute(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-END: the record says that it was in force."""
    limit_id = dso.send_foreseen(make_running([chp]))["id"]
    (limit,) = eventually(alpha.active_limits)
    before = datetime.now(UTC)

    dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}")

    comes(lambda: received(alpha), [(2, "ended")])
    (ended,) = alpha.done("GET", LIMITS)["limits"]
    end = datetime.fromisoformat(ended["end"])
    assert before < end <= datetime.now(UTC) + timedelta(minutes=1)
    assert not end.second
    assert (ended["start"], ended["available"][0]["start"]) == (limit["start"], limit["start"])
    own = dso.done("GET", f"{LIMITS}/{limit_id}")
    assert (own["status"], own["revision"], own["end"]) == ("ended", 2, ended["end"])


def test_a_limit_ends_though_one_of_its_assets_is_gone(dso: Member, alpha: Member, point: str, chp: str) -> None:
    other = registered(alpha, point, 100)
    limit_id = dso.send_foreseen(make_running([chp, other]))["id"]
    eventually(alpha.active_limits)
    alpha.done("DELETE", f"/flexibility-assets?id={other}")

    dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}")

    comes(lambda: received(alpha), [(2, "ended")])
    assert alpha.done("GET", LIMITS)["limits"][0]["asset_ids"] == sorted([chp, other])


def test_what_was_sent_in_error_is_withdrawn_even_in_force(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-WDR."""
    limit_id = dso.send_foreseen(make_running([chp]))["id"]
    eventually(alpha.active_limits)

    dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}?sent_in_error=true&reason=wrong%20feeder")

    comes(lambda: received(alpha), [(2, "withdrawn")])
    assert alpha.done("GET", LIMITS)["limits"][0]["reason"]["text"] == "wrong feeder"
    assert dso.done("GET", f"{LIMITS}/{limit_id}")["status"] == "withdrawn"


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
    """DSO-ONE, EMG-TLD: one fact about the whole, and nothing per recipient."""
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


def test_a_refused_update_changes_nothing_and_leaves_its_number(dso: Member, alpha: Member, chp: str) -> None:
    limit_id = dso.send_foreseen(make_foreseen([chp], 500))["id"]

    refused = dso.call("PUT", f"{LIMITS}/foreseen/{limit_id}", make_foreseen([chp, fresh_gsrn()], 100))

    assert (refused.status, refused.codes(), refused.pointers()) == (422, {"A64"}, {"/asset_ids/1"})
    own = dso.done("GET", f"{LIMITS}/{limit_id}?all_revisions=true")
    assert (own["revision"], own["status"]) == (1, "active")
    assert [(each["revision"], each["status"]) for each in own["revisions"]] == [(1, "active"), (2, "refused")]
    assert put(dso, limit_id, make_foreseen([chp], 100))["revision"] == 2


def test_nobody_changes_a_limit_that_is_not_its_own_or_of_the_other_kind(world: World, dso: Member, chp: str) -> None:
    limit_id = dso.send_foreseen(make_foreseen([chp]))["id"]
    south = world.dso("South Grid")

    statuses = {
        "another's": south.call("DELETE", f"{LIMITS}/foreseen/{limit_id}").status,
        "another's read": south.call("GET", f"{LIMITS}/{limit_id}").status,
        "other kind": dso.call("DELETE", f"{LIMITS}/unforeseen/{limit_id}").status,
        "unknown": dso.call("PUT", f"{LIMITS}/foreseen/{'0' * 32}", make_foreseen([chp])).status,
    }

    assert statuses == dict.fromkeys(statuses, 404)
    assert south.done("GET", LIMITS)["limits"] == []


def test_several_limits_are_cancelled_in_one_call_or_none(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-DEL."""
    ids = [dso.send_foreseen(make_foreseen([chp]))["id"] for _ in range(2)]

    unknown = dso.call("DELETE", f"{LIMITS}/foreseen", {"ids": [*ids, "0" * 32]})
    done = dso.done("DELETE", f"{LIMITS}/foreseen", {"ids": ids}, Idempotency_Key="all of them")
    again = dso.done("DELETE", f"{LIMITS}/foreseen", {"ids": ids}, Idempotency_Key="all of them")

    assert (unknown.status, unknown.codes(), unknown.pointers()) == (404, {"A64"}, {"/ids/2"})
    assert [(each["id"], each["revision"], each["status"]) for each in done["limits"]] == [
        (each, 2, "accepted") for each in ids
    ]
    assert again == done
    comes(lambda: received(alpha), [(2, "cancelled")] * 2)
    refused = dso.done("DELETE", f"{LIMITS}/foreseen", {"ids": ids})["limits"]
    assert [(each["status"], each["errors"][0]["code"]) for each in refused] == [("refused", "A59")] * 2


def test_a_limit_by_section_or_point_says_what_it_came_to(
    world: World, dso: Member, alpha: Member, point: str, chp: str
) -> None:
    eventually(lambda: known_to(world, dso) == [chp])
    body = make_foreseen([], 100)
    del body["asset_ids"]

    by_section = dso.send_foreseen(body | {"sections": ["T17/F1"]})
    by_point = put(dso, by_section["id"], body | {"connection_point_ids": [point]})
    unknown = dso.call("POST", f"{LIMITS}/foreseen", body | {"sections": ["T17/F1", "T18"]})
    stranger = dso.call("POST", f"{LIMITS}/foreseen", body | {"connection_point_ids": [fresh_gsrn()]})
    both = dso.call("POST", f"{LIMITS}/foreseen", body | {"sections": ["T17/F1"], "asset_ids": [chp]})
    neither = dso.call("POST", f"{LIMITS}/foreseen", body)

    assert by_section["asset_ids"] == by_point["asset_ids"] == [chp]
    comes(lambda: parts(alpha), [[100]])
    assert (unknown.codes(), unknown.pointers()) == ({"A64"}, {"/sections/1"})
    assert (stranger.codes(), stranger.pointers()) == ({"A64"}, {"/connection_point_ids/0"})
    assert (both.status, neither.status, neither.codes()) == (400, 400, {"missing"})


def known_to(world: World, dso: Member) -> list[str]:
    """Assets that the DSO's own copy of its grid holds."""
    with psycopg.connect(world.settings.groups["dso"].database_url) as connection:
        rows = connection.execute("SELECT id FROM grid_asset WHERE party = %s", [dso.code]).fetchall()
    return [row[0] for row in rows]


def test_a_dry_run_warns_and_sends_nothing(world: World, dso: Member, alpha: Member, chp: str) -> None:
    """LIM-OVL."""
    eventually(lambda: known_to(world, dso) == [chp])
    dso.send_foreseen(make_foreseen([chp], 100))
    eventually(alpha.active_limits)

    tried = dso.done("POST", f"{LIMITS}/foreseen?dry_run=true", make_foreseen([chp], 600))
    stop = dso.done("POST", f"{LIMITS}/unforeseen?dry_run=true", make_stop([chp, fresh_gsrn()]))

    assert (tried["dry_run"], tried["status"]) == (True, "accepted")
    assert {each["code"] for each in tried["warnings"]} == {"does_not_bind", "overlaps_own_limit"}
    assert (stop["status"], len(stop["rejected"])) == ("partly_accepted", 1)
    assert {each["code"] for each in stop["warnings"]} == {"long_emergency", "overlaps_own_limit"}
    assert len(dso.done("GET", LIMITS)["limits"]) == 1


def test_own_limits_are_found_by_when_they_apply(dso: Member, chp: str) -> None:
    """UNI-PER."""
    limit_id = dso.send_foreseen(make_foreseen([chp], 500))["id"]

    def found(query: str) -> list[str]:
        return [each["id"] for each in dso.done("GET", f"{LIMITS}?{query}")["limits"]]

    assert found("from=2099-04-10T13:59:00Z") == found("to=2099-04-10T06:01:00Z") == [limit_id]
    assert found("from=2099-04-10T14:00:00Z") == found("to=2099-04-10T06:00:00Z") == []


def test_an_asset_that_changes_hands_moves_only_the_two_parts_concerned(
    world: World, dso: Member, alpha: Member, beta: Member, point: str, chp: str, wind: str
) -> None:
    """HND-TWO: 500 over 600, 400 and 1000; a third of Alpha's power passes to Beta."""
    gamma = world.operator("Gamma")
    solar = registered(gamma, point, 1000)
    limit_id = dso.send_foreseen(make_foreseen([chp, wind, solar], 500))["id"]
    comes(lambda: (parts(alpha), parts(beta), parts(gamma)), ([[150]], [[100]], [[250]]))

    beta.register_assets(make_asset(point, id=chp, max_production_kw=600))
    alpha.done("DELETE", f"/flexibility-assets?id={chp}")

    comes(lambda: parts(beta), [[250]])
    comes(lambda: received(alpha), [(2, "cancelled")])
    assert sorted(beta.active_limits()[0]["asset_ids"]) == sorted([chp, wind])
    assert (received(beta), received(gamma)) == ([(2, "active")], [(1, "active")])
    assert dso.done("GET", f"{LIMITS}/{limit_id}")["revision"] == 1


def test_a_stop_follows_an_asset_that_changes_hands(
    dso: Member, alpha: Member, beta: Member, point: str, chp: str
) -> None:
    other = registered(alpha, point, 100)
    dso.send_unforeseen(make_stop([chp, other]))
    eventually(alpha.active_limits)

    beta.register_assets(make_asset(point, id=chp, max_production_kw=600))
    alpha.done("DELETE", f"/flexibility-assets?id={chp}")

    comes(lambda: [limit["asset_ids"] for limit in beta.active_limits()], [[chp]])
    comes(lambda: [limit["asset_ids"] for limit in alpha.active_limits()], [[other]])
    assert (received(alpha), received(beta)) == ([(2, "active")], [(1, "active")])


def test_an_asset_that_is_only_removed_changes_nothing_under_a_limit(
    dso: Member, alpha: Member, beta: Member, point: str, chp: str, wind: str
) -> None:
    """HND-REM."""
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 500))["id"]
    before = eventually(alpha.active_limits)

    alpha.done("DELETE", f"/flexibility-assets?id={chp}")
    comes(lambda: dso.done("GET", f"{LIMITS}/{limit_id}")["delivery"]["all_reached_at"] is not None, True)

    assert alpha.active_limits() == before
