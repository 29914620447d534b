"""The same requests get the same answers from every host.

The hosts are Knative's one process per function, OpenFaaS's routes by function name, and the gateway's routes.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.hosts.workers import STOP_WITHIN_S, Worker, of_groups, running_worker
from tests.support.world import Member, World, fresh_gsrn, make_asset, make_foreseen, make_stop
from tps.host.stack import FunctionEntry, load_stack

FUNCTIONS = ("register_asset", "retrieve_limits", "send_limit", "endpoint", "relay_limit", "component_directory")
PROBES = ("/health/liveness", "/health/readiness", "/_/health", "/_/ready")
AT_ONCE_S = 3.0
_OUTCOME = "TPS-Outcome"


@dataclass(frozen=True)
class Cast:
    """The callers."""

    world: World
    dso: Member
    operator: Member
    asset: str


@dataclass(frozen=True)
class Request:
    """One request to one function."""

    function: str
    who: str
    verb: str
    path: str
    status: int
    body: Callable[[Cast], Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.function}: {self.who} {self.verb} {self.path} {self.status}"


def rename(cast: Cast) -> dict[str, Any]:
    return {"assets": [{"id": cast.asset, "name": "Boiler"}]}


REQUESTS = [
    Request("register_asset", "nobody", "GET", "/agr/v1/ping", 200),
    Request("register_asset", "operator", "GET", "/agr/v1/flexibility-assets", 200),
    Request("register_asset", "operator", "PATCH", "/agr/v1/flexibility-assets", 200, rename),
    Request("register_asset", "operator", "PATCH", "/agr/v1/flexibility-assets", 400, lambda _: {"assets": []}),
    Request("register_asset", "operator", "POST", "/agr/v1/flexibility-assets/query", 200,
            lambda cast: {"ids": [cast.asset]}),
    Request("register_asset", "operator", "POST", "/agr/v1/flexibility-assets", 405, lambda _: {}),
    Request("register_asset", "nobody", "GET", "/agr/v1/flexibility-assets", 401),
    Request("register_asset", "dso", "GET", "/agr/v1/flexibility-assets", 403),
    Request("retrieve_limits", "operator", "GET", "/agr/v1/capacity-limits/active", 200),
    Request("retrieve_limits", "operator", "GET", "/agr/v1/capacity-limits/wait?timeout=0&reader=a%20b", 200),
    Request("retrieve_limits", "operator", "GET", "/agr/v1/capacity-limits?from=2020-01-01T00:00:00%2B02:00", 200),
    Request("retrieve_limits", "operator", "GET", "/agr/v1/capacity-limits/wait?after=x", 400),
    Request("send_limit", "dso", "POST", "/dso/v1/capacity-limits/foreseen", 201, lambda c: make_foreseen([c.asset])),
    Request("send_limit", "dso", "POST", "/dso/v1/capacity-limits/foreseen", 422, lambda _: make_foreseen(["5713"])),
    Request("send_limit", "dso", "POST", "/dso/v1/capacity-limits/foreseen", 413, lambda _: b" " * 60_000_000),
    Request("endpoint", "operator", "GET", "/agr/v1/messages/0123456789abcdef0123456789abcdef", 404),
    Request("endpoint", "operator", "GET", "/dso/v1/messages/0123456789abcdef0123456789abcdef", 403),
    Request("component_directory", "operator", "GET", "/ecp/v1/components", 200),
    Request("component_directory", "operator", "GET", "/ecp/v1/components.xml", 200),
    Request("component_directory", "dso", "POST", "/ecp/v1/components/5790000000005/approval", 403, lambda _: {}),
    Request("component_directory", "nobody", "GET", "/ecp/v1/components", 401),
    Request("relay_limit", "nobody", "POST", "/", 401, lambda _: b"", (("ce-type", "mades.TPS-LIMIT-FORESEEN"),)),
    Request("relay_limit", "delivery", "POST", "/", 422, lambda _: b"rubbish",
            (("ce-type", "mades.TPS-LIMIT-FORESEEN"),
             ("ce-subject", "mades.tps.TPS-LIMIT-FORESEEN.5790000000029.5790000000005"))),
    Request("relay_limit", "delivery", "POST", "/", 204, lambda _: b"", (("ce-type", "tps.tick"),)),
]  # fmt: skip


@pytest.fixture(scope="module")
def cast(world: World) -> Cast:
    dso, operator, point = world.dso(), world.operator(), fresh_gsrn()
    dso.register_points(point)
    asset = make_asset(point)
    operator.register_assets(asset)
    # Another limit first, so that each host warns about the overlap.
    dso.send_foreseen(make_foreseen([asset["id"]]))
    return Cast(world, dso, operator, asset["id"])


@pytest.fixture(scope="module")
def workers(world: World) -> Iterator[dict[str, Worker]]:
    """Run each of these functions in its own process."""
    entries = [entry for entry in load_stack() if entry.name in FUNCTIONS]
    with ExitStack() as block, ThreadPoolExecutor(len(entries)) as pool:

        def start(entry: FunctionEntry) -> Worker:
            return block.enter_context(running_worker(world.stack, entry))

        yield dict(zip((entry.name for entry in entries), pool.map(start, entries), strict=True))


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_every_host_gives_the_same_answer(cast: Cast, workers: dict[str, Worker], request_: Request) -> None:
    gateway, name = cast.world.stack.gateway_url, request_.function
    hosts = {
        "Knative": workers[name].url,
        "OpenFaaS": f"{gateway}/function/{name.replace('_', '-')}",
        "by its Python name": f"{gateway}/function/{name}",
    }
    if request_.path != "/":
        hosts["gateway"] = gateway

    answers = {host: answer(cast, url, request_) for host, url in hosts.items()}

    assert {host: shown[0] for host, shown in answers.items()} == dict.fromkeys(hosts, request_.status)
    assert all(shown == answers["Knative"] for shown in answers.values()), answers


@pytest.mark.parametrize("probe", PROBES)
def test_every_host_answers_probes(world: World, workers: dict[str, Worker], probe: str) -> None:
    urls = [world.stack.gateway_url, *(worker.url for worker in workers.values())]

    answers = [httpx2.get(url + probe, timeout=10) for url in urls]

    assert [(each.status_code, each.text) for each in answers] == [(200, "OK")] * len(urls)


def test_a_function_answers_its_own_routes_only(cast: Cast, workers: dict[str, Worker]) -> None:
    request = Request("retrieve_limits", "operator", "GET", "/agr/v1/flexibility-assets", 404)

    status, media_type, *_ = answer(cast, workers["retrieve_limits"].url, request)

    assert (status, media_type) == (404, "application/problem+json")


def test_a_wait_in_one_process_is_told_of_what_another_received(cast: Cast, workers: dict[str, Worker]) -> None:
    url = f"{workers['retrieve_limits'].url}/agr/v1/capacity-limits/wait"
    headers = {"Authorization": f"Bearer {cast.operator.token}"}
    while (answered := httpx2.get(url, params={"timeout": 0}, headers=headers).json())["limits"]:
        pass

    with ThreadPoolExecutor(1) as pool:
        query = {"timeout": 30, "after": answered["cursor"]}
        waiting = pool.submit(httpx2.get, url, params=query, headers=headers, timeout=40)
        httpx2.get(url, params={"timeout": 1, "after": answered["cursor"]}, headers=headers, timeout=40)
        limit = cast.dso.send_unforeseen(make_stop([cast.asset]))
        told = waiting.result(AT_ONCE_S).json()

    assert limit["status"] == "accepted"
    assert [each["action"] for each in told["limits"]] == ["stop"]


def test_a_function_holds_its_own_groups_secrets_only(world: World) -> None:
    environment = of_groups(world.stack.environment(), ("agr",))

    assert [name for name in environment if name.startswith(("TPS_DSO_", "TPS_TPS_", "TPS_ECP_"))] == []
    assert environment["TPS_AGR_DATABASE_URL"]


def test_a_worker_ends_cleanly_when_told(world: World) -> None:
    (entry,) = (entry for entry in load_stack() if entry.name == "send_limit")

    with running_worker(world.stack, entry) as worker:
        worker.process.send_signal(signal.SIGTERM)

        assert worker.process.wait(STOP_WITHIN_S) == 0


def answer(cast: Cast, url: str, request: Request) -> tuple[int, str, str | None, Any]:
    """Return status, media type, outcome and body, with ids and times masked."""
    body = request.body(cast) if request.body else None
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {**bearer(cast, request.who), **dict(request.headers)}
    if content is not None:
        headers["Content-Type"] = "application/json"
    response = httpx2.request(request.verb, url + request.path, content=content, headers=headers, timeout=60)
    media_type = response.headers.get("Content-Type", "")
    return response.status_code, media_type, response.headers.get(_OUTCOME), masked(response.text)


def bearer(cast: Cast, who: str) -> dict[str, str]:
    if who == "nobody":
        return {}
    tokens = {
        "dso": cast.dso.token,
        "operator": cast.operator.token,
        "delivery": cast.world.settings.delivery_token,
    }
    return {"Authorization": f"Bearer {tokens[who]}"}


def masked(text: str) -> str:
    """Return the text without parts that differ from call to call: fresh ids, cursors, times."""
    text = re.sub(r'"cursor":"[^"]+"', '"cursor":"..."', text)
    text = re.sub(r'"limits":\[.*\]', '"limits":[...]', text)
    return re.sub(r"[0-9a-f]{32}", "an id", text)


@pytest.mark.parametrize("verb", ["OPTIONS", "TRACE", "PROPFIND"])
def test_a_verb_that_nobody_serves_is_refused_as_a_problem_and_tells_nothing(world: World, verb: str) -> None:
    answer = world.http.request(verb, "/agr/v1/flexibility-assets")

    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"
