"""The doors of the running stack: what lies beside the routes, and every route without a token.

Who else is refused, and with which words: `test_doors.py`, which calls the same gateway without sockets.
"""

from __future__ import annotations

import pytest

from tests.privacy.scene import expected
from tests.privacy.table import PROBES, ROUTES, RouteRow
from tests.privacy.test_doors import doors
from tests.support.world import World, fresh_gln


@pytest.mark.parametrize("row", [row for row in ROUTES if row.scope != "open"], ids=lambda row: row.name)
def test_nobody_enters_by_a_route(world: World, row: RouteRow) -> None:
    """REF-01."""
    answers = [world.http.request(row.method, door + row.path) for door in doors(row)]

    assert {answer.status_code for answer in answers} == {expected(row, "nobody")} == {401}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/", "/x", "/static/x", "/static/../func.py", "/agr/v1/flexibility-assets", "/agr/v1"]
)
def test_no_verb_opens_a_door_beside_the_table(world: World, method: str, path: str) -> None:
    """PRB-02: without a token, any verb, both addresses."""
    for door in ("", "/function/register-asset"):
        answer = world.http.request(method, door + path)
        assert answer.status_code in (401, 404, 405, 501), f"{method} {door}{path}"
        assert "allow" not in answer.headers


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_open_and_take_no_orders(world: World, path: str) -> None:
    """PRB-01: probes answer everybody the same, by GET only."""
    token = world.token(fresh_gln(), "agr")
    answers = [world.http.get(path), world.http.get(path, headers={"Authorization": f"Bearer {token}"})]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "OK")}
    assert world.http.post(path).status_code in (401, 404, 405)
