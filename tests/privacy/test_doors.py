"""Every row of the access table against every caller: refusals, their texts, and their effects."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.privacy import table
from tests.privacy.guards import alike, fields_beyond, headers_beyond, told_apart, words_in
from tests.privacy.scene import CALLERS, Scene, expected, served_routes
from tests.privacy.table import EVENTS, FUNCTIONS, PROBLEM_FIELDS, ROUTES, EventRow, RouteRow
from tests.support.in_process import in_process_world
from tests.support.installation import Installation
from tests.support.world import Member, Reply, World

FUNCTION_OF = {(route.method, route.path): name.replace("_", "-") for name, route in served_routes()}
named = pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def world(house: Installation) -> Iterator[World]:
    """The gateway is called without a socket: what opens a door and what does not lies behind it."""
    with in_process_world(house) as made:
        yield made


@pytest.fixture(scope="module")
def scene(world: World) -> Iterator[Scene]:
    scene = Scene.of(world)
    yield scene
    scene.close()


def doors(row: RouteRow) -> tuple[str, str]:
    """Return the two addresses of a route: at the gateway, and below its function's name."""
    return "", f"/function/{FUNCTION_OF[row.method, row.path]}"


@named
@pytest.mark.parametrize("caller", [name for name in CALLERS if name != "owner"])
def test_whoever_is_not_meant_is_refused_and_nothing_changes(scene: Scene, row: RouteRow, caller: str) -> None:
    """REF-01: the status is that of the table, no answer reveals the owner's data, and the data stays unchanged."""
    if scene.callers[caller](row) is None:
        pytest.skip("DSOs have no second role, and the platform has no rival")
    before = scene.view(row)

    for door in doors(row):
        reply = scene.ask(row, door, scene.callers[caller](row) or None)
        assert reply.status == expected(row, caller)
        assert fields_beyond(reply, row.fields if reply.status < 400 else PROBLEM_FIELDS) == set()
        assert headers_beyond(reply) == set()
        if not (caller == "platform" and reply.status < 400):
            assert words_in([reply.text, str(reply.headers)], scene.secrets(row)) == set()

    assert scene.view(row) == before


@pytest.mark.parametrize("row", [row for row in ROUTES if row.method == "PATCH"], ids=lambda row: row.name)
def test_what_the_owner_changes_shows_in_its_view(scene: Scene, row: RouteRow) -> None:
    """REF-01: an accepted request changes the view, so the view can prove that a refused request changes nothing."""
    before = scene.view(row)

    scene.ask(row, "", scene.callers["owner"](row))

    changed = {name for name, kept in scene.view(row).items() if kept != before[name]}
    assert changed >= {"own_resource", "sequence_counter", "message"}


@named
def test_the_owner_is_served_with_what_the_table_names_and_no_more(scene: Scene, row: RouteRow) -> None:
    """FLD-01: at both addresses; the names of fields and headers are closed lists."""
    for door in doors(row):
        reply = scene.ask(row, door, scene.callers["owner"](row))
        assert reply.status == row.success, reply.text
        assert scene.fill(row.shows) in reply.text
        assert fields_beyond(reply, row.fields) == set()
        assert headers_beyond(reply) == set()
        scene.restore_points()
        scene.restore_assets()
        scene.restore_schedules()
        scene.apply("rejectable")


@pytest.mark.parametrize("row", [row for row in ROUTES if row.scope != "open"], ids=lambda row: row.name)
def test_a_refused_caller_learns_nothing_from_the_words(scene: Scene, row: RouteRow) -> None:
    """TKN-01, ROL-01: the refusal of a token, and of a role, is the same to the byte for every cause."""
    refused = {name: scene.callers[name](row) for name in CALLERS if expected(row, name) in (401, 403)}
    replies = {name: scene.ask(row, "", given) for name, given in refused.items() if given is not None}
    unheld = {name: alike(reply) for name, reply in replies.items() if reply.status == 401 and name not in _NO_BEARER}

    assert len(unheld) > 10
    assert told_apart(unheld) == []
    forbidden = {name: alike(replies[name]) for name in ("other role", "platform") if name in replies}
    assert not forbidden or told_apart(forbidden) == []


_NO_BEARER = {"nobody", "basic credentials"}


@named
def test_a_role_of_another_group_gets_one_answer_for_all_its_requests(scene: Scene, row: RouteRow) -> None:
    """ROL-01: the refusal of a role does not reveal whether the object exists."""
    if row.scope == "open":
        return
    strange = Scene(
        scene.world, scene.agr, scene.dso, scene.agr_rival, scene.brp_rival, scene.dso_rival, _unknown(scene)
    )

    replies = {"real": scene.ask(row, "", scene.callers["other role"](row))}
    replies["unknown"] = strange.ask(row, "", scene.callers["other role"](row))

    assert told_apart({name: alike(reply) for name, reply in replies.items()}) == []


def _unknown(scene: Scene) -> dict[str, str]:
    return {name: "0" * len(value) for name, value in scene.values.items()}


# Events


def post_event(world: World, row: EventRow, member: Member, authorization: str | None, *, path: str = "") -> Reply:
    """Send an event to a function as event delivery does."""
    kind = "tps.tick" if row.type is None else f"mades.{row.type}"
    subject = "" if row.type is None else f"mades.{row.group}.{row.type}.{member.code}.{member.code}"
    headers = {"ce-specversion": "1.0", "ce-type": kind, "ce-source": "/x", "ce-id": "0" * 32, "ce-subject": subject}
    if authorization is not None:
        headers["Authorization"] = authorization
    target = path or f"/function/{row.function.replace('_', '-')}/"
    answer = world.http.post(target, content=b"{}", headers={**headers, "content-type": "application/json"})
    return Reply(answer.status_code, answer.headers, answer.text)


@pytest.mark.parametrize("row", EVENTS, ids=lambda row: row.name)
def test_events_come_from_event_delivery_only(scene: Scene, row: EventRow) -> None:
    """EVT-01: no token of a party or of the platform opens an event entry; all callers get the same answer."""
    owner_row = next(each for each in ROUTES if each.owner == "agr")
    callers = [name for name in CALLERS if name not in ("event delivery", "balance responsible rival")]
    before = scene.view(owner_row)

    replies = {
        name: post_event(scene.world, row, scene.agr, scene.callers[name](owner_row) or None) for name in callers
    }

    assert {reply.status for reply in replies.values()} == {401}
    assert told_apart({name: alike(reply) for name, reply in replies.items()}) == []
    assert {reply.headers.get("TPS-Outcome") for reply in replies.values()} == {None}
    assert scene.view(owner_row) == before


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_takes_an_event_by_a_detour(scene: Scene, function: str) -> None:
    """EVT-01: no path of any function accepts an event, whatever its body."""
    paths = [f"/function/{function.replace('_', '-')}{rest}" for rest in ("", "/", "/x", "/agr/v1/ping", "//")]
    paths += [row.path for row in ROUTES if FUNCTION_OF[row.method, row.path] == function.replace("_", "-")]
    event = EventRow(function, "agr", "MADES-ACK")

    for token in (None, f"Bearer {scene.agr.token}", "Bearer x", f"Bearer {scene.world.settings.delivery_token}x"):
        statuses = {path: post_event(scene.world, event, scene.agr, token, path=path).status for path in paths}
        assert statuses == dict.fromkeys(paths, 401)


def test_the_size_of_the_table(capsys: pytest.CaptureFixture[str], record_property) -> None:  # type: ignore[no-untyped-def]
    """ENT-01: the size is printed, so that a reader notices when the table shrinks."""
    routes = sum(2 for row in ROUTES for name in CALLERS if not (row.group == "dso" and name.startswith("balance")))
    events = len(EVENTS) * (len(CALLERS) - 2)
    sizes = {"rows": table.rows(), "routes x callers x doors": routes, "events x callers": events}

    with capsys.disabled():
        print(f"\ntable: {json.dumps(sizes)}")
    record_property("table", sizes)
    assert routes > 1000
