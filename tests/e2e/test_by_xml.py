"""Schedules and emergencies as XML through the web service have the same effect as by REST (F1, F6, F8)."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_schedule, make_stop
from tps.api.schedules import ScheduleBody
from tps.api.types import UnforeseenBody
from tps.documents import Header, Role, ScheduleDocument, decode, encode
from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.documents.unavailability import DocumentStatus, LimitDocument, limit_type
from tps.host.services import utc_now
from tps.local.files.service import Service
from tps.mades.file_names import OutgoingName
from tps.mades.ids import new_id
from tps.mades.service_client import Received

ROLES = {"dso": Role.DSO, "agr": Role.AGR}


@pytest.fixture
def dso(world: World) -> Member:
    return world.dso("North Grid")


@pytest.fixture
def alpha(world: World) -> Member:
    return world.operator("Alpha")


@pytest.fixture
def assets(dso: Member, alpha: Member) -> list[str]:
    """Two assets that differ in their ids only."""
    point = fresh_gsrn()
    dso.register_points(point)
    made = [make_asset(point), make_asset(point)]
    alpha.register_assets(*made)
    return [each["id"] for each in made]


def header(world: World, sender: Member) -> Header:
    now = utc_now().replace(microsecond=0)
    return Header(new_id(), now, sender.code, ROLES[sender.group], world.settings.platform_party, Role.TPS)


def send(world: World, sender: Member, type: str, document: Any) -> Acknowledgement:
    """Send by SOAP, and confirm the answer that comes by SOAP."""
    with closing(Service(world.stack.gateway_url, sender.code, sender.password)) as service:
        name = OutgoingName("PLANNER", world.settings.platform_component, type, document.header.document_id)
        message_id = service.send(name, encode(document), new_id())
        eventually(lambda: service.status(message_id).state == "RECEIVED")

        def answer_or_news() -> Received | None:
            received = service.receive()
            if received:
                service.confirm(received.message_id)
            return received if received and received.type == f"{type}-ACK" else None

        answer = eventually(answer_or_news)
    acknowledgement = decode(answer.content)
    assert isinstance(acknowledgement, Acknowledgement)
    assert acknowledgement.received.document_id == document.header.document_id
    return acknowledgement


def test_a_schedule(world: World, dso: Member, alpha: Member, assets: list[str]) -> None:
    by_rest, by_xml = (make_schedule(asset_id, 100, 200, 0) for asset_id in assets)
    schedule = ScheduleBody.model_validate(by_xml).to_domain()
    document = ScheduleDocument(header(world, alpha), 1, schedule.period, (schedule,))
    sent = alpha.send_schedules(by_rest)

    acknowledgement = send(world, alpha, "TPS-SCHEDULE", document)

    assert (acknowledgement.outcome, sent["status"]) == (Outcome.ACCEPTED, "accepted")
    told = eventually(lambda: len(found := dso.done("GET", "/operational-schedules")["schedules"]) == 2 and found)
    assert sorted(told, key=lambda each: str(each["asset_id"])) == sorted(
        [by_rest, by_xml], key=lambda each: str(each["asset_id"])
    )
    own = alpha.done("GET", "/operational-schedules")["schedules"]
    assert {each["id"] for each in own} == {sent["id"], document.header.document_id}
    varying = {"id": "", "message_id": "", "sent_at": "", "schedules": []}
    assert {**own[0], **varying} == {**own[1], **varying}


def test_an_emergency(world: World, dso: Member, alpha: Member, assets: list[str]) -> None:
    by_rest, by_xml = (make_stop([asset_id], reason={"code": "B18", "text": "cable fault"}) for asset_id in assets)
    limit = UnforeseenBody.model_validate(by_xml).to_domain(utc_now())
    document = LimitDocument(
        header=header(world, dso),
        revision=1,
        status=DocumentStatus.ACTIVE,
        period=limit.period,
        kind_type=limit_type(limit.direction),
        limit=limit,
        reason=limit.reason,
    )
    sent = dso.send_unforeseen(by_rest)

    acknowledgement = send(world, dso, "TPS-LIMIT-UNFORESEEN", document)

    assert (acknowledgement.outcome, sent["status"]) == (Outcome.ACCEPTED, "accepted")
    limits = eventually(lambda: len(found := alpha.active_limits()) == 2 and found)
    assert {each["asset_ids"][0] for each in limits} == set(assets)
    varying = {"id": "", "asset_ids": [], "received_at": "", "start": ""}
    assert {**limits[0], **varying} == {**limits[1], **varying}
    own = [dso.done("GET", f"/capacity-limits/{each}") for each in (sent["id"], document.header.document_id)]
    assert [(each["kind"], each["action"], each["status"]) for each in own] == [("unforeseen", "stop", "active")] * 2
