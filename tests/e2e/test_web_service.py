"""Applications for an ECP endpoint work unchanged (F1): `ecp-api` and `edx` from PyPI."""

from __future__ import annotations

from typing import Any

import ECP
import EDX
import pytest
import zeep.exceptions as zeep_exceptions

from tests.support.world import Member, World, eventually, fresh_gln, fresh_gsrn, make_asset, make_foreseen
from tps.api.types import AssetBody, ForeseenBody
from tps.documents import Header, Role, decode, encode
from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.documents.ref import AssetRegistration
from tps.documents.unavailability import DocumentStatus, LimitDocument, limit_type
from tps.host.services import utc_now
from tps.mades.ids import new_id

CLIENTS = {"ecp-api": ECP.Client, "edx": EDX.create_client}
clients = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(scope="module")
def dso(world: World) -> Member:
    return world.dso("North Grid")


@pytest.fixture(scope="module")
def operator(world: World) -> Member:
    return world.operator("Alpha")


def client_of(member: Member, client: str = "edx", password: str | None = None, path: str = "") -> Any:
    """Return a library's client, as its users create it."""
    server = str(member.http.base_url).rstrip("/") + path
    return CLIENTS[client](server, member.code, password or member.password)


def as_xml(world: World, dso: Member, body: dict[str, Any], document_id: str) -> bytes:
    """Return the document of a limit as a DSO's own system would write it."""
    limit = ForeseenBody.model_validate(body).to_domain()
    header = Header(document_id, utc_now().replace(microsecond=0), dso.code, Role.DSO,
                    world.settings.platform_party, Role.TPS)  # fmt: skip
    return encode(
        LimitDocument(
            header=header,
            revision=1,
            status=DocumentStatus.ACTIVE,
            period=limit.period,
            kind_type=limit_type(limit.direction),
            limit=limit,
            reason=limit.reason,
        )
    )


def reaches(service: Any, message_id: str, state: str) -> Any:
    """Return the status when the message has this state."""

    def look() -> Any:
        status = service.check_message_status(message_id)
        return status if status.state == state else None

    return eventually(look)


def trace_of(service: Any, message_id: str) -> list[str]:
    """Return the states of a trace. The sender's own steps may appear after the receiver's."""
    return [step.state for step in service.check_message_status(message_id).trace.trace]


@clients
@pytest.mark.parametrize("role", ["dso", "operator"])
def test_any_component_reaches_the_platform(world: World, request: Any, role: str, client: str) -> None:
    service = client_of(request.getfixturevalue(role), client)

    message_id = service.connectivity_test(world.settings.platform_component, "TPS-LIMIT-FORESEEN")

    status = reaches(service, message_id, "DELIVERED")
    assert eventually(lambda: trace_of(service, message_id) == [*["ACCEPTED"] * 4, "DELIVERED"])
    assert status.receiveTimestamp >= status.sendTimestamp


@pytest.mark.parametrize("role", ["dso", "operator"])
def test_the_platform_reaches_any_component(world: World, request: Any, role: str) -> None:
    code, member = world.settings.platform_component, request.getfixturevalue(role)
    password = world.stack.vault.password("web-service.tps")
    platform = Member(code, "tps", "Trade Permission System", "", world.http, password)
    service = client_of(platform)

    message_id = service.connectivity_test(member.code, "*")

    assert reaches(service, message_id, "DELIVERED").receiverCode == member.code
    assert client_of(member).receive_message().receivedMessage is None


@clients
def test_a_limit_sent_as_xml_reaches_the_operators(world: World, client: str) -> None:
    dso, alpha, beta = world.dso(), world.operator("Alpha"), world.operator("Beta", role="brp")
    point = fresh_gsrn()
    dso.register_points(point)
    chp, wind = make_asset(point, max_production_kw=600), make_asset(point, max_production_kw=400)
    alpha.register_assets(chp)
    beta.register_assets(wind)
    service, at_alpha = client_of(dso, client), client_of(alpha, client)
    document_id = new_id()
    document = as_xml(world, dso, make_foreseen([chp["id"], wind["id"]], power_kw=500), document_id)

    sent = service.send_message(world.settings.platform_component, "TPS-LIMIT-FORESEEN", document, "SCADA", "job 7")

    status = reaches(service, sent, "RECEIVED")
    assert (status.senderApplication, status.baMessageID, status.senderCode) == ("SCADA", "job 7", dso.code)
    assert [eventually(each.active_limits)[0]["available"][0]["power_kw"] for each in (alpha, beta)] == [300, 200]
    answer = eventually(lambda: service.receive_message("TPS-LIMIT-FORESEEN-ACK").receivedMessage)
    acknowledgement = decode(answer.content)
    assert isinstance(acknowledgement, Acknowledgement)
    assert (acknowledgement.outcome, acknowledgement.received.document_id) == (Outcome.ACCEPTED, document_id)
    shown = dso.done("GET", f"/messages/{sent}")
    assert (shown["status"], shown["document"]) == ("accepted", {"id": document_id, "revision": 1})

    first = at_alpha.receive_message("TPS-LIMIT-FORESEEN")
    again = at_alpha.receive_message("TPS-LIMIT-FORESEEN", True)
    assert first.receivedMessage.messageID == again.receivedMessage.messageID, "not confirmed, so offered again"
    received = decode(first.receivedMessage.content)
    assert isinstance(received, LimitDocument)
    assert received.limit is not None
    assert received.limit.asset_ids == (chp["id"],)
    without = at_alpha.receive_message("*", False)
    assert (without.receivedMessage.content, without.remainingMessagesCount) == (None, 0)

    assert at_alpha.confirm_received_message(first.receivedMessage.messageID) == first.receivedMessage.messageID
    assert at_alpha.receive_message("TPS-LIMIT-FORESEEN").receivedMessage is None


def test_by_xml_and_by_rest_a_limit_has_the_same_effect_and_the_same_answer(world: World) -> None:
    dso, alpha, asset = world.dso(), world.operator("Alpha"), make_asset(fresh_gsrn())
    dso.register_points(asset["connection_point_id"])
    alpha.register_assets(asset)
    body, service, by_xml = make_foreseen([asset["id"]]), client_of(dso), new_id()

    by_rest = dso.send_foreseen(body)["id"]
    message_id = service.send_message(
        world.settings.platform_component, "TPS-LIMIT-FORESEEN", as_xml(world, dso, body, by_xml)
    )
    reaches(service, message_id, "RECEIVED")

    def shown() -> list[Any]:
        found = [dso.done("GET", f"/capacity-limits/{each}") for each in (by_rest, by_xml)]
        is_settled = all(each["status"] == "active" and each["delivery"]["all_reached_at"] for each in found)
        return found if is_settled else []

    own = eventually(shown)
    for each in own:
        assert each.pop("id") in (by_rest, by_xml)
        assert each.pop("message_id")
        assert each.pop("sent_at")
        assert each["delivery"].pop("all_reached_at")
    assert own[0] == own[1]
    limits = eventually(lambda: found if len(found := alpha.active_limits()) == 2 else None)
    assert [{**each, "id": "", "received_at": ""} for each in limits[:1]] == [
        {**each, "id": "", "received_at": ""} for each in limits[1:]
    ]
    offered = eventually(lambda: service.receive_message("TPS-LIMIT-FORESEEN-ACK").receivedMessage)
    assert decode(offered.content).received.document_id == by_xml
    assert reaches(service, offered.messageID, "DELIVERED"), "received once its application confirms it"
    service.confirm_received_message(offered.messageID)
    assert service.check_message_status(offered.messageID).state == "RECEIVED"


def test_assets_registered_by_xml_are_the_operators_as_by_rest(world: World) -> None:
    alpha, asset = world.operator("Alpha"), make_asset(fresh_gsrn())
    header = Header(new_id(), utc_now().replace(microsecond=0), alpha.code, Role.AGR,
                    world.settings.platform_party, Role.TPS)  # fmt: skip
    document = AssetRegistration(header, (AssetBody.model_validate(asset).to_domain(),))
    service = client_of(alpha)

    sent = service.send_message(world.settings.platform_component, "TPS-ASSET", encode(document))

    reaches(service, sent, "RECEIVED")
    (shown,) = eventually(lambda: alpha.done("GET", "/flexibility-assets")["assets"])
    assert (shown["id"], shown["max_production_kw"], shown["state"]) == (asset["id"], 600, "waiting")


def test_the_sender_sees_that_the_application_confirmed(world: World) -> None:
    """By SOAP only, without a REST answer in between."""
    dso, alpha, asset = world.dso(), world.operator("Alpha"), make_asset(fresh_gsrn())
    dso.register_points(asset["connection_point_id"])
    alpha.register_assets(asset)
    dso.send_foreseen(make_foreseen([asset["id"]]))
    service = client_of(alpha)
    code, password = world.settings.platform_component, world.stack.vault.password("web-service.tps")
    platform = client_of(Member(code, "tps", "", "", world.http, password))
    received = eventually(lambda: service.receive_message().receivedMessage)
    assert received.businessType == "TPS-LIMIT-FORESEEN", "answers to what REST asked are not offered"
    assert reaches(platform, received.messageID, "DELIVERED")

    service.confirm_received_message(received.messageID)
    service.confirm_received_message(received.messageID)

    assert reaches(platform, received.messageID, "RECEIVED")
    whole = [*["ACCEPTED"] * 4, "DELIVERED", "RECEIVED"]
    assert eventually(lambda: trace_of(platform, received.messageID) == whole)


def test_an_answer_to_rest_is_not_offered(world: World) -> None:
    dso, service = (member := world.dso()), client_of(member)
    dso.register_points(fresh_gsrn())

    assert service.receive_message().receivedMessage is None


@clients
def test_a_wrong_password_is_refused(world: World, dso: Member, client: str) -> None:
    service = client_of(dso, client, password="wrong")

    with pytest.raises(zeep_exceptions.TransportError) as refused:
        service.connectivity_test(world.settings.platform_component, "*")

    assert refused.value.status_code == 401


@clients
@pytest.mark.parametrize("operation", ["send", "test"])
def test_an_unknown_receiver_fails_the_message(operator: Member, dso: Member, client: str, operation: str) -> None:
    service = client_of(operator, client)

    def shown(receiver: str) -> Any:
        if operation == "send":
            message_id = service.send_message(receiver, "TPS-ASSET", b"<x/>")
        else:
            message_id = service.connectivity_test(receiver, "TPS-ASSET")
        status = reaches(service, message_id, "FAILED")
        return status.state, [(step.state, step.component, step.details) for step in status.trace.trace]

    assert shown(dso.code) == shown(fresh_gln())
    assert shown(dso.code)[1][-1] == ("FAILED", operator.code, "unknown_receiver: No such receiver.")


def test_a_type_that_is_not_for_the_platform_fails(world: World, operator: Member) -> None:
    service = client_of(operator)

    message_id = service.send_message(world.settings.platform_component, "RIMD", b"<x/>")

    assert reaches(service, message_id, "FAILED").trace.trace[-1].details.startswith("type_not_allowed")


def test_without_a_conversation_two_sends_are_two_messages_and_in_one_they_are_one(world: World, dso: Member) -> None:
    service, platform = client_of(dso), world.settings.platform_component

    def send(conversation: str) -> str:
        return str(service.send_message(platform, "TPS-POINT", b"<x/>", conversation_id=conversation))

    assert send("") != send("")
    assert send("c 1") == send("c 1")
    assert send("c 1") != send("c 2")


@clients
def test_what_is_not_there_is_a_fault_with_its_detail(operator: Member, dso: Member, world: World, client: str) -> None:
    theirs = client_of(dso, client).connectivity_test(world.settings.platform_component, "*")
    service, told = client_of(operator, client), []

    for ask in (service.check_message_status, service.confirm_received_message):
        for message_id in (theirs, new_id(), "not an id"):
            with pytest.raises(zeep_exceptions.Fault) as refused:
                ask(message_id)
            detail = {child.tag.rpartition("}")[2]: child.text for child in refused.value.detail[0]}
            told.append((detail.pop("errorID") and detail["errorCode"], detail["errorMessage"]))
            assert detail["messageID"] == message_id
    assert set(told) == {("not_found", "the caller has no message with this id")}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_component_is_reached_by_its_own_address(world: World, dso: Member, operator: Member, client: str) -> None:
    service = client_of(dso, client, path=f"/ecp/{dso.code}")
    assert service.receive_message("TPS-SCHEDULE").receivedMessage is None

    elsewhere = client_of(dso, client, path=f"/ecp/{operator.code}")
    with pytest.raises(zeep_exceptions.TransportError):
        elsewhere.receive_message()
