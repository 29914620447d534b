"""Bad input (F4, F6, F7, NF3): each is answered with its status and named reason, and leaves nothing behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.bad_input import CALLERS, FORMS, PLACES, RULES, Bad, unknown
from tests.e2e.identities import BAD_TOKENS, signed
from tests.e2e.scene import Scene, stranger
from tests.support.world import Reply, make_asset, make_foreseen

EXCEPTION_TEXTS = ("Traceback", "Error(", "Exception", "psycopg", "pydantic", "werkzeug", 'File "', "Value error")


@pytest.fixture(scope="module")
def before(scene: Scene) -> dict[str, Any]:
    return scene.stored()


@pytest.mark.parametrize("row", [*RULES, *FORMS, *PLACES, *CALLERS], ids=lambda row: f"{row.what}, {row.request[:70]}")
def test_bad_input_is_named_and_leaves_nothing_behind(scene: Scene, before: dict[str, Any], row: Bad) -> None:
    reply = send(scene, row)

    assert (reply.status, told(reply)) == (row.status, list(row.errors)), reply.text[:2000]
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json
    assert problem["status"] == row.status
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert not [text for text in EXCEPTION_TEXTS if text in reply.text]
    assert scene.stored() == before


def test_a_refusal_names_at_most_100_fields_and_how_many_there_are(scene: Scene) -> None:
    many = {"assets": [make_asset(scene.point, max_production_kw=-1) for _ in range(150)]}

    reply = scene.alpha.call("PUT", "/flexibility-assets", many)

    assert reply.status == 422
    assert (len(reply.json["errors"]), reply.json["errors_total"]) == (100, 150)


def test_unknown_foreign_and_unregistered_things_are_refused_in_the_same_words(scene: Scene) -> None:
    """LIM-A64: nobody learns by asking what exists elsewhere."""
    details = set()
    for asset_id in (unknown(scene), scene.souths):
        (error,) = scene.north.call("POST", "/capacity-limits/foreseen", make_foreseen([asset_id])).json["errors"]
        details.add((error["code"], error["detail"]))

    assert len(details) == 1


def send(scene: Scene, row: Bad) -> Reply:
    """The row's call, over the wire."""
    verb, _, path = row.request.partition(" ")
    body = row.body(scene) if row.body else None
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {} if content is None else {"Content-Type": "application/json"}
    headers |= bearer(scene, row.who) | {name.replace("_", "-"): value for name, value in row.headers.items()}
    path = path.format_map(vars(scene))
    response = scene.world.http.request(verb, path, content=content, headers=headers)
    return Reply(response.status_code, response.headers, response.text)


def bearer(scene: Scene, who: str) -> dict[str, str]:
    """The Authorization of a member, of the platform, of somebody unknown, or a bad one of Alpha's."""
    world, alpha = scene.world, scene.alpha
    if who == "nobody":
        return {}
    if who in scene.members:
        return {"Authorization": f"Bearer {scene.members[who].token}"}
    tokens = {
        "platform": lambda: world.token(world.settings.platform_party, "tps"),
        "stranger": lambda: world.token(stranger(), "agr"),
        "brp": lambda: signed(world, alpha.code, "brp"),
    }
    made = tokens[who]() if who in tokens else BAD_TOKENS[who](world, alpha.code, "agr")
    return {"Authorization": f"Bearer {made}"}


def told(reply: Reply) -> list[str]:
    """`code pointer` of each error."""
    return [f"{error['code']} {error['pointer']}" for error in reply.json.get("errors", [])]
