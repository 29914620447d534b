"""Every group serves its contract to everybody, and the platform lists parties to the platform operator."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
import yaml

from tests.support.world import Member, World
from tps.host.stack import ROOT

FOLDER = ROOT / "shared" / "tps" / "api"
each_group = pytest.mark.parametrize("group", ["agr", "dso", "tps", "ecp"])


@pytest.fixture(scope="module")
def platform(world: World) -> Member:
    code = world.settings.platform_party
    return Member(code, "tps", "Trade Permission System", world.token(code, "tps"), world.http)


@each_group
@pytest.mark.parametrize(
    ("file", "source", "media_type"),
    [
        ("{group}.raml", "{group}.raml", "application/raml+yaml"),
        ("types.raml", "types.raml", "application/raml+yaml"),
        ("openapi.json", "rendered/{group}.openapi.json", "application/json"),
    ],
)
def test_the_files_of_the_contract_are_served_as_they_are(
    world: World, group: str, file: str, source: str, media_type: str
) -> None:
    answer = world.http.get(f"/{group}/v1/api/{file.format(group=group)}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert answer.text == (FOLDER / source.format(group=group)).read_text()
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    again = world.http.get(answer.request.url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@each_group
def test_what_a_raml_uses_lies_beside_it(world: World, group: str) -> None:
    raml = yaml.safe_load(world.http.get(f"/{group}/v1/api/{group}.raml").text)

    used = [world.http.get(f"/{group}/v1/api/{name}") for name in raml["uses"].values()]

    assert [answer.text.partition("\n")[0] for answer in used] == ["#%RAML 1.0 Library"]


@each_group
def test_a_page_of_the_contract_may_load_run_and_send_nothing(world: World, group: str) -> None:
    answer = world.http.get(f"/{group}/v1/api")

    style = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert policy.pop("style-src") == f"'sha256-{digest}'"
    assert set(policy.values()) == {"'none'"}
    assert policy.keys() == {"default-src", "base-uri", "form-action", "frame-ancestors"}


@each_group
@pytest.mark.parametrize(
    "file", ["nothing.raml", "..%2Ftypes.py", "%2e%2e/types.py", "rendered/agr.html", "types.raml/x"]
)
def test_no_other_file_is_served(world: World, group: str, file: str) -> None:
    assert world.http.get(f"/{group}/v1/api/{file}").status_code == 404


def test_the_platform_operator_sees_who_takes_part(world: World, platform: Member) -> None:
    dso, brp = world.dso("Nordnet"), world.operator("Balance", role="brp")

    parties = platform.done("GET", "/parties")["parties"]

    by_code = {each["code"]: each for each in parties}
    for member, role, name in ((dso, "dso", "Nordnet"), (brp, "brp", "Balance")):
        expected = {"code": member.code, "role": role, "name": name, "component": member.code, "asset_count": 0}
        assert expected.items() <= by_code[member.code].items()
    assert [each["role"] for each in parties if each["code"] == platform.code] == ["tps"]
    assert [each["code"] for each in parties] == sorted(each["code"] for each in parties)


def test_who_takes_part_comes_in_pages_and_not_twice(world: World, platform: Member) -> None:
    world.dso()
    whole = platform.call("GET", "/parties")

    first = platform.done("GET", "/parties?limit=1")
    rest = platform.done("GET", first["next"].removeprefix("/tps/v1").replace("limit=1", "limit=10000"))

    assert first["parties"] + rest["parties"] == whole.json["parties"]
    assert platform.call("GET", "/parties", If_None_Match=whole.headers["ETag"]).status == 304


def test_who_takes_part_is_for_the_platform_operator_alone(world: World) -> None:
    dso = world.dso()
    for token, status in ((dso.token, 403), (world.token(dso.code, "tps"), 403), ("x", 401)):
        answer = world.http.get("/tps/v1/parties", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
