"""Schedules (F8, F9): what operators plan reaches the DSO whose grid it is, merged, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.world import Member, World, fresh_gsrn, make_asset, make_schedule

PATH = "/operational-schedules"


@dataclass(frozen=True)
class Grid:
    """A DSO with an asset of Alpha's and one of Beta's, 600 kW each; another DSO with one of Alpha's."""

    dso: Member
    other_dso: Member
    alpha: Member
    beta: Member
    alphas: str
    betas: str
    elsewhere: str


@pytest.fixture
def grid(world: World) -> Grid:
    dso, other_dso, alpha, beta = world.dso(), world.dso("South"), world.operator("Alpha"), world.operator("Beta")
    point, far_point = fresh_gsrn(), fresh_gsrn()
    dso.register_points(point)
    other_dso.register_points(far_point)
    alphas, betas, elsewhere = make_asset(point), make_asset(point), make_asset(far_point)
    alpha.register_assets(alphas, elsewhere)
    beta.register_assets(betas)
    return Grid(dso, other_dso, alpha, beta, alphas["id"], betas["id"], elsewhere["id"])


def plans(member: Member, query: str = "") -> Any:
    """What a DSO is shown."""
    return member.done("GET", f"{PATH}{query}")["schedules"]


def news(member: Member, **query: object) -> Any:
    """What a wait answers; `timeout` is 20 unless told."""
    asked = "&".join(f"{name}={value}" for name, value in {"timeout": 20, **query}.items())
    return member.done("GET", f"{PATH}/wait?{asked}")


def test_a_schedule_goes_to_the_dso_whose_grid_the_asset_is_in(grid: Grid) -> None:
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
