"""What a DSO asks the platform (F5a, F9a) is answered from its own grid, and without the operators' names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.functions.test_register_asset import ASSETS
from tests.support.in_process import InProcessWorld
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_schedule
from tps.documents import Header, Role, encode
from tps.documents.status_request import ASSETS as ASSET_LIST
from tps.documents.status_request import SCHEDULES, StatusRequest
from tps.endpoint.sending import Draft, dispatch, enqueue
from tps.mades.ids import new_id
from tps.mades.types import STATUS_REQUEST


def test_a_dso_sees_what_is_in_its_grid_and_not_whose_it_is(world: World, dso: Member, point: str) -> None:
    """DST-WHT."""
    alpha, beta = world.operator("Alpha"), world.operator("Beta")
    first = make_asset(point, name="Alpha's own name")
    second = make_asset(point, kind="heat_pump", max_consumption_kw=12.5)
    elsewhere = make_asset(fresh_gsrn())
    alpha.register_assets(first, elsewhere)
    beta.register_assets(second)

    reply = dso.call("GET", ASSETS)

    shown = [
        {"id": first["id"], "connection_point_id": point, "kind": "generation", "max_production_kw": 600},
        {"id": second["id"], "connection_point_id": point, "kind": "heat_pump", "max_consumption_kw": 12.5},
    ]
    assert reply.json["assets"] == sorted(shown, key=lambda asset: str(asset["id"]))
    told = reply.text + str(reply.headers)
    assert not [secret for secret in (alpha.code, beta.code, "Alpha", "Beta", elsewhere["id"]) if secret in told]


def test_an_empty_grid_has_an_empty_list(dso: Member, point: str) -> None:
    answer = dso.done("GET", ASSETS)

    assert answer["assets"] == []
    assert answer["as_of"].endswith("Z")


def test_plans_of_another_grid_are_left_out_as_if_they_did_not_exist(world: World, operator: Member) -> None:
    """DSO-GRD."""
    north, south = world.dso("North Grid"), world.dso("South Grid")
    here, there = make_asset(fresh_gsrn()), make_asset(fresh_gsrn())
    north.register_points(here["connection_point_id"])
    south.register_points(there["connection_point_id"])
    operator.register_assets(here, there)
    plan = make_schedule(here["id"], 100)
    operator.send_schedules(plan, make_schedule(there["id"], 200))

    asked = {"asset_ids": [here["id"], there["id"], fresh_gsrn()]}

    assert north.done("POST", "/operational-schedules/query", asked)["schedules"] == [plan]


@pytest.mark.parametrize(("document_type", "process"), [(ASSET_LIST, "A55"), (SCHEDULES, None)])
def test_a_dso_that_asks_for_the_grid_of_another_is_refused(
    world: InProcessWorld, dso: Member, document_type: str, process: str | None
) -> None:
    other, platform = world.dso("South Grid"), world.settings.platform_party
    header = Header(new_id(), datetime.now(UTC).replace(microsecond=0), dso.code, Role.DSO, platform, Role.TPS)
    request = StatusRequest(header, document_type, process, other.code)

    assert answered(world, dso, request) == ("refused", {"A78"})


def answered(world: InProcessWorld, dso: Member, request: StatusRequest) -> tuple[str, set[str]]:
    """Send a request by the DSO's endpoint, and return how the platform answers it: status and reasons."""
    endpoint, message_id = world.services.endpoint("dso"), new_id()
    with endpoint.database.transaction() as tx:
        enqueue(endpoint, tx, Draft(dso.code, endpoint.platform, STATUS_REQUEST, encode(request)), message_id)
    dispatch(endpoint, dso.code, [message_id])
    path = f"/messages/{message_id}"
    shown = eventually(lambda: found if (found := dso.done("GET", path))["status"] != "pending" else None)
    return shown["status"], {each["code"] for each in shown["errors"]}
