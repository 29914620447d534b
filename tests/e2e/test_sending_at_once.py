"""The same request from many callers at the same time (docs/rest.md, "Sending")."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen

FORESEEN = "/capacity-limits/foreseen"


@pytest.fixture
def dso(world: World) -> Member:
    return world.dso()


@pytest.fixture
def operator(world: World) -> Member:
    return world.operator()


@pytest.fixture
def asset(dso: Member, operator: Member) -> str:
    """A registered asset in the DSO's grid."""
    point = fresh_gsrn()
    dso.register_points(point)
    made = make_asset(point)
    operator.register_assets(made)
    return str(made["id"])


def test_the_same_request_by_many_at_once_is_one_message(dso: Member, operator: Member, asset: str) -> None:
    body = make_foreseen([asset])

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: dso.call("POST", FORESEEN, body, Idempotency_Key="many"), range(8)))

    assert {reply.status for reply in replies} == {201}
    assert len({reply.json["message_id"] for reply in replies}) == 1
    assert len(eventually(operator.active_limits)) == 1
