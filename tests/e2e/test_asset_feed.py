"""A DSO waits for changes in its grid (F5b)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.functions.test_list_assets import Grid, changes, grid, seen
from tests.support.world import make_asset

__all__ = ["grid"]


def test_a_waiting_dso_is_told_of_a_new_asset(grid: Grid) -> None:
    chp = make_asset(grid.point, name="CHP of the Nilssons")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(changes, grid.dso, timeout=30, after=grid.cursor)
        grid.alpha.register_assets(chp)
        answer = waiting.result(20)

    assert (answer["assets"], answer["removed_ids"]) == ([seen(chp)], [])


def test_the_answer_is_empty_when_the_time_is_up_and_the_cursor_stays(grid: Grid) -> None:
    assert grid.next(timeout_s=0) == ([], [])
    cursor = grid.cursor

    began = time.monotonic()
    assert grid.next(timeout_s=1) == ([], [])
    assert time.monotonic() - began >= 1
    assert grid.cursor == cursor


def test_pages_of_the_own_copy_go_on_with_it(grid: Grid) -> None:
    first, second = make_asset(grid.point), make_asset(grid.point)
    grid.alpha.register_assets(first, second)
    grid.next()

    page = grid.dso.done("GET", "/flexibility-assets?limit=1", Prefer="wait=0")
    following = grid.dso.http.get(page["next"], headers={"Authorization": f"Bearer {grid.dso.token}"}).json()

    assert page["assets"] == [seen(first)]
    assert (following["assets"], following["as_of"]) == ([seen(second)], page["as_of"])
