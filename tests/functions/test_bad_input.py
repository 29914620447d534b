"""Bad input (F4, F6, F7, NF3): each case gets its status and named reason, and leaves no data."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.bad_input import CALLERS, FORMS, PLACES, RULES, Bad, send, told, unknown
from tests.support.scene import Scene
from tests.support.world import Reply, make_asset, make_foreseen

EXCEPTION_TEXTS = ("Traceback", "Error(", "Exception", "psycopg", "pydantic", "werkzeug", 'File "', "Value error")


@pytest.fixture(scope="module")
def before(scene: Scene) -> dict[str, Any]:
    return scene.stored()


@pytest.mark.parametrize("row", [*RULES, *FORMS, *PLACES, *CALLERS], ids=lambda row: f"{row.what}, {row.request[:70]}")
def test_bad_input_is_named_and_leaves_nothing_behind(scene: Scene, before: dict[str, Any], row: Bad) -> None:
    refused_by_name(send(scene, row), row)

    assert scene.stored() == before


def refused_by_name(reply: Reply, row: Bad) -> None:
    """Check that the answer is the problem of this row, without details of the program."""
    assert (reply.status, told(reply)) == (row.status, list(row.errors)), reply.text[:2000]
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json
    assert problem["status"] == row.status
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert not [text for text in EXCEPTION_TEXTS if text in reply.text]


def test_a_refusal_names_at_most_100_fields_and_how_many_there_are(scene: Scene) -> None:
    many = {"assets": [make_asset(scene.point, max_production_kw=-1) for _ in range(150)]}

    reply = scene.alpha.call("PUT", "/flexibility-assets", many)

    assert reply.status == 422
    assert (len(reply.json["errors"]), reply.json["errors_total"]) == (100, 150)


def test_unknown_foreign_and_unregistered_things_are_refused_in_the_same_words(scene: Scene) -> None:
    """LIM-A64: an answer does not reveal which ids exist elsewhere."""
    details = set()
    for asset_id in (unknown(scene), scene.souths):
        (error,) = scene.north.call("POST", "/capacity-limits/foreseen", make_foreseen([asset_id])).json["errors"]
        details.add((error["code"], error["detail"]))

    assert len(details) == 1
