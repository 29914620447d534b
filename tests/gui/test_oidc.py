"""Sign-in at an OIDC issuer in a real browser.

The pages are published as for a cluster, and the gateway trusts this issuer only. The issuer's address has a path, and
its claim for the role has another name than the default.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx2
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
    """A gateway of the same installation, configured for the issuer as in docs/how-to-platform.md."""
    port = free_ports(1)[0]
    issuer.origin = f"http://127.0.0.1:{port}"
    environment = {
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
        publish_there(environment)
    except LibrariesMissing as error:
        pytest.skip(f"the GUI cannot be published here: {error}")
    worker = subprocess.Popen(
        [sys.executable, "-m", "tps.local.gateway"], env={**os.environ, **environment, "PORT": str(port)}
    )
    try:
        eventually(lambda: _is_served(issuer.address))
        yield issuer.origin
    finally:
        worker.terminate()
        worker.wait()
        _remove_bucket(world)


def _remove_bucket(world: World) -> None:
    """Remove the bucket: the stack is shared, and other tests count its buckets."""
    client = world.stack.s3_admin._client()
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


def _is_served(address: str) -> bool:
    try:
        return httpx2.get(address).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
def tab(browser: Browser, world: World, gateway: str) -> Iterator[Tab]:
    """A tab without a session, here and at the issuer."""
    tab = Tab.open(browser, world, is_signed_in=False, base_url=gateway)
    yield tab
    tab.close()


def enter(tab: Tab, person: str) -> None:
    """Sign in at the issuer's page and return."""
    tab.page.get_by_role("button", name=SIGN_IN).click()
    tab.page.get_by_role("button", name=person).click()


def kept(tab: Tab) -> dict[str, Any]:
    return dict(tab.page.evaluate("JSON.parse(sessionStorage.getItem('tps-session'))"))


def test_a_person_signs_in_at_the_issuer_and_no_token_leaves_the_tab(tab: Tab, gateway: str) -> None:
    """GUI-03: going back in history reveals no token, and the issuer's answer does not work in another tab."""
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


def test_a_planted_answer_is_refused_and_errors_of_the_issuer_are_shown(tab: Tab) -> None:
    """GUI-03: a planted answer, a used code, an unreachable issuer."""
    tab.page.goto("/gui/")
    tab.page.get_by_role("button", name=SIGN_IN).click()
    tab.page.get_by_role("button", name="Olga").wait_for()

    tab.page.goto("/gui/?code=planted&state=planted")
    tab.has("[role=alert]", "the answer does not belong to a sign-in of this tab")

    # Another client uses the code first.
    tab.page.route("**/token", lambda route: (route.fetch(), route.continue_()))
    enter(tab, "Olga")
    tab.has("[role=alert]", "the identity provider answered \"Invalid 'code' in request.\"")

    tab.page.route("**/.well-known/*", lambda route: route.abort())
    tab.page.get_by_role("button", name=SIGN_IN).click()
    tab.has("[role=alert]", "this page cannot reach the identity provider")
    assert tab.page.evaluate("sessionStorage.length") == 0


def test_other_roles_are_refused_and_the_issuer_asks_for_the_account_again(tab: Tab, issuer: Issuer) -> None:
    """GUI-03: after a refusal or a sign-out the issuer asks for the account, and the refresh token is revoked."""
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
    """Reload the page with a token that must be renewed."""
    held = "JSON.stringify({...JSON.parse(sessionStorage.getItem('tps-session')), renew_at: 0})"
    tab.page.evaluate(f"sessionStorage.setItem('tps-session', {held})")
    tab.page.reload()


def test_there_is_no_sign_in_by_code(gateway: str) -> None:
    assert httpx2.post(f"{gateway}/gui/session", json={"code": "x"}).status_code == 404
