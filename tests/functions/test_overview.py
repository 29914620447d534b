"""The platform operator's overview (F3): plans, limits and their conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.world import (
    Member,
    World,
    eventually,
    fresh_gln,
    fresh_gsrn,
    make_asset,
    make_foreseen,
    make_schedule,
    make_stop,
)

DAY = "from=2099-04-10T00:00:00Z&to=2099-04-11T00:00:00Z"
MORNING = 6 * 60


@dataclass(frozen=True)
class Overview:
    """Alpha (600 kW and a charger of 100) and Beta (400 kW) in one grid; both plan four quarters from 6 to 7."""

    platform: Member
    dso: Member
    alpha: Member
    beta: Member
    chp: str
    charger: str
    wind: str

    def get(self, path: str, query: str = "") -> Any:
        return self.platform.done("GET", f"{path}?{DAY}{query}")

    def total(self, operator: Member) -> Any:
        (found,) = self.get("/schedules", f"&party={operator.code}")["schedules"]
        return found

    @property
    def in_grid(self) -> str:
        return f"&party={self.dso.code}"


@pytest.fixture(scope="module")
def platform(world: World) -> Member:
    code = world.settings.platform_party
    return Member(code, "tps", "TPS", world.token(code, "tps"), world.http)


@pytest.fixture
def overview(world: World, platform: Member) -> Overview:
    dso, alpha, beta = world.dso(), world.operator("Alpha"), world.operator("Beta", role="brp")
    point = fresh_gsrn()
    dso.register_points(point)
    chp, wind = make_asset(point), make_asset(point, max_production_kw=400)
    charger = make_asset(point, kind="ev_charging", max_consumption_kw=100)
    alpha.register_assets(chp, charger)
    beta.register_assets(wind)
    alpha.send_schedules(make_schedule(chp["id"], 500, 500, 500.5, 0), make_schedule(charger["id"], -20, -20, 0, 0))
    beta.send_schedules(make_schedule(wind["id"], 300, 300, 300, 300))
    return Overview(platform, dso, alpha, beta, chp["id"], charger["id"], wind["id"])


def test_an_operators_total_shows_what_is_planned_each_way_and_what_is_not(overview: Overview) -> None:
    total = overview.total(overview.alpha)

    assert (total["asset_count"], total["planned_asset_count"]) == (2, 2)
    assert (total["installed_production_kw"], total["installed_consumption_kw"]) == (600, 100)
    assert total["current"] == {
        "minutes": [0, MORNING, MORNING + 30, MORNING + 45, MORNING + 60],
        "planned_assets": [0, 2, 2, 2, 0],
        "production_kw": [0, 500, Decimal("500.5"), 0, 0],
        "consumption_kw": [0, 20, 0, 0, 0],
    }
    assert "announced" not in total


def test_a_changed_plan_is_shown_beside_what_was_announced_first(overview: Overview) -> None:
    changed = make_schedule(overview.chp, 100, 100, start="2099-04-10T06:30:00Z")
    overview.alpha.send_schedules(changed)
    total = overview.total(overview.alpha)

    assert total["current"]["production_kw"] == [0, 500, 100, 0]
    assert total["announced"]["production_kw"] == [0, 500, Decimal("500.5"), 0, 0]


def test_what_is_cancelled_and_planned_again_was_announced_once(overview: Overview) -> None:
    sent = overview.beta.send_schedules(make_schedule(overview.wind, 7, start="2099-04-10T09:00:00Z"))
    overview.beta.done("DELETE", f"/operational-schedules/{sent['id']}")
    assert overview.total(overview.beta)["current"]["minutes"] == [0, MORNING, MORNING + 60]

    overview.beta.send_schedules(make_schedule(overview.wind, 5, start="2099-04-10T09:00:00Z"))

    total = overview.total(overview.beta)
    assert total["current"]["production_kw"] == [0, 300, 0, 5, 0]
    assert total["announced"]["production_kw"] == [0, 300, 0, 7, 0]


def test_a_grid_shows_the_totals_of_all_who_have_assets_in_it(overview: Overview) -> None:
    found = overview.get("/schedules", overview.in_grid)

    assert {each["operator"] for each in found["schedules"]} == {overview.alpha.code, overview.beta.code}
    assert (found["from"], found["to"]) == ("2099-04-10T00:00:00Z", "2099-04-11T00:00:00Z")


def test_single_assets_come_in_pages_with_null_where_nothing_is_planned(overview: Overview) -> None:
    first = overview.get("/schedules", f"{overview.in_grid}&per_asset=true&limit=2")
    rest = overview.platform.done("GET", first["next"].removeprefix("/tps/v1"))

    assets = {each["asset_id"]: each for each in first["assets"] + rest["assets"]}
    assert (list(assets), "next" in rest) == (sorted([overview.chp, overview.charger, overview.wind]), False)
    assert assets[overview.charger] == {
        "asset_id": overview.charger,
        "operator": overview.alpha.code,
        "dso": overview.dso.code,
        "kind": "ev_charging",
        "max_consumption_kw": 100,
        "minutes": [0, MORNING, MORNING + 30, MORNING + 60],
        "power_kw": [None, -20, 0, None],
    }


def test_a_limit_shows_its_revisions_the_parts_and_how_far_each_message_came(overview: Overview) -> None:
    sent = overview.dso.send_foreseen(make_foreseen([overview.chp, overview.wind], power_kw=500))
    overview.dso.done(
        "PUT", f"/capacity-limits/foreseen/{sent['id']}", make_foreseen([overview.chp, overview.wind], power_kw=750)
    )
    eventually(lambda: [each for each in overview.alpha.active_limits() if each["revision"] == 2])

    def read_by_alpha() -> Any:
        (limit,) = overview.get("/limits", overview.in_grid)["limits"]
        return limit if limit["delivery"]["read"] and limit["delivery"]["delivered"] == 2 else None

    limit = eventually(read_by_alpha)
    assert (limit["id"], limit["revision"], limit["status"], limit["asset_count"]) == (sent["id"], 2, "active", 2)
    assert [each["revision"] for each in limit["revisions"]] == [1, 2]
    parts = {part["operator"]: part for part in limit["parts"]}
    assert {code: (part["parts_kw"], part["weight_kw"]) for code, part in parts.items()} == {
        overview.alpha.code: ([450], 600),
        overview.beta.code: ([300], 400),
    }
    assert parts[overview.alpha.code]["delivery"]["state"] == "RECEIVED"
    evidence = overview.platform.done("GET", f"/limits/{sent['id']}/evidence")
    hops = [hop["state"] for each in evidence["recipients"] for hop in each["hops"]]
    assert (evidence["all_reached_at"] is not None, hops.count("DELIVERED"), "ACCEPTED" in hops) == (True, 2, True)


def test_an_operators_limits_show_its_own_part_and_a_summary_shows_none(overview: Overview) -> None:
    sent = overview.dso.send_foreseen(make_foreseen([overview.chp, overview.wind]))
    overview.dso.done("DELETE", f"/capacity-limits/foreseen/{sent['id']}")

    def cancelled() -> Any:
        (limit,) = overview.get("/limits", f"&party={overview.beta.code}")["limits"]
        return limit if limit["parts"] and limit["parts"][0]["status"] == "cancelled" else None

    limit = eventually(cancelled)
    assert (limit["status"], [part["operator"] for part in limit["parts"]]) == ("cancelled", [overview.beta.code])
    assert [slot["power_kw"] for slot in limit["available"]] == [500]
    (summary,) = overview.get("/limits", f"{overview.in_grid}&summary=true")["limits"]
    assert ("parts" in summary, summary["delivery"]["recipients"]) == (False, 2)


def over_part(overview: Overview) -> Any:
    """Alpha gets 300 of 500 kW and plans 500 for most of an hour. Beta gets 200 and plans 300."""
    sent = overview.dso.send_foreseen(make_foreseen([overview.chp, overview.wind]))
    eventually(overview.alpha.active_limits)
    return sent["id"]


def test_what_an_operator_plans_beyond_its_part_is_a_conflict_the_worst_first(overview: Overview) -> None:
    limit_id = over_part(overview)

    worst, other = eventually(lambda: overview.get("/conflicts", f"&dso={overview.dso.code}")["conflicts"])

    assert (worst["operator"], other["operator"], worst["limit_id"]) == (
        overview.alpha.code,
        overview.beta.code,
        limit_id,
    )
    assert (worst["kind"], worst["excess_kwh"]) == ("over_part", Decimal("150.125"))
    assert [(each["start"][11:16], each["planned_kw"], each["excess_kw"]) for each in worst["intervals"]] == [
        ("06:00", 500, 200),
        ("06:30", Decimal("500.5"), Decimal("200.5")),
    ]
    assert (other["start"], other["end"]) == ("2099-04-10T06:00:00Z", "2099-04-10T07:00:00Z")
    assert (other["peak_excess_kw"], other["intervals"][0]["part_kw"]) == (100, 200)
    assert worst["assets"] == {
        "count": 1,
        "largest": [{"asset_id": overview.chp, "energy_kwh": Decimal("375.125")}],
    }
    one = overview.get(f"/conflicts/{limit_id}/assets", f"&agr={overview.alpha.code}")
    assert [(each["asset_id"], each["max_production_kw"]) for each in one["assets"]] == [(overview.chp, 600)]
    assert one["curve"] == {
        "minutes": [0, MORNING, MORNING + 30, MORNING + 45, MORNING + 60, 14 * 60],
        "planned_kw": [None, 500, Decimal("500.5"), 0, None, None],
        "part_kw": [None, 300, 300, 300, 300, None],
        "unknown_kw": [0, 0, 0, 0, 600, 0],
    }


def test_a_conflict_vanishes_when_the_operator_plans_less(overview: Overview) -> None:
    over_part(overview)
    asked = f"&dso={overview.dso.code}&agr={overview.alpha.code}"
    assert eventually(lambda: overview.get("/conflicts", asked)["conflicts"])[0]["kind"] == "over_part"

    overview.alpha.send_schedules(make_schedule(overview.chp, *[300] * 32))

    eventually(lambda: overview.get("/conflicts", asked)["conflicts"] == [])
    assert overview.alpha.done("GET", f"/conflicts?{DAY}")["conflicts"] == []


def test_an_operator_sees_its_own_conflicts_and_a_dso_those_of_its_grid_and_not_whose_they_are(
    overview: Overview,
) -> None:
    limit_id = over_part(overview)

    (own,) = eventually(lambda: overview.alpha.done("GET", f"/conflicts?{DAY}")["conflicts"])

    def in_grid() -> Any:
        found = overview.dso.done("GET", f"/conflicts?{DAY}&per_asset=true")["conflicts"]
        planned = [each["planned_kw"] for one in found for each in one["intervals"][:1]]
        return found if planned == [800] else None

    (grids,) = eventually(in_grid)

    assert (own["kind"], own["excess_kwh"], own["intervals"][0]["part_kw"]) == (
        "over_part",
        Decimal("150.125"),
        300,
    )
    assert (own["issuer"]["code"], own["assets"]["count"]) == (overview.dso.code, 1)
    assert (grids["kind"], grids["limit_id"], grids["excess_kwh"]) == ("over_limit", limit_id, Decimal("225.125"))
    assert [(each["planned_kw"], each["available_kw"]) for each in grids["intervals"]] == [
        (800, 500),
        (Decimal("800.5"), 500),
    ]
    assert {each["asset_id"] for each in grids["per_asset"]} == {overview.chp, overview.wind}
    text = overview.dso.call("GET", f"/conflicts?{DAY}&per_asset=true").text
    assert not {overview.alpha.code, overview.beta.code, "operator", "part_kw"} & set(text.split('"'))


def test_under_a_stop_what_is_planned_is_a_conflict_and_what_is_not_is_unknown(overview: Overview) -> None:
    quiet = make_asset(overview.dso.done("GET", "/connection-points")["connection_points"][0]["id"])
    overview.beta.register_assets(quiet)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    plan = {"start": now.isoformat(), "resolution": "PT60M"}
    overview.alpha.send_schedules(make_schedule(overview.chp, 120, 120, 120, **plan))
    overview.dso.send_unforeseen(
        make_stop([overview.chp, quiet["id"]], expected_end=(now + timedelta(hours=2)).isoformat())
    )
    window = f"from={now:%Y-%m-%dT%H:%M:00Z}&to={now + timedelta(hours=3):%Y-%m-%dT%H:%M:00Z}"

    def both() -> Any:
        found = overview.platform.done("GET", f"/conflicts?{window}&dso={overview.dso.code}")["conflicts"]
        return found if len(found) == 2 else None

    planned, unknown = eventually(both)
    assert (planned["kind"], planned["peak_excess_kw"], planned["intervals"][0]["part_kw"]) == (
        "planned_under_stop",
        120,
        0,
    )
    assert (unknown["kind"], unknown["excess_kwh"], unknown["intervals"]) == ("unknown", 0, [])
    assert unknown["unknown"] == {"asset_count": 1, "up_to_kw": 600}


def test_what_is_missing_is_counted_and_listed(overview: Overview) -> None:
    point, quiet, waiting = fresh_gsrn(), make_asset(fresh_gsrn()), make_asset(fresh_gsrn())
    overview.dso.register_points(point, quiet["connection_point_id"])
    overview.alpha.register_assets(quiet, waiting)

    def listed(name: str, key: str) -> set[str]:
        return {each[key] for each in overview.platform.done("GET", f"/readiness?list={name}")["items"]}

    assert point in listed("points_without_assets", "connection_point_id")
    assert waiting["id"] in listed("assets_without_points", "asset_id")
    assert quiet["id"] in listed("assets_without_schedules", "asset_id")
    assert overview.platform.done("GET", "/readiness")["counts"]["assets_without_points"] > 0


def test_a_party_is_well_once_it_was_heard_of_and_has_something(overview: Overview, world: World) -> None:
    newcomer = world.operator("Newcomer")

    parties = {each["code"]: each for each in overview.platform.done("GET", "/readiness")["parties"]}

    assert parties[overview.alpha.code]["needs"] == []
    assert parties[overview.alpha.code]["component"]["last_message_at"] is not None
    assert parties[newcomer.code]["needs"] == ["never_heard", "no_assets"]


def test_what_has_not_changed_is_not_sent_again(overview: Overview) -> None:
    for path in ("/schedules", "/limits", "/conflicts"):
        asked = f"{path}?{DAY}{overview.in_grid if path != '/conflicts' else ''}"
        whole = overview.platform.call("GET", asked)
        again = overview.platform.call("GET", asked, If_None_Match=whole.headers["ETag"])
        assert (again.status, again.text) == (304, "")


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("from=yesterday", 400, "/from"),
        ("from=2099-01-01T00:00:00Z&to=2099-03-01T00:00:00Z", 400, "/to"),
        ("parties=x", 400, "/parties"),
        ("per_asset=true", 400, "/party"),
        ("party=NOBODY", 404, None),
    ],
)
def test_a_bad_question_is_told_what_is_bad(platform: Member, query: str, status: int, pointer: str | None) -> None:
    reply = platform.call("GET", f"/schedules?{query.replace('NOBODY', fresh_gln())}")

    assert reply.status == status
    assert reply.pointers() == ({pointer} if pointer else set())
