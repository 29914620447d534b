"""Access to the MADES web service, and no data of others in its answers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.privacy.scene import Scene
from tests.privacy.table import SERVICES, ServiceRow
from tests.support.world import Member, World, fresh_gln
from tps.mades.web_service import ECP, MADES, MEDIA_TYPE, SOAP

POSTED = [row for row in SERVICES if not row.path.endswith(".wsdl")]
addresses = pytest.mark.parametrize("row", POSTED, ids=lambda row: row.path)
_FAULT_ID = re.compile("<errorID>[0-9a-f]{32}</errorID>")


@pytest.fixture(scope="module")
def scene(world: World) -> Iterator[Scene]:
    scene = Scene.of(world)
    yield scene
    scene.close()


def basic(code: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{code}:{password}".encode()).decode()


def asking(operation: str, row: ServiceRow, fields: str) -> bytes:
    namespace = ECP if "ECPEndpointService" in row.path else MADES
    body = f"<m:{operation}Request>{fields}</m:{operation}Request>"
    return f'<s:Envelope xmlns:s="{SOAP}" xmlns:m="{namespace}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def post(world: World, row: ServiceRow, component: str, authorization: str | None, content: bytes) -> httpx2.Response:
    headers = {"Content-Type": MEDIA_TYPE} | ({"Authorization": authorization} if authorization is not None else {})
    return world.http.post(row.path.replace("<component>", component), content=content, headers=headers)


def status_of(scene: Scene, row: ServiceRow, member: Member, message_id: str) -> httpx2.Response:
    content = asking("CheckMessageStatus", row, f"<messageID>{message_id}</messageID>")
    return post(scene.world, row, member.code, basic(member.code, member.password), content)


@addresses
def test_only_a_components_own_credentials_open_the_web_service(scene: Scene, row: ServiceRow) -> None:
    """BAS-01: only the component's own credentials open its address."""
    owner, rival = scene.agr, scene.agr_rival
    content = asking("ReceiveMessage", row, "<downloadMessage>true</downloadMessage>")
    held = {
        "nobody": None,
        "nothing": "",
        "no password": basic(owner.code, ""),
        "a wrong password": basic(owner.code, owner.password + "x"),
        "a rival's password": basic(owner.code, rival.password),
        "a code of nobody": basic(fresh_gln(), owner.password),
        "no code": basic("", owner.password),
        "a code that is none": basic("' OR 1=1", owner.password),
        "too much": basic(owner.code, "x" * 1000),
        "no base64": "Basic ??",
        "a token": f"Bearer {owner.token}",
        "a token as password": basic(owner.code, owner.token),
        "event delivery": f"Bearer {scene.world.settings.delivery_token}",
    }
    if "<component>" in row.path:
        held["a rival at the owner's address"] = basic(rival.code, rival.password)

    replies = {name: post(scene.world, row, owner.code, each, content) for name, each in held.items()}

    assert {name: reply.status_code for name, reply in replies.items()} == dict.fromkeys(held, 401)
    assert {reply.headers["WWW-Authenticate"].split()[0] for reply in replies.values()} == {"Basic"}
    assert len({reply.text for reply in replies.values()}) == 1
    assert post(scene.world, row, owner.code, basic(owner.code, owner.password), content).status_code == 200


def test_a_component_that_does_not_exist_has_an_address_as_one_that_does(scene: Scene) -> None:
    """BAS-01: an unknown component gets the same refusal as a known one."""
    row = next(row for row in POSTED if "<component>" in row.path)
    rival, content = scene.agr_rival, asking("ReceiveMessage", POSTED[0], "")

    replies = [
        post(scene.world, row, code, basic(rival.code, rival.password), content)
        for code in (scene.agr.code, scene.dso.code, fresh_gln())
    ]

    assert len({(reply.status_code, reply.text) for reply in replies}) == 1


@addresses
def test_anothers_message_is_answered_as_one_that_does_not_exist(scene: Scene, row: ServiceRow) -> None:
    """BAS-02: status and confirmation of another component's message, for a rival and for another role."""
    owners, nobodys = scene.values["agr_message"], "0" * 32
    assert f"<messageID>{owners}</messageID>" in status_of(scene, row, scene.agr, owners).text
    before = status_of(scene, row, scene.agr, owners).text

    for member in (scene.agr_rival, scene.brp_rival, scene.dso):
        for operation in ("CheckMessageStatus", "ConfirmReceiveMessage"):
            told = {
                _FAULT_ID.sub("", reply.text.replace(each, "ID"))
                for each in (owners, nobodys)
                if (reply := _about(scene, row, member, operation, each)).status_code == 400
            }
            assert len(told) == 1

    assert status_of(scene, row, scene.agr, owners).text == before


def _about(scene: Scene, row: ServiceRow, member: Member, operation: str, message_id: str) -> httpx2.Response:
    content = asking(operation, row, f"<messageID>{message_id}</messageID>")
    return post(scene.world, row, member.code, basic(member.code, member.password), content)


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: row.path)
def test_the_description_is_open_and_names_no_party(scene: Scene, row: ServiceRow) -> None:
    """PRB-02: the same for everybody, also for an unknown component; other verbs are refused."""

    def describe(component: str) -> tuple[int, str]:
        path = row.path.replace("<component>", component)
        answer = scene.world.http.get(path if path.endswith(".wsdl") else f"{path}?wsdl")
        return answer.status_code, answer.text.replace(component, "")

    told = {describe(code) for code in (scene.agr.code, scene.agr_rival.code, fresh_gln())}

    assert len(told) == 1
    ((status, text),) = told
    assert status == 200
    assert all(
        word not in text for word in (*scene.values.values(), scene.dso.code, scene.world.settings.platform_party)
    )
    for verb in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert scene.world.http.request(verb, row.path.replace("<component>", scene.agr.code)).status_code in (401, 405)
