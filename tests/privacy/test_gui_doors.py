"""Access to the GUI: its pages are public, and sign-in needs a code."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.identities import signed
from tests.support.world import World
from tps.local.embedded.environment import sign_in_folder
from tps.local.gui import sign_in
from tps.local.gui.address import publish_here
from tps.local.gui.libraries import LibrariesMissing
from tps.local.gui.pages import SECURITY

WRONG = "the code is not valid"


@pytest.fixture(scope="module")
def published(world: World) -> httpx2.Client:
    try:
        publish_here(world.stack)
    except LibrariesMissing as error:
        pytest.skip(f"the GUI cannot be published here: {error}")
    return world.http


def ask(world: World, body: Any, **headers: str) -> httpx2.Response:
    return world.http.post("/gui/session", json=body, headers=headers)


def code(world: World) -> str:
    return sign_in.new_code(sign_in_folder(world.stack.keys_dir))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_pages_are_public_and_call_their_own_origin_only(published: httpx2.Client) -> None:
    """GUI-01: pages, refusals and missing files have the same security headers."""
    for path, status in (("/gui/", 200), ("/gui/config.json", 200), ("/gui/none.js", 404), ("/gui/session", 405)):
        answer = published.get(path)
        assert answer.status_code == status
        assert {name: answer.headers[name] for name in SECURITY} == SECURITY
    assert "default-src 'none'" in SECURITY["Content-Security-Policy"]
    assert "'unsafe" not in SECURITY["Content-Security-Policy"]


def test_pages_contain_no_data_of_a_party(world: World, published: httpx2.Client) -> None:
    """GUI-01: every caller gets the same page, whatever data the platform has."""
    operator = world.operator("Very Particular Name")

    page, again = published.get("/gui/"), published.get("/gui/", headers=bearer(operator.token))

    assert page.content == again.content
    assert operator.name not in page.text
    assert operator.code not in page.text


@pytest.mark.parametrize(
    "path", ["/gui/v/", "/gui/lib", "/gui/%2e%2e/tps-documents/", "/gui//", "/gui/?list-type=2&x="]
)
def test_nothing_is_listed_and_no_other_bucket_is_reached(published: httpx2.Client, path: str) -> None:
    """GUI-01: the last path is the page itself; its query is ignored."""
    answer = published.get(path)

    assert answer.status_code == 404 or answer.content == published.get("/gui/").content


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_pages_are_read_only(published: httpx2.Client, method: str) -> None:
    """GUI-01: at the gateway."""
    assert published.request(method, "/gui/index.html").status_code == 405


def test_a_code_works_once(world: World) -> None:
    """GUI-02: its token has the role of the platform operator."""
    known = code(world)

    first, second = ask(world, {"code": known}), ask(world, {"code": known})

    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-store"
    assert world.http.get("/tps/v1/parties", headers=bearer(first.json()["token"])).status_code == 200
    assert world.http.get("/agr/v1/flexibility-assets", headers=bearer(first.json()["token"])).status_code == 403
    assert second.status_code == 401
    assert second.json()["detail"] == WRONG


@pytest.mark.parametrize("tried", ["", "x", "../issuer.json", "\0", "ü" * 100])
def test_a_wrong_code_is_refused_and_reads_no_file(world: World, tried: str) -> None:
    """GUI-02: every wrong code gets the same text; an empty code counts as missing, so a token is needed."""
    answer = ask(world, {"code": tried})

    assert answer.status_code == 401
    assert answer.json()["detail"] == (WRONG if tried else "a bearer token is required")


def test_the_file_of_a_code_is_no_code(world: World) -> None:
    """GUI-02: the file has the hash of the code only, and it is removed on use."""
    known = code(world)
    (kept,) = [path for path in sign_in_folder(world.stack.keys_dir).iterdir() if path.stat().st_mode & 0o777 == 0o600]

    assert known not in kept.name + kept.read_text()
    assert ask(world, {"code": kept.name}).status_code == 401
    assert ask(world, {"code": known}).status_code == 200
    assert not kept.exists()


def test_a_code_expires_after_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GUI-02: a new code removes expired codes."""
    old = sign_in.new_code(tmp_path)
    later = time.time() + sign_in.CODE_LIFETIME_S + 1
    monkeypatch.setattr(sign_in.time, "time", lambda: later)

    assert not sign_in.redeem(tmp_path, old)
    sign_in.new_code(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_session_is_renewed_until_it_expires(world: World) -> None:
    """GUI-02: a session ends after twelve hours, whatever its renewals."""
    platform = world.settings.platform_party
    token = ask(world, {"code": code(world)}).json()["token"]
    began = int(time.time()) - sign_in.SESSION_LIFETIME_S

    renewed = ask(world, {}, **bearer(token))
    ending = ask(world, {}, **bearer(signed(world, platform, "tps", {"auth_time": began + 60})))

    assert renewed.json()["expires_in_s"] == sign_in.TOKEN_LIFETIME_S
    assert 0 < ending.json()["expires_in_s"] <= 60
    over = ask(world, {}, **bearer(signed(world, platform, "tps", {"auth_time": began})))
    assert (over.status_code, over.json()["detail"]) == (401, "the session is over")


@pytest.mark.parametrize(
    ("role", "changes"),
    [("tps", {}), ("tps", {"auth_time": "now"}), ("dso", {"auth_time": 4102444800}), ("tps", {"exp": 1})],
)
def test_no_other_token_is_renewed(world: World, role: str, changes: dict[str, Any]) -> None:
    """GUI-02: tokens without a session, of another role, or expired."""
    answer = ask(world, {}, **bearer(signed(world, world.settings.platform_party, role, changes)))

    assert answer.status_code == 401


def test_sign_in_is_for_pages_of_this_origin_only(world: World) -> None:
    """GUI-02: a form or a script of another site cannot use a code."""
    known = code(world)

    form = world.http.post("/gui/session", content=f'{{"code": "{known}"}}', headers={"Content-Type": "text/plain"})
    other = ask(world, {"code": known}, **{"Sec-Fetch-Site": "cross-site"})

    assert (form.status_code, other.status_code) == (415, 403)
    assert ask(world, {"code": known}).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b'{"code": 7}', b"{", b'{"code": "' + b"x" * 5000 + b'"}'])
def test_a_malformed_sign_in_is_refused(world: World, body: bytes) -> None:
    """GUI-02: a malformed body never causes a status 5xx."""
    answer = world.http.post("/gui/session", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 401, 413)
