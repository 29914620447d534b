"""The feed of changes in a DSO's grid (F5b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset

CHANGES = "/flexibility-assets/changes"


@dataclass
class Grid:
    """A DSO with two points that follows its feed, and two operators."""

    dso: Member
    alpha: Member
    beta: Member
    point: str
    second: str
    cursor: str = ""

    def next(self, timeout_s: int = 10) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the next news: new or changed assets, and removed ids."""
        answer = changes(self.dso, timeout=timeout_s, after=self.cursor)
        self.cursor = answer["cursor"]
        return answer["assets"], answer["removed_ids"]


@pytest.fixture
def grid(world: World) -> Grid:
    dso, alpha, beta = world.dso(), world.operator("Alpha"), world.operator("Beta")
    made = Grid(dso, alpha, beta, fresh_gsrn(), fresh_gsrn(), changes(dso)["cursor"])
    dso.register_points(made.point, made.second)
    return made


def changes(dso: Member, **query: object) -> Any:
    """Return the answer of the feed; the default `timeout` is 0."""
    asked = "&".join(f"{name}={value}" for name, value in {"timeout": 0, **query}.items())
    return dso.done("GET", f"{CHANGES}?{asked}")


def seen(asset: dict[str, Any]) -> dict[str, Any]:
    """Return an asset as its DSO may see it."""
    return {name: value for name, value in asset.items() if name != "name"}


def test_only_what_is_new_or_others_is_told_and_what_is_gone_by_its_id(grid: Grid) -> None:
    """DST-WHN."""
    chp, battery = make_asset(grid.point), make_asset(grid.second, max_production_kw=200, max_consumption_kw=250)
    grid.alpha.register_assets(chp, battery)
    assert grid.next() == ([seen(chp), seen(battery)], [])

    stronger = {**chp, "max_production_kw": 601, "kind": "other"}
    grid.alpha.register_assets(stronger)
    assert grid.next() == ([seen(stronger)], [])

    grid.alpha.done("DELETE", f"/flexibility-assets?id={battery['id']}")
    assert grid.next() == ([], [battery["id"]])


def test_a_new_operator_or_name_moves_no_cursor_and_a_new_power_or_kind_does(grid: Grid) -> None:
    """DSO-CHG, DST-FED: the last change proves that the earlier windows have ended."""
    chp, other = make_asset(grid.point), make_asset(grid.point)
    grid.alpha.register_assets(chp, other)
    grid.next()
    before = grid.cursor

    grid.alpha.register_assets({**chp, "name": "Boiler"})
    grid.beta.register_assets(chp)
    grid.alpha.done("DELETE", f"/flexibility-assets?id={chp['id']}")
    grid.alpha.register_assets({**other, "kind": "storage"})
    told = grid.next()

    assert told == ([seen({**other, "kind": "storage"})], [])
    assert grid.cursor != before
    grid.beta.register_assets({**chp, "max_production_kw": 5})
    assert [each["max_production_kw"] for each in grid.next()[0]] == [5]


def test_operators_that_register_in_windows_of_their_own_show_their_assets_together(grid: Grid) -> None:
    """INF-WIN: each window is announced separately."""
    alphas, betas = [make_asset(grid.point) for _ in range(2)], [make_asset(grid.point) for _ in range(2)]

    grid.alpha.register_assets(*alphas)
    first = grid.next()
    grid.beta.register_assets(*betas)

    assert (first, grid.next()) == (([*map(seen, alphas)], []), ([*map(seen, betas)], []))


def test_assets_come_and_go_with_their_point(grid: Grid, world: World) -> None:
    south = world.dso("South Grid")
    souths = Grid(south, grid.alpha, grid.beta, grid.point, grid.second, changes(south)["cursor"])
    chp = make_asset(grid.point)
    grid.alpha.register_assets(chp)
    grid.next()

    grid.dso.done("DELETE", f"/connection-points?id={grid.point}")
    south.register_points(grid.point)

    assert grid.next() == ([], [chp["id"]])
    assert souths.next() == ([seen(chp)], [])


def test_a_reader_without_a_cursor_begins_with_all_there_is_and_is_told_each_thing_once(grid: Grid) -> None:
    chp, gone = make_asset(grid.point), make_asset(grid.point)
    grid.alpha.register_assets(chp, gone)
    grid.next()
    grid.alpha.done("DELETE", f"/flexibility-assets?id={gone['id']}")
    grid.next()

    first, again = changes(grid.dso), changes(grid.dso)
    archive = changes(grid.dso, reader="archive")

    assert (first["assets"], first["removed_ids"]) == ([seen(chp)], [])
    assert (again["assets"], again["removed_ids"], again["cursor"]) == ([], [], first["cursor"])
    assert archive["assets"] == first["assets"]


def test_what_the_feed_told_is_what_the_list_says(grid: Grid) -> None:
    grid.alpha.register_assets(*(make_asset(grid.point) for _ in range(3)))
    grid.beta.register_assets(*(make_asset(grid.second) for _ in range(3)))
    eventually(lambda: len(changes(grid.dso, after=grid.cursor)["assets"]) == 6)

    told = changes(grid.dso, after=grid.cursor)["assets"]

    assert told == grid.dso.done("GET", "/flexibility-assets")["assets"]


def test_of_the_list_that_a_dso_asked_for_the_feed_tells_what_is_others(grid: Grid) -> None:
    chp = make_asset(grid.point)
    grid.alpha.register_assets(chp)

    listed = grid.dso.done("GET", "/flexibility-assets")["assets"]

    assert grid.next(timeout_s=0 if listed else 10) == ([seen(chp)], [])


def test_without_the_platforms_answer_the_own_copy_answers_with_its_age(grid: Grid) -> None:
    """`wait=0` acts like a platform that does not answer."""
    unknown = grid.dso.call("GET", "/flexibility-assets", Prefer="wait=0")
    chp = make_asset(grid.point)
    grid.alpha.register_assets(chp)
    grid.next()

    known = grid.dso.call("GET", "/flexibility-assets", Prefer="wait=0")

    assert (unknown.status, unknown.codes()) == (503, {"platform_silent"})
    assert (known.status, known.json["assets"]) == (200, [seen(chp)])
    assert known.json["as_of"].startswith("20")
