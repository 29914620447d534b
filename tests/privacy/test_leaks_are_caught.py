"""Deliberate leaks, and the guards that find them.

Other tests use the same guards on the real system. Each test here applies a guard twice, without and with a leak. So a
guard that never finds anything, or always finds something, fails. The functions run in this process, on the servers of
the running stack. A leak wraps their answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.privacy.guards import (
    alike,
    differences,
    fields_beyond,
    headers_beyond,
    labels_beyond,
    marks_beyond,
    texts_of,
    told_apart,
    told_early,
    words_in,
)
from tests.privacy.stories import Playing, Story, knowledge_of
from tests.privacy.table import ROUTES
from tests.privacy.windows import Windows
from tests.privacy.wiretap import Opened, Wiretap
from tests.support.world import Member, Reply, World, eventually, fresh_gsrn, make_asset, make_foreseen
from tps.errors import NotFound
from tps.host.app import load_function
from tps.host.services import Services, build_services
from tps.host.stack import load_stack
from tps.local import gateway
from tps.rest.function import Answer, Call

Handler = Callable[[Call], Answer]
Leak = Callable[[Handler], Handler]
LISTING = next(row for row in ROUTES if row.name == "GET /dso/v1/flexibility-assets")


@pytest.fixture(scope="module")
def services(world: World) -> Iterator[Services]:
    services = build_services(world.settings)
    yield services
    services.close()


@pytest.fixture(scope="module")
def operators(world: World) -> list[Member]:
    return [world.operator(name) for name in ("Betelgeuse", "Rigel")]


@contextmanager
def served(services: Services, function: str, leak: Leak) -> Iterator[httpx2.Client]:
    """Run all functions behind a gateway in this process, with a leak in one of them."""

    def load(name: str) -> Any:
        module: Any = load_function(name)
        if name == function:
            module.ROUTES = tuple(replace(route, handler=leak(route.handler)) for route in module.ROUTES)
        return module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "load_function", load)
        application = gateway.Gateway(load_stack(), services)
    with httpx2.Client(transport=httpx2.WSGITransport(application), base_url="http://in-process") as client:
        yield client


def sealed(handler: Handler) -> Handler:
    """Return the handler without a leak, which the guards must accept."""
    return handler


# (a) a field


def with_operator(operators: list[Member]) -> Leak:
    """Leak: lists name the operator of each asset."""

    def leak(handler: Handler) -> Handler:
        def answer(call: Call) -> Answer:
            given = handler(call)
            assets = [{**each, "operator": operators[0].code} for each in given.body["assets"]]
            return replace(given, body={**given.body, "assets": assets})

        return answer

    return leak


@pytest.mark.parametrize("is_leaking", [False, True])
def test_a_field_too_many_in_an_answer_is_caught(
    world: World, services: Services, operators: list[Member], is_leaking: bool
) -> None:
    """LEK-01: by the closed list of the route's fields, and by words that a DSO must not see."""
    dso = _grid(world, operators)[0]

    with served(services, "list_assets", with_operator(operators) if is_leaking else sealed) as http:
        reply = replace(dso, http=http).call("GET", "/flexibility-assets")

    assert "max_production_kw" in reply.text
    assert fields_beyond(reply, LISTING.fields) == ({"operator"} if is_leaking else set())
    assert words_in([reply.text], {each.code for each in operators}) == ({operators[0].code} if is_leaking else set())


@pytest.mark.parametrize("is_leaking", [False, True])
def test_a_field_too_many_in_a_document_is_caught(
    world: World, tap: Wiretap, operators: list[Member], is_leaking: bool
) -> None:
    """LEK-01: an asset list for a DSO that contains the operator's code."""
    dso = _grid(world, operators)[0]
    dso.done("GET", "/flexibility-assets")

    def spoilt(each: Opened) -> Opened:
        return replace(each, content=each.content.replace(b"</mRID>", f"</mRID><!--{operators[0].code}-->".encode()))

    got = [each for each in tap.settled(dso.code) if each.way.receiver == dso.code and not each.is_acknowledgement]
    found = words_in(texts_of(spoilt(each) if is_leaking else each for each in got), {each.code for each in operators})

    assert any(each.way.type == "TPS-ASSET-LIST" for each in got)
    assert found == ({operators[0].code} if is_leaking else set())


# (b) a label


def with_count(handler: Handler) -> Handler:
    """Leak: a header contains a count."""

    def answer(call: Call) -> Answer:
        return replace(handler(call), headers={"X-Total-Count": "7"})

    return answer


@pytest.mark.parametrize("is_leaking", [False, True])
def test_a_header_too_many_is_caught(
    world: World, services: Services, operators: list[Member], is_leaking: bool
) -> None:
    """LEK-01: a header with a count."""
    dso = _grid(world, operators)[0]

    with served(services, "list_assets", with_count if is_leaking else sealed) as http:
        reply = replace(dso, http=http).call("GET", "/flexibility-assets")

    assert reply.status == 200
    assert headers_beyond(reply) == ({"x-total-count"} if is_leaking else set())


def with_mark(handler: Handler) -> Handler:
    """Leak: the ETag depends on received messages, so an equal list reveals a change of operator."""

    def answer(call: Call) -> Answer:
        with call.endpoint.database.transaction() as tx:
            row = tx.execute("SELECT count(*) AS last FROM message WHERE direction = 'in'").fetchone()
        assert row is not None
        given = handler(call)
        return replace(given, headers={**given.headers, "ETag": f'"{row["last"]}"'})

    return answer


@pytest.mark.parametrize("is_leaking", [False, True])
def test_a_mark_that_tells_more_than_is_shown_is_caught(
    world: World, services: Services, operators: list[Member], is_leaking: bool
) -> None:
    """LEK-01: an asset changes its operator between two reads of the list (TAG-01)."""
    dso, asset = world.dso(), make_asset(fresh_gsrn())
    dso.register_points(asset["connection_point_id"])
    operators[0].register_assets(asset)

    with served(services, "list_assets", with_mark if is_leaking else sealed) as http:
        looking = replace(dso, http=http)
        replies = [looking.call("GET", "/flexibility-assets")]
        operators[0].done("DELETE", f"/flexibility-assets?id={asset['id']}")
        operators[1].register_assets(asset)
        replies.append(eventually(lambda: _with_assets(looking)))

    assert len({reply.headers["ETag"] for reply in replies}) == (2 if is_leaking else 1)
    assert bool(marks_beyond(replies)) == is_leaking


def _with_assets(dso: Member) -> Reply | None:
    reply = dso.call("GET", "/flexibility-assets")
    return reply if reply.json["assets"] else None


@pytest.mark.parametrize("is_leaking", [False, True])
def test_a_label_too_many_on_a_message_is_caught(
    world: World, tap: Wiretap, operators: list[Member], is_leaking: bool
) -> None:
    """LEK-01: an unencrypted header that everybody at the broker can read."""
    dso, ids = _grid(world, operators)
    dso.send_foreseen(make_foreseen(ids))

    label = {"tps-operators": "2"} if is_leaking else {}
    packets = [replace(each, headers={**each.headers, **label}) for each in tap.packets()]

    assert any(packet.subject.startswith("mades.tps.") for packet in packets)
    assert labels_beyond(packets) == set(label)


@pytest.mark.parametrize("is_leaking", [False, True])
def test_an_answer_that_depends_on_who_has_the_assets_is_caught(
    world: World, services: Services, tap: Wiretap, operators: list[Member], is_leaking: bool
) -> None:
    """LEK-01: a list sorted by operator has correct fields and headers; the story finds the leak (DSO-ALL)."""
    steps = (("points", (range(1),)), ("assets", (range(4), 0)), ("list", ()))
    story, known, hands = Story((None,), (0,) * 4, steps), {}, dict[str, int]()

    def by_operator(handler: Handler) -> Handler:
        def answer(call: Call) -> Answer:
            given = handler(call)
            assets = sorted(given.body["assets"], key=lambda each: hands[each["id"]])
            return replace(given, body={**given.body, "assets": assets})

        return answer

    with served(services, "list_assets", by_operator if is_leaking else sealed) as http:
        for name, deal in {"one": [0, 0, 0, 0], "two": [1, 0, 1, 0]}.items():
            playing = Playing(story, Windows(world), replace(world.dso(), http=http), operators, deal)
            hands.update(zip(playing.assets, deal, strict=True))
            known[name] = knowledge_of(tap, playing)

    assert "<asset 3>" in "".join(known["one"].answers)
    assert bool(differences(known)) == is_leaking


# (c) a longer error


def with_reason(services: Services) -> Leak:
    """Leak: a refusal says that the message belongs to another party."""

    def leak(handler: Handler) -> Handler:
        def answer(call: Call) -> Answer:
            try:
                return handler(call)
            except NotFound as error:
                with services.endpoint(call.endpoint.kind).database.transaction() as tx:
                    query = "SELECT 1 FROM message WHERE message_id = %s"
                    is_there = tx.execute(query, [call.path_values["message_id"]]).fetchone()
                if is_there:
                    raise NotFound(f"{error.detail} of yours") from None
                raise

        return answer

    return leak


@pytest.mark.parametrize("is_leaking", [False, True])
def test_a_longer_error_is_caught(world: World, services: Services, operators: list[Member], is_leaking: bool) -> None:
    """LEK-01: another party's message against an unknown message."""
    sent = operators[0].register_assets(make_asset(fresh_gsrn()))["message_id"]

    with served(services, "endpoint", with_reason(services) if is_leaking else sealed) as http:
        asking = replace(operators[1], http=http)
        replies = {each: alike(asking.call("GET", f"/messages/{each}"), each) for each in ("0" * 32, sent)}

    assert next(iter(replies.values()))[0] == 404
    assert told_apart(replies) == ([sent] if is_leaking else [])


# (d) an earlier answer


@pytest.mark.parametrize("is_leaking", [False, True])
def test_an_operator_that_hears_before_the_dso_is_answered_is_caught(
    world: World, tap: Wiretap, operators: list[Member], is_leaking: bool
) -> None:
    """LEK-01: a limit in its real order, and with one operator's part sent first."""
    dso, ids = _grid(world, operators)
    message_id = dso.send_foreseen(make_foreseen(ids))["message_id"]
    eventually(lambda: len([each for each in tap.messages() if _is_part(each)]) == len(operators))

    wire = tap.messages()
    if is_leaking:
        early = next(each for each in wire if _is_part(each))
        wire = [early, *(each for each in wire if each is not early)]

    assert bool(told_early(wire, message_id, _is_part)) == is_leaking


def _is_part(message: Opened) -> bool:
    return message.way.group == "agr" and "LIMIT" in message.way.type


def _grid(world: World, operators: list[Member]) -> tuple[Member, list[str]]:
    """Return a new DSO with an asset of each operator in its grid."""
    dso, point = world.dso(), fresh_gsrn()
    dso.register_points(point)
    assets = [make_asset(point) for _ in operators]
    for operator, asset in zip(operators, assets, strict=True):
        operator.register_assets(asset)
    return dso, [asset["id"] for asset in assets]
