"""Lists: pages sum to the whole list, and an unchanged list is not sent again (docs/rest.md, "Lists")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.world import Member, Reply, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_schedule


@dataclass(frozen=True)
class Scene:
    """Seven assets of one operator at points of one DSO, and three limits and five schedules on them."""

    dso: Member
    agr: Member
    asset_ids: list[str]


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    dso, agr = world.dso(), world.operator()
    points = [fresh_gsrn() for _ in range(3)]
    dso.register_points(*points)
    assets = [make_asset(points[index % 3]) for index in range(7)]
    agr.register_assets(*assets)
    ids = sorted(asset["id"] for asset in assets)
    for asset_id in ids[:3]:
        dso.send_foreseen(make_foreseen([asset_id]))
    for asset_id in ids[:5]:
        agr.send_schedules(make_schedule(asset_id, 500))
    eventually(lambda: len(agr.active_limits()) == 3)
    eventually(lambda: len(dso.done("GET", "/operational-schedules")["schedules"]) == 5)
    return Scene(dso, agr, ids)


LISTS = [
    ("agr", "/flexibility-assets", "assets", 7),
    ("agr", "/capacity-limits", "limits", 3),
    ("agr", "/capacity-limits/active", "limits", 3),
    ("dso", "/capacity-limits", "limits", 3),
    ("agr", "/operational-schedules", "schedules", 5),
    ("dso", "/operational-schedules", "schedules", 5),
    ("dso", "/connection-points", "connection_points", 3),
    ("dso", "/flexibility-assets", "assets", 7),
]
lists = pytest.mark.parametrize(("group", "path", "name", "size"), LISTS, ids=lambda each: str(each))


def pages(member: Member, path: str) -> Iterator[Any]:
    """Yield this page and all following pages."""
    while path:
        page = member.done("GET", path)
        yield page
        path = page.get("next", "").removeprefix(f"/{member.group}/v1")


def delivered(whole: Any) -> Any:
    """Return the list when all its messages are delivered; until then the delivery facts change."""
    deliveries = [each["delivery"] for each in whole.get("limits", ()) if "delivery" in each]
    return whole if all("all_reached_at" in each for each in deliveries) else None


@lists
def test_pages_add_up_to_the_whole_list(scene: Scene, group: str, path: str, name: str, size: int) -> None:
    member: Member = getattr(scene, group)
    whole = eventually(lambda: delivered(member.done("GET", path)))

    found = list(pages(member, f"{path}?limit=2"))

    assert [each for page in found for each in page[name]] == whole[name]
    assert len(whole[name]) == size
    assert [len(page[name]) for page in found[:-1]] == [2] * ((size - 1) // 2)
    assert "next" not in whole


@lists
def test_whoever_has_a_list_is_not_sent_it_again(scene: Scene, group: str, path: str, name: str, size: int) -> None:
    member: Member = getattr(scene, group)
    for query in ("", "?limit=2"):
        first = member.call("GET", path + query)
        tag = first.headers["ETag"]

        again = member.call("GET", path + query, If_None_Match=f'"other", {tag}')

        assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert member.call("GET", path + query, If_None_Match='"other"').status == 200


def test_what_changes_the_list_changes_its_tag(world: World) -> None:
    agr = world.operator()
    asset = make_asset(fresh_gsrn())
    agr.register_assets(asset)
    before = agr.call("GET", "/flexibility-assets").headers["ETag"]

    agr.register_assets({**asset, "max_production_kw": 601})
    changed = agr.call("GET", "/flexibility-assets", If_None_Match=before)
    agr.register_assets(asset)

    assert changed.status == 200
    assert changed.headers["ETag"] != before
    assert agr.call("GET", "/flexibility-assets", If_None_Match=before).status == 304


def test_pages_of_a_grid_are_of_one_list_whatever_comes_meanwhile(world: World) -> None:
    dso, agr, point = world.dso(), world.operator(), fresh_gsrn()
    dso.register_points(point)
    assets = [make_asset(point) for _ in range(3)]
    agr.register_assets(*assets)
    first = dso.done("GET", "/flexibility-assets?limit=2")

    agr.register_assets({**assets[2], "max_production_kw": 1}, make_asset(point))
    (second,) = pages(dso, first["next"].removeprefix("/dso/v1"))

    assert [each["id"] for each in first["assets"] + second["assets"]] == sorted(asset["id"] for asset in assets)
    assert {each["max_production_kw"] for each in second["assets"]} == {600}
    assert second["as_of"] == first["as_of"]
    assert len(dso.done("GET", "/flexibility-assets")["assets"]) == 4


@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "limit=x", "page=x", "limit=2&page=bm90aGluZw=="])
@lists
def test_a_page_that_is_none_is_refused(scene: Scene, group: str, path: str, name: str, size: int, query: str) -> None:
    reply: Reply = getattr(scene, group).call("GET", f"{path}?{query}")

    assert (reply.status, reply.codes()) == (400, {"bad_type"})
    assert reply.pointers() <= {"/limit", "/page"}


def test_a_page_is_of_use_to_its_party_and_route_only(world: World, scene: Scene) -> None:
    following = scene.agr.done("GET", "/flexibility-assets?limit=2")["next"].removeprefix("/agr/v1")
    query = following.partition("?")[2]

    replies = [
        world.operator().call("GET", following),
        scene.agr.call("GET", f"/capacity-limits?{query}"),
        scene.agr.call("GET", f"/capacity-limits/active?{query}"),
        scene.dso.call("GET", f"/flexibility-assets?{query}"),
    ]

    assert [(reply.status, reply.pointers()) for reply in replies] == [(400, {"/page"})] * 4
