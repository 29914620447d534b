"""Schedules that a DSO requests, from the platform or from its own copy."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.functions.schedules.grid import PATH, Grid, news, plans
from tests.support.installation import Installation
from tests.support.world import World, eventually, make_schedule


def test_when_the_platform_is_silent_the_dsos_own_copy_answers_with_its_age(grid: Grid, house: Installation) -> None:
    """Before the first data arrives, the copy is empty."""
    early = grid.dso.call("GET", PATH, Prefer="wait=0")
    schedule = make_schedule(grid.alphas, 1, 2, 3, 4)
    grid.alpha.send_schedules(schedule)
    news(grid.dso)

    # The copy shows plans of known assets, and a separate message announces the assets.
    eventually(lambda: grid.dso.done("GET", PATH, Prefer="wait=0")["schedules"])

    silent = grid.dso.done("GET", f"{PATH}?from=2099-04-10T06:15:00Z&to=2099-04-10T06:45:00Z", Prefer="wait=0")
    asked = grid.dso.done("POST", f"{PATH}/query", {"asset_ids": [grid.alphas]}, Prefer="wait=0")
    other = grid.dso.done("POST", f"{PATH}/query", {"asset_ids": [grid.elsewhere]}, Prefer="wait=0")

    assert (early.status, early.codes()) == (503, {"platform_silent"})
    assert silent["schedules"] == [{**schedule, "start": "2099-04-10T06:15:00Z", "power_kw": [2, 3]}]
    assert timedelta(0) <= house.clock.now - datetime.fromisoformat(silent["as_of"]) < timedelta(minutes=1)
    assert (asked["schedules"], other["schedules"]) == ([schedule], [])


def test_a_question_for_plans_leaves_the_list_of_assets_alone(grid: Grid) -> None:
    """SCH-UNK."""
    before = grid.dso.done("GET", "/flexibility-assets")["assets"]

    assert plans(grid.dso) == []

    assert grid.dso.done("GET", "/flexibility-assets", Prefer="wait=0")["assets"] == before


def test_a_bad_question_is_named(world: World) -> None:
    dso = world.dso()
    for query, pointer in {
        "?from=yesterday": "/from",
        "?from=2099-01-02T00:00:00Z&to=2099-01-01T00:00:00Z": "/to",
        "?" + "&".join(["asset_id=NDK:x"] * 51): "/asset_id",
        "?asset_id=%20": "/asset_id",
        "?party=1": "/party",
        "/wait?after=x": "/after",
    }.items():
        reply = dso.call("GET", f"{PATH}{query}")
        assert (reply.status, reply.pointers()) == (400, {pointer})
