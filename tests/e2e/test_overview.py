"""The platform operator's overview (F3): what is planned, what is limited, and where the two collide."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Thread
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
        "production_kw": [0, 500, pytest.approx(500.5), 0, 0],
        "consumption_kw": [0, 20, 0, 0, 0],
    }
    assert "announced" not in total


def test_a_changed_plan_is_shown_beside_what_was_announced_first(overview: Overview) -> None:
    changed = make_schedule(overview.chp, 100, 100, start="2099-04-10T06:30:00Z")
    overview.alpha.send_schedules(changed)
    total = overview.total(overview.alpha)

    assert total["current"]["production_kw"] == [0, 500, 100, 0]
    assert total["announced"]["production_kw"] == [0, 500, pytest.approx(500.5), 0, 0]


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


def test_whoever_waits_is_told_of_what_there_is_news(overview: Overview) -> None:
    cursor = overview.platform.done("GET", "/changes")["cursor"]
    found: list[Any] = []
    waiting = Thread(target=lambda: found.append(overview.platform.done("GET", f"/changes?after={cursor}&timeout=20")))
    waiting.start()

    overview.alpha.send_schedules(make_schedule(overview.chp, 1))

    waiting.join(30)
    assert "plans" in found[0]["changed"]
    after = found[0]["cursor"]
    overview.dso.send_foreseen(make_foreseen([overview.chp]))
    eventually(lambda: "limits" in overview.platform.done("GET", f"/changes?after={after}&timeout=5")["changed"])


def test_what_has_not_changed_is_not_sent_again(overview: Overview) -> None:
    for path in ("/schedules", "/limits"):
        whole = overview.platform.call("GET", f"{path}?{DAY}{overview.in_grid}")
        again = overview.platform.call("GET", f"{path}?{DAY}{overview.in_grid}", If_None_Match=whole.headers["ETag"])
        assert (again.status, again.text) == (304, "")


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("from=yesterday", 400, "/from"),
        ("from=2099-01-01T00:00:00Z&to=2099-03-01T00:00:00Z", 400, "/to"),
        ("parties=x", 400, "/parties"),
        ("per_asset=true", 400, "/party"),
        (f"party={fresh_gln()}", 404, None),
    ],
)
def test_a_bad_question_is_told_what_is_bad(platform: Member, query: str, status: int, pointer: str | None) -> None:
    reply = platform.call("GET", f"/schedules?{query}")

    assert reply.status == status
    assert reply.pointers() == ({pointer} if pointer else set())
