"""Logs, probes and errors contain no data of parties (NF4)."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx2
import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop
from tps.host.masking import masked

CRASH = """
import logging, structlog
from tps.host.logs import configure_logs
configure_logs()
def deep():
    try:
        int("571313100000000011")["secret-name"]
    except TypeError as error:
        raise ValueError("Key (id)=(571313100000000011) of secret-name") from error
try:
    deep()
except ValueError:
    structlog.get_logger().exception("unexpected failure", incident="cafe")
    logging.getLogger("somebody").exception("it broke")
"""


def test_logs_of_all_processes_hold_nothing_of_anybody(world: World) -> None:
    """LOG-01: no ids, names, codes or tokens, also of refused, malformed or queried input."""
    dso, operator, point = world.dso("Dunkle Netze"), world.operator("Betelgeuse"), fresh_gsrn()
    dso.register_points({"id": point, "name": "Shared yard", "sections": ["Kirkevej/F3"]})
    assets = [make_asset(point, name="CHP of the Nilssons") for _ in range(3)]
    operator.register_assets(*assets)
    ids = [asset["id"] for asset in assets]
    _make_trouble(dso, operator, point, ids)
    dso.send_unforeseen(make_stop([*ids, fresh_gsrn()], reason={"code": "B18", "text": "Line fell on a barn"}))
    eventually(operator.active_limits)

    private = [
        point,
        *ids,
        dso.code,
        operator.code,
        "Netze",
        "Betelgeuse",
        "Nilsson",
        "Shared yard",
        "Kirkevej",
        "barn",
    ]
    logs = {path.name: path.read_text(errors="replace") for path in (world.stack.data / "logs").glob("*.log")}

    assert {"worker-1.log", "delivery.log", "nats.log", "postgres.log", "s3.log"} <= logs.keys()
    found = {
        (name, each) for name, text in logs.items() for each in [*private, dso.token, operator.token] if each in text
    }
    assert found == set()


def _make_trouble(dso: Member, operator: Member, point: str, ids: list[str]) -> None:
    """Make calls that fail in every way that a caller can cause."""
    operator.call("GET", f"/flexibility-assets?id={ids[0]}&id={ids[1]}")
    operator.call("GET", f"/flexibility-assets/{ids[0]}?name=Nilsson")
    operator.call("PUT", "/flexibility-assets", f'{{"assets": [{{"id": "{ids[0]}"'.encode())
    operator.call("PUT", "/flexibility-assets", {"assets": [{**make_asset(point, id=ids[0]), "Nilsson": 1}]})
    operator.call("PUT", "/flexibility-assets", {"assets": [make_asset(point, id=ids[0], name="Nilsson\x00")]})
    operator.call("GET", "/flexibility-assets", Authorization=f"Bearer {operator.token}x")
    operator.call("GET", "/flexibility-assets", ce_type="mades.TPS-ASSET", ce_subject=f"mades.{ids[0]}")
    dso.call("POST", "/capacity-limits/foreseen", make_foreseen([fresh_gsrn(), *ids]))
    dso.call("GET", f"/operational-schedules?asset_id={ids[0]}")
    dso.http.get(f"/agr/v1/flexibility-assets?id={ids[0]}", headers={"Authorization": f"Bearer {dso.token}"})


def test_a_crash_is_logged_without_the_texts_of_its_errors() -> None:
    """LOG-02: the log has place and type of an error, not the data that a library quotes."""
    ran = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=True)

    assert "571313100000000011" not in ran.stderr
    assert "secret-name" not in ran.stderr
    assert ran.stderr.count("ValueError") == 2
    assert ran.stderr.count("TypeError") == 2
    assert "deep" in ran.stderr
    assert '"incident": "cafe"' in ran.stderr


CARELESS = """
import logging, structlog
from tps.host.logs import configure_logs
configure_logs()
log, seen, said = structlog.get_logger(), {seen}, "{said}"
deep, error = [dict(one=(seen, said))], ValueError(said)
log.warning("careless " + said, seen=seen, deep=deep, number=571313100000000011, times=3, error=error)
logging.getLogger("waitress").warning("serving %s to %s", said, seen)
"""


@pytest.mark.parametrize(
    "private",
    [
        "571313100000000011",
        "A10:571313100000000011",
        "A01:45X000000000001P",
        "45X000000000001P",
        "NDK:Jens-Nilsson",
        "5790000000005",
        "eyJhbGciOiJFUzI1NiJ9.eyJwYXJ0eSI6IjEifQ.c2ln",
        "/dso/v1/operational-schedules?asset_id=Nilsson&to=2099-01-01T00:00:00Z",
    ],
)
def test_an_id_that_slips_into_a_log_is_masked(private: str) -> None:
    """LOG-01: masking is the second line of defence, and other log text stays readable."""
    script = CARELESS.format(said=private, seen=json.dumps(private))

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    first, second = ran.stderr.splitlines()
    for word in (private, "Nilsson", "571313100000000011"):
        assert word not in ran.stderr
    event = json.loads(first)
    assert (event["level"], event["times"], event["number"]) == ("warning", 3, "***")
    assert "careless" in event["event"]
    assert "WARNING waitress serving" in second
    assert ran.stderr.count("***") >= 7


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-29T06:00:15.123456Z",
        "4e6f0a2b7c1d4f5e8a9b0c1d2e3f4a5b",
        "12345678901234567890123456789012",
        "consumer agr_TPS-LIMIT-FORESEEN: 3 attempts?",
        "ValueError at shared/tps/host/http.py:60 answer > func.py:12 list_assets",
    ],
)
def test_what_helps_to_find_a_fault_is_not_masked(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize("path", ["/health/liveness", "/health/readiness", "/_/health", "/_/ready"])
def test_probes_say_that_it_lives_and_nothing_else(world: World, path: str) -> None:
    """PRB-01: no version, no count, no party."""
    world.dso()

    answer = world.http.get(path)

    assert (answer.status_code, answer.text) == (200, "OK")
    assert set(answer.headers) <= {"content-type", "content-length", "date"}


@pytest.mark.parametrize("path", ["/metrics", "/", "/function/relay-limit/", "/tps/v1/parties", "/guide"])
def test_no_other_door_is_open_without_a_token(world: World, path: str) -> None:
    """PRB-02: without a token, other paths answer 401 or 404."""
    answer = world.http.get(path)

    assert answer.status_code in (401, 404)


def test_no_answer_tells_what_runs_behind_it(world: World) -> None:
    """PRB-03: neither server nor versions, in answers and refusals."""
    member = world.operator()
    answers: list[httpx2.Headers] = [
        member.call("GET", "/flexibility-assets").headers,
        member.call("GET", "/nowhere").headers,
        member.call("GET", "/flexibility-assets", Authorization="Bearer x").headers,
    ]

    for headers in answers:
        assert {"server", "via", "x-powered-by"}.isdisjoint(headers)
