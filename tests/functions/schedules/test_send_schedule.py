"""Schedules (F8, F9): plans of operators reach the DSO of the grid, and invalid series are named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.functions.schedules.grid import PATH, Grid, news, plans
from tests.support.world import World, fresh_gsrn, make_asset, make_schedule


def test_a_schedule_goes_to_the_dso_whose_grid_the_asset_is_in(grid: Grid) -> None:
    """SCH-WHT."""
    schedule, far = make_schedule(grid.alphas, 100, 100, 0.5, -0), make_schedule(grid.elsewhere, 7)

    sent = grid.alpha.send_schedules(schedule, far)

    assert (sent["revision"], sent["status"]) == (1, "accepted")
    assert plans(grid.dso) == [schedule]
    assert plans(grid.other_dso) == [far]
    assert news(grid.dso)["schedules"] == [schedule]
    assert news(grid.other_dso)["schedules"] == [far]


def test_what_was_told_is_read_back_with_its_acknowledgement(grid: Grid) -> None:
    schedule = make_schedule(grid.alphas, 100, 200)
    sent = grid.alpha.send_schedules(schedule)

    found = grid.alpha.done("GET", f"{PATH}/{sent['id']}")

    assert found.pop("sent_at")
    assert found == {**sent, "schedules": [schedule]}
    assert [each["id"] for each in grid.alpha.done("GET", PATH)["schedules"]] == [sent["id"]]
    assert grid.beta.call("GET", f"{PATH}/{sent['id']}").status == 404
    assert grid.beta.done("GET", PATH) == {"schedules": []}


def test_days_of_92_and_100_quarters_come_out_right_whatever_offset_they_are_sent_by(grid: Grid) -> None:
    """The last Sundays of March and October 2027 in Copenhagen time."""
    days = {
        grid.alphas: make_schedule(grid.alphas, *range(92), start="2027-03-28T00:00:00+01:00"),
        grid.elsewhere: make_schedule(grid.elsewhere, *range(100), start="2027-10-31T00:00:00+02:00"),
    }

    grid.alpha.send_schedules(*days.values())

    (short,), (long,) = plans(grid.dso), plans(grid.other_dso)
    assert short == {**days[grid.alphas], "start": "2027-03-27T23:00:00Z"}
    assert long == {**days[grid.elsewhere], "start": "2027-10-30T22:00:00Z"}
    assert plans(grid.dso, "?from=2027-03-28T00:00:00%2B01:00&to=2027-03-29T00:00:00%2B02:00") == [short]
    assert plans(grid.dso, "?from=2027-03-29T00:00:00%2B02:00") == []
    (first,) = plans(grid.dso, "?to=2027-03-28T00:30:00%2B01:00")
    assert first["power_kw"] == [0, 1]


def test_one_series_beyond_its_maximum_is_named_and_the_others_stand(grid: Grid) -> None:
    """SCH-SER: also a value that a document cannot express, and another operator's asset, which looks unknown."""
    unknown = fresh_gsrn()
    bodies = [
        make_schedule(grid.alphas, 600),
        make_schedule(grid.elsewhere, 600.001),
        make_schedule(grid.betas, 1),
        make_schedule(unknown, 1),
        make_schedule(fresh_gsrn(), 1, resolution="PT7M"),
    ]

    sent = grid.alpha.send_schedules(*bodies)

    assert sent["status"] == "partly_accepted"
    rejected = {each["asset_id"]: (each["code"], each["detail"]) for each in sent["rejected"]}
    assert {asset_id: code for asset_id, (code, _) in rejected.items()} == {
        grid.elsewhere: "A42",
        grid.betas: "A64",
        unknown: "A64",
        bodies[-1]["asset_id"]: "A41",
    }
    assert rejected[grid.betas] == rejected[unknown]
    assert plans(grid.dso) == [bodies[0]]
    read = grid.alpha.done("GET", f"{PATH}/{sent['id']}")
    assert (read["status"], read["rejected"]) == ("partly_accepted", sent["rejected"])
    shown = grid.alpha.done("GET", f"/messages/{sent['message_id']}")
    assert (shown["status"], shown["rejected"]) == ("partly_accepted", sent["rejected"])


def test_what_nothing_is_left_of_is_refused_with_its_place(grid: Grid) -> None:
    """SCH-RES."""
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"power_kw": [601]}, "A42", "/schedules/0"),
        ({"power_kw": [0.0001]}, "A42", "/schedules/0/power_kw/0"),
        ({"start": "2020-04-10T06:00:00Z"}, "A57", "/schedules/0"),
        ({"start": "2099-04-10T06:00:30Z"}, "A04", "/schedules/0/start"),
        ({"resolution": "P1D"}, "A41", "/schedules/0/resolution"),
        ({"asset_id": "571313100000000001"}, "check_digit", "/schedules/0/asset_id"),
    ]
    for change, code, pointer in cases:
        reply = grid.alpha.call("POST", PATH, {"schedules": [{**make_schedule(grid.alphas, 1), **change}]})
        assert (reply.status, reply.codes(), reply.pointers()) == (422, {code}, {pointer})
    assert grid.alpha.done("GET", PATH) == {"schedules": []}


def test_a_dry_run_says_what_would_happen_and_sends_nothing(grid: Grid) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    bodies = [make_schedule(grid.alphas, 0, 0, start=now.isoformat(), resolution="PT60M"), make_schedule("NDK:x", 1)]

    answer = grid.alpha.done("POST", f"{PATH}?dry_run=true", {"schedules": bodies})

    assert (answer["dry_run"], answer["status"]) == (True, "partly_accepted")
    assert [(each["asset_id"], each["code"]) for each in answer["rejected"]] == [("NDK:x", "A64")]
    assert {each["code"]: each["detail"] for each in answer["warnings"]} == {
        "partly_in_the_past": f"the schedule starts in the past (assets: {grid.alphas}; 1 in total)",
        "all_zero": f"all power values are 0 (assets: {grid.alphas}; 1 in total)",
    }
    assert grid.alpha.done("GET", PATH) == {"schedules": []}


def test_a_schedule_of_a_waiting_asset_is_told_once_it_is_active(world: World) -> None:
    """SCH-WTG."""
    dso, alpha, point = world.dso(), world.operator(), fresh_gsrn()
    asset = make_asset(point)
    alpha.register_assets(asset)
    schedule = make_schedule(asset["id"], 100)

    sent = alpha.send_schedules(schedule)

    assert [each["code"] for each in sent["warnings"]] == ["asset_waiting"]
    assert plans(dso) == []
    dso.register_points(point)
    assert news(dso)["schedules"] == [schedule]
    assert plans(dso) == [schedule]


def test_a_whole_grid_in_one_call_reaches_each_dso_by_its_half(world: World) -> None:
    """2,000 assets by 96 quarters: 192,000 points; each DSO gets exactly its half, in the order of the ids."""
    dsos, alpha = (world.dso("North"), world.dso("South")), world.operator()
    points = [fresh_gsrn() for _ in dsos]
    for dso, point in zip(dsos, points, strict=True):
        dso.register_points(point)
    assets = [make_asset(points[number % 2]) for number in range(2_000)]
    alpha.register_assets(*assets)
    schedules = [
        make_schedule(asset["id"], *((number * 7 + quarter * 13) % 600 + 0.5 for quarter in range(96)))
        for number, asset in enumerate(assets)
    ]

    sent = alpha.done("POST", PATH, {"schedules": schedules}, Prefer="wait=55")

    assert sent["status"] == "accepted"
    for number, dso in enumerate(dsos):
        half = sorted(schedules[number::2], key=lambda schedule: str(schedule["asset_id"]))
        assert news(dso, timeout=50)["schedules"] == half
