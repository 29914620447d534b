"""Signing in by an outside OIDC issuer, all the way in a real browser: pages published as a cluster publishes them, a
worker that believes that issuer alone, whose realm has a path and calls the role otherwise than we do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.gui.issuer import CLIENT, Issuer, running
from tests.gui.tab import Tab
from tests.support.world import World, eventually
from tps.local.embedded.ports import free_ports
from tps.local.embedded.seaweed import ADMIN
from tps.local.gui.cluster import publish_there
from tps.local.gui.libraries import LibrariesMissing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIGN_IN = "Sign in with your organisation's account"
BUCKET = "gui-of-an-issuer"


@pytest.fixture(scope="module")
def issuer(world: World) -> Iterator[Issuer]:
    platform = world.settings.platform_party
    people = {
        "Olga": {"party": platform, "roles": ["offline_access", "tps"]},
        "Dan": {"party": world.dso("Coast Grid").code, "roles": ["dso"]},
        "Nobody": {"roles": ["offline_access"]},
    }
    with pytest.MonkeyPatch.context() as patch, running(Issuer(people)) as issuer:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        yield issuer


@pytest.fixture(scope="module")
def gateway(world: World, issuer: Issuer) -> Iterator[str]:
    """A worker of the same installation, set to the issuer as how-to-platform.md says."""
    port = free_ports(1)[0]
    issuer.origin = f"http://127.0.0.1:{port}"
    told = {
        **world.stack.environment(),
        "TPS_ISSUER": issuer.url,
        "TPS_JWKS_URL": f"{issuer.url}/jwks",
        "TPS_ROLE_CLAIM": "roles",
        "TPS_GUI_CLIENT_ID": CLIENT,
        "TPS_GUI_S3_BUCKET": BUCKET,
        "TPS_GUI_S3_ACCESS_KEY": ADMIN,
        "TPS_GUI_S3_SECRET_KEY": world.stack.vault.password(f"s3.{ADMIN}"),
        "TPS_THREADS": "12",
    }
    try:
        publish_there(told)
    except LibrariesMissing as error:
        pytest.skip(f"the GUI cannot be published here: {error}")
    worker = subprocess.Popen(
        [sys.executable, "-m", "tps.local.gateway"], env={**os.environ, **told, "PORT": str(port)}
    )
    try:
        eventually(lambda: _is_served(issuer.address))
        yield issuer.origin
    finally:
        worker.terminate()
        worker.wait()
        _remove_bucket(world)


def _remove_bucket(world: World) -> None:
    """The stack is shared, and its buckets are counted elsewhere."""
    client = world.stack.s3_admin._client()
    for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=BUCKET)


def _is_served(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def tab(browser: Browser, world: World, gateway: str) -> Iterator[Tab]:
    """Nobody is signed in, here or at the issuer."""
    tab = Tab.open(browser, world, is_signed_in=False, base_url=gateway)
    yield tab
    tab.close()


def enter(tab: Tab, person: str) -> None:
    """From the page that asks, by the issuer's page, and back."""
    tab.page.get_by_role("button", name=SIGN_IN).click()
    tab.page.get_by_role("button", name=person).click()


def kept(tab: Tab) -> dict[str, Any]:
    return dict(tab.page.evaluate("JSON.parse(sessionStorage.getItem('tps-session'))"))


def test_a_person_signs_in_at_the_issuer_and_no_token_leaves_the_tab(tab: Tab, gateway: str) -> None:
    """GUI-03: also not by going back in history; and the address that brought the code is of no use to another tab."""
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.page.goto("/gui/#plans?day=2099-04-10")
    enter(tab, "Olga")

    tab.has("nav a", "Plans")
    tab.page.wait_for_selector(".row, .empty:not(.loading)")
    secrets = [kept(tab)["token"], kept(tab)["renewal"]]
    (callback,) = [url for url in asked if url.startswith(f"{gateway}/gui/?")]
    assert tab.page.url == f"{gateway}/gui/#plans?day=2099-04-10"
    assert not [url for url in asked if any(secret in url for secret in secrets)]
    places = "[Object.keys(sessionStorage), Object.keys(localStorage), document.cookie]"
    assert tab.page.evaluate(places) == [["tps-session"], [], ""]
    tab.page.go_back()
    tab.page.go_back()
    tab.has("nav a", "Plans")
    assert "code=" not in tab.page.url
    assert kept(tab)["token"] == secrets[0]
    assert tab.troubles == []

    other = tab.context.new_page()
    other.goto(callback)
    other.get_by_text("the answer does not belong to a sign-in of this tab").wait_for()


def test_what_is_no_answer_of_the_issuer_signs_nobody_in_and_its_refusal_is_said(tab: Tab) -> None:
    """GUI-03: a planted answer, a code that was used, an issuer that is away."""
    tab.page.goto("/gui/")
    tab.page.get_by_role("button", name=SIGN_IN).click()
    tab.page.get_by_role("button", name="Olga").wait_for()

    tab.page.goto("/gui/?code=planted&state=planted")
    tab.has("[role=alert]", "the answer does not belong to a sign-in of this tab")

    # Whoever saw the code, and has the verifier, is faster.
    tab.page.route("**/token", lambda route: (route.fetch(), route.continue_()))
    enter(tab, "Olga")
    tab.has("[role=alert]", "the identity provider answered \"Invalid 'code' in request.\"")

    tab.page.route("**/.well-known/*", lambda route: route.abort())
    tab.page.get_by_role("button", name=SIGN_IN).click()
    tab.has("[role=alert]", "this page cannot reach the identity provider")
    assert tab.page.evaluate("sessionStorage.length") == 0


def test_whoever_has_no_business_here_reads_so_and_somebody_else_signs_in_and_out(tab: Tab, issuer: Issuer) -> None:
    """GUI-03: the issuer, who remembers who logged in, is told each time to ask; what renews is given back."""
    tab.page.goto("/gui/")
    enter(tab, "Dan")
    tab.has("h1", "Access denied (403)")
    tab.page.get_by_role("button", name="Sign in with another account").click()
    enter(tab, "Nobody")
    tab.has("[role=alert]", "The account may have no role in the TPS")
    enter(tab, "Olga")
    tab.has("nav a", "Plans")
    renewal = kept(tab)["renewal"]
    assert renewal in issuer.tokens

    tab.page.get_by_role("button", name="Sign out").click()

    tab.page.get_by_role("button", name=SIGN_IN).wait_for()
    assert tab.page.evaluate("sessionStorage.length") == 0
    eventually(lambda: renewal not in issuer.tokens)
    tab.page.get_by_role("button", name=SIGN_IN).click()
    tab.page.get_by_role("button", name="Olga").wait_for()


def test_a_token_is_renewed_until_the_issuer_refuses(tab: Tab, issuer: Issuer) -> None:
    tab.page.goto("/gui/")
    enter(tab, "Olga")
    tab.has("nav a", "Plans")
    first = kept(tab)["token"]

    age(tab)
    eventually(lambda: kept(tab)["token"] != first)
    tab.has("nav a", "Plans")

    issuer.tokens.clear()
    age(tab)
    tab.has("[role=alert]", "The session has expired.")
    assert tab.page.evaluate("sessionStorage.length") == 0


def age(tab: Tab) -> None:
    """Reload as if the token were about to end."""
    held = "JSON.stringify({...JSON.parse(sessionStorage.getItem('tps-session')), renew_at: 0})"
    tab.page.evaluate(f"sessionStorage.setItem('tps-session', {held})")
    tab.page.reload()


def test_the_door_of_codes_is_not_there(gateway: str) -> None:
    assert httpx.post(f"{gateway}/gui/session", json={"code": "x"}).status_code == 404
