"""The platform operator's overview of a running system: news for waiting calls, and dead letters."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_schedule
from tps.local.cli import commands


@pytest.fixture(scope="module")
def platform(world: World) -> Member:
    code = world.settings.platform_party
    return Member(code, "tps", "TPS", world.token(code, "tps"), world.http)


def dead_letters(world: World) -> list[Any]:
    """Return the dead letters that the command lists."""
    done = CliRunner().invoke(commands, ["dead-letters", "list", "--json", "--data", str(world.stack.data)])
    return [each for each in json.loads(done.stdout)["undelivered"] if each["kind"] == "dead"]


def test_dead_letters_are_counted(platform: Member, world: World) -> None:
    """The count equals that of the command. Other tests on this stack may add dead letters between the two reads."""
    eventually(lambda: platform.done("GET", "/readiness")["counts"]["dead_letters"] == len(dead_letters(world)))


def wait_for(platform: Member, cursor: str, topic: str) -> str:
    """Wait for news of a topic after a cursor, and skip other news; return the next cursor."""
    while True:
        news = platform.done("GET", f"/changes?after={cursor}&timeout=20")
        assert news["changed"], f"no news of {topic}"
        cursor = news["cursor"]
        if topic in news["changed"]:
            return cursor


def test_whoever_waits_is_told_of_what_there_is_news(world: World, platform: Member) -> None:
    dso, alpha, point = world.dso(), world.operator(), fresh_gsrn()
    chp = make_asset(point)
    dso.register_points(point)
    alpha.register_assets(chp)
    cursor = platform.done("GET", "/changes")["cursor"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for, platform, cursor, "plans")
        alpha.send_schedules(make_schedule(chp["id"], 1))
        cursor = waiting.result()

    dso.send_foreseen(make_foreseen([chp["id"]]))
    cursor = wait_for(platform, cursor, "limits")

    alpha.register_assets(make_asset(fresh_gsrn()))
    assert wait_for(platform, cursor, "registry")
    assert platform.call("GET", "/changes?after=x").pointers() == {"/after"}
