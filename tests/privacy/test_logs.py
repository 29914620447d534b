"""What may stand in logs, probes and errors: nothing of anybody's data (NF4)."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop

CRASH = """
import logging, structlog
from tps.runtime.logs import configure_logs
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
    """LOG-01: ids, names, codes, tokens, also of what was refused, malformed, or asked of in a query."""
    dso, operator, point = world.dso("Dunkle Netze"), world.operator("Betelgeuse"), fresh_gsrn()
    dso.register_points({"id": point, "name": "Shared yard", "sections": ["T17/F3"]})
    assets = [make_asset(point, name="CHP of the Nilssons") for _ in range(3)]
    operator.register_assets(*assets)
    ids = [asset["id"] for asset in assets]
    _make_trouble(dso, operator, point, ids)
    dso.send_unforeseen(make_stop([*ids, fresh_gsrn()], reason={"code": "B18", "text": "Line fell on a barn"}))
    eventually(operator.active_limits)

    private = [point, *ids, dso.code, operator.code, "Netze", "Betelgeuse", "Nilsson", "Shared yard", "T17", "barn"]
    logs = {path.name: path.read_text(errors="replace") for path in (world.stack.data / "logs").glob("*.log")}

    assert {"worker-1.log", "delivery.log", "nats.log", "postgres.log", "s3.log"} <= logs.keys()
    found = {
        (name, each) for name, text in logs.items() for each in [*private, dso.token, operator.token] if each in text
    }
    assert found == set()


def _make_trouble(dso: Member, operator: Member, point: str, ids: list[str]) -> None:
    """Calls that fail in every way that a caller can bring about."""
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
    """LOG-02: where it happened and of what kind, not what a library quotes of the data."""
    ran = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=True)

    assert "571313100000000011" not in ran.stderr
    assert "secret-name" not in ran.stderr
    assert ran.stderr.count("ValueError") == 2
    assert ran.stderr.count("TypeError") == 2
    assert "deep" in ran.stderr
    assert '"incident": "cafe"' in ran.stderr


@pytest.mark.parametrize("path", ["/health/liveness", "/health/readiness", "/_/health", "/_/ready"])
def test_probes_say_that_it_lives_and_nothing_else(world: World, path: str) -> None:
    """PRB-01: no version, no count, no party."""
    world.dso()

    answer = world.http.get(path)

    assert (answer.status_code, answer.text) == (200, "OK")
    assert set(answer.headers) <= {"content-type", "content-length", "date"}


@pytest.mark.parametrize("path", ["/metrics", "/", "/function/relay-limit/", "/tps/v1/parties", "/gui/"])
def test_no_other_door_is_open_without_a_token(world: World, path: str) -> None:
    """PRB-02."""
    answer = world.http.get(path)

    assert answer.status_code in (401, 404)


def test_no_answer_tells_what_runs_behind_it(world: World) -> None:
    """PRB-03: neither server nor versions, in answers and refusals."""
    member = world.operator()
    answers: list[httpx.Headers] = [
        member.call("GET", "/flexibility-assets").headers,
        member.call("GET", "/nowhere").headers,
        member.call("GET", "/flexibility-assets", Authorization="Bearer x").headers,
    ]

    for headers in answers:
        assert {"server", "via", "x-powered-by"}.isdisjoint(headers)
