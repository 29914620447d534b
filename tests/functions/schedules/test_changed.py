"""Schedules that are changed or cancelled, or that end because their asset changes its operator."""

from __future__ import annotations

from tests.functions.schedules.grid import PATH, Grid, plans
from tests.support.world import eventually, make_asset, make_schedule


def test_a_change_replaces_what_was_planned_and_cancels_what_it_drops(grid: Grid) -> None:
    """SCH-PUT."""
    first = grid.alpha.send_schedules(make_schedule(grid.alphas, 1, 1), make_schedule(grid.elsewhere, 2))
    before, before_other = grid.cursors()
    later = make_schedule(grid.alphas, 3, start="2099-04-10T06:15:00Z")

    changed = grid.alpha.done("PUT", f"{PATH}/{first['id']}", {"schedules": [later]})

    assert (changed["id"], changed["revision"], changed["status"]) == (first["id"], 2, "accepted")
    assert plans(grid.dso) == [later]
    assert plans(grid.other_dso) == []
    told, told_other = grid.told(grid.dso, before), grid.told(grid.other_dso, before_other)
    gone = {"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T06:15:00Z"}
    assert (told["schedules"], told["cancelled"]) == ([later], [{"asset_id": grid.alphas, **gone}])
    assert (told_other["schedules"], told_other["cancelled"]) == ([], [{"asset_id": grid.elsewhere, **gone}])
    assert [each["revision"] for each in grid.alpha.done("GET", PATH)["schedules"]] == [2]


def test_the_later_accepted_wins_the_overlap_and_what_is_cancelled_leaves_no_plan(grid: Grid) -> None:
    """SCH-OVL, SCH-DEL."""
    grid.alpha.send_schedules(make_schedule(grid.alphas, 1, 1, 1, 1))
    over = grid.alpha.send_schedules(make_schedule(grid.alphas, 5, 5, start="2099-04-10T06:15:00Z"))
    (both,) = plans(grid.dso)

    cancelled = grid.alpha.done("DELETE", f"{PATH}/{over['id']}")

    assert both["power_kw"] == [1, 5, 5, 1]
    assert (cancelled["id"], cancelled["revision"], cancelled["status"]) == (over["id"], 2, "accepted")
    assert [each["start"] for each in plans(grid.dso)] == ["2099-04-10T06:00:00Z", "2099-04-10T06:45:00Z"]
    assert grid.alpha.done("GET", f"{PATH}/{over['id']}")["status"] == "cancelled"
    again = grid.alpha.call("DELETE", f"{PATH}/{over['id']}")
    changed = grid.alpha.call("PUT", f"{PATH}/{over['id']}", {"schedules": [make_schedule(grid.alphas, 1)]})
    assert [(reply.status, reply.codes()) for reply in (again, changed)] == [(422, {"A59"})] * 2


def test_there_is_nothing_to_cancel_of_what_was_refused_from_the_beginning(grid: Grid) -> None:
    """SCH-A59: alone, and in a call with several schedules, which then cancels none."""
    body = {"schedules": [make_schedule(grid.alphas, 601), make_schedule(grid.betas, 1)]}
    sent = grid.alpha.call("POST", PATH, body, Prefer="respond-async").json
    shown = eventually(
        lambda: (
            found if (found := grid.alpha.done("GET", f"/messages/{sent['message_id']}"))["status"] != "pending" else 0
        )
    )
    standing = grid.alpha.send_schedules(make_schedule(grid.elsewhere, 1))["id"]

    alone = grid.alpha.call("DELETE", f"{PATH}/{sent['id']}")
    several = grid.alpha.call("DELETE", PATH, {"ids": [standing, sent["id"]]})

    assert shown["status"] == "refused"
    assert [(reply.status, reply.codes()) for reply in (alone, several)] == [(422, {"A59"})] * 2
    assert several.pointers() == {"/ids/1"}
    assert grid.alpha.done("GET", f"{PATH}/{standing}")["status"] == "accepted"
    assert grid.alpha.done("GET", f"{PATH}/{sent['id']}")["status"] == "refused"


def test_several_are_cancelled_by_their_ids_and_others_are_not_found(grid: Grid) -> None:
    sent = [grid.alpha.send_schedules(make_schedule(grid.alphas, 1, start=f"2099-04-1{day}T06:00Z")) for day in (1, 2)]
    ids = [each["id"] for each in sent]
    foreign = grid.beta.send_schedules(make_schedule(grid.betas, 1))["id"]

    refused = grid.alpha.call("DELETE", PATH, {"ids": [*ids, foreign]})
    cancelled = [grid.alpha.done("DELETE", PATH, {"ids": ids}, Idempotency_Key="all of it") for _ in range(2)]

    assert (refused.status, refused.pointers()) == (404, {"/ids/2"})
    assert cancelled[0] == cancelled[1]
    assert [(each["id"], each["revision"]) for each in cancelled[0]["schedules"]] == [(each, 2) for each in ids]
    assert [each["asset_id"] for each in plans(grid.dso)] == [grid.betas]


def test_a_plan_ends_when_its_asset_changes_hands_and_the_new_holders_begins(grid: Grid) -> None:
    """SCH-GON."""
    old, new = make_schedule(grid.alphas, 100, 100), make_schedule(grid.alphas, 50)
    grid.alpha.send_schedules(old)
    grid.beta.register_assets(make_asset(asset_point(grid), id=grid.alphas))
    grid.beta.send_schedules(new)
    cursor, _ = grid.cursors()
    assert plans(grid.dso) == [old]

    grid.alpha.done("DELETE", f"/flexibility-assets?id={grid.alphas}")

    told = grid.told(grid.dso, cursor)
    assert told["schedules"] == [new]
    assert [each["start"] for each in told["cancelled"]] == ["2099-04-10T06:15:00Z"]
    assert plans(grid.dso) == [new]


def test_the_plan_of_an_asset_that_is_removed_ends_for_its_dso(grid: Grid) -> None:
    """SCH-GON."""
    grid.alpha.send_schedules(make_schedule(grid.alphas, 100))
    cursor, _ = grid.cursors()

    grid.alpha.done("DELETE", f"/flexibility-assets?id={grid.alphas}")

    assert plans(grid.dso) == []
    told = grid.told(grid.dso, cursor)
    assert (told["schedules"], [each["asset_id"] for each in told["cancelled"]]) == ([], [grid.alphas])
    assert grid.dso.done("GET", PATH, Prefer="wait=0")["schedules"] == []


def asset_point(grid: Grid) -> str:
    """Return the connection point of the assets in the DSO's grid."""
    listed = grid.dso.done("GET", "/flexibility-assets")["assets"]
    return str(next(each["connection_point_id"] for each in listed if each["id"] == grid.alphas))
