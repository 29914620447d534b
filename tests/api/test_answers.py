"""The running system answers what the RAML says: every route, every kind of answer of a small story."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.interfaces import interface, methods
from tests.api.values import faults as value_faults
from tests.support.applicants import AtDirectory, fresh_keys, make_application, pems
from tests.support.bad_input import CALLERS, FORMS, PLACES, RULES, TOO_LARGE, Bad, send
from tests.support.in_process import in_process_world
from tests.support.installation import Installation
from tests.support.scene import Scene, make_scene
from tests.support.world import (
    Member,
    Reply,
    World,
    eventually,
    fresh_gln,
    fresh_gsrn,
    make_asset,
    make_foreseen,
    make_schedule,
    make_stop,
)
from tps.local.rendering.raml import Method
from tps.mades.assertion import make_assertion
from tps.mades.certificate import load_certificate
from tps.mades.keys import SigningKey

NOBODYS = {404, 405}
"""Of paths and verbs that no route has."""
BAD = (*RULES, *FORMS, *PLACES, *CALLERS, *TOO_LARGE)


DAY = "from=2099-04-10T00:00:00Z&to=2099-04-11T00:00:00Z"


@dataclass
class Recorder:
    """Calls in the name of members, each checked against its method; remembers what was answered."""

    seen: set[tuple[str, str, int]] = field(default_factory=set)
    bodies: dict[tuple[str, str, int], Any] = field(default_factory=dict)

    def call(self, member: Member | AtDirectory, verb: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Call, and hold the answer against the RAML."""
        reply = member.call(verb, path, body, **headers)
        method = method_of(verb, f"/{member.group}/v1{path}")
        assert method is not None
        assert faults(method, reply) == [], reply.text[:2000]
        self.seen.add((verb, method.path, reply.status))
        self.bodies[(verb, method.path, reply.status)] = reply.json if "json" in media_type(reply) else reply.text
        return reply


@pytest.fixture(scope="module")
def world(house: Installation) -> Iterator[World]:
    with in_process_world(house) as made:
        yield made


@pytest.fixture(scope="module")
def story(world: World) -> Recorder:
    """Two operators in one grid: each registers, reads, changes, removes; the DSO limits; messages are looked at."""
    recorder = Recorder()
    dso, alpha, beta = world.dso(), world.operator("Alpha"), world.operator("Beta", role="brp")
    here = play_registrations(recorder, dso, alpha)
    battery = make_asset(here, kind="storage", name="Battery", max_production_kw=200.125, max_consumption_kw=250)
    recorder.call(beta, "PUT", "/flexibility-assets", {"assets": [battery]})
    chp = alpha.done("GET", "/flexibility-assets")["assets"][0]
    recorder.call(dso, "GET", "/flexibility-assets")
    recorder.call(dso, "GET", "/flexibility-assets/changes")
    play_limits(recorder, dso, alpha, [chp["id"], battery["id"]])
    play_lives_of_limits(recorder, dso, chp)
    play_schedules(recorder, dso, alpha, chp["id"])
    play_messages(recorder, dso, alpha)
    play_removals(recorder, dso, alpha)
    play_contract(recorder, world, dso, alpha)
    play_directory(recorder, world)
    return recorder


def play_registrations(recorder: Recorder, dso: Member, alpha: Member) -> str:
    here, there = fresh_gsrn(), fresh_gsrn()
    point = {"id": here, "name": "Feeder 3", "sections": ["T17/F3"], "max_production_kw": 400}
    recorder.call(dso, "PUT", "/connection-points", {"connection_points": [point, {"id": there}]})
    recorder.call(dso, "PATCH", "/connection-points", {"connection_points": [{"id": there, "name": "Spare"}]})
    chp, waiting = make_asset(here, name="CHP"), make_asset(fresh_gsrn(), max_consumption_kw=1)
    recorder.call(alpha, "PUT", "/flexibility-assets", {"assets": [chp, waiting]}, Idempotency_Key="a")
    recorder.call(alpha, "PUT", "/flexibility-assets", {"assets": [chp]}, Idempotency_Key="a")
    recorder.call(alpha, "PATCH", "/flexibility-assets", {"assets": [{"id": waiting["id"], "kind": None}]})
    recorder.call(alpha, "PUT", "/flexibility-assets", {"assets": [waiting]}, Prefer="respond-async")
    recorder.call(alpha, "PUT", "/flexibility-assets?dry_run=true", {"assets": [make_asset(there)]})
    for member, path, each in ((dso, "/connection-points", here), (alpha, "/flexibility-assets", chp["id"])):
        recorder.call(member, "GET", "/ping")
        recorder.call(member, "GET", path)
        tag = recorder.call(member, "GET", f"{path}?id={each}&limit=1").headers["ETag"]
        recorder.call(member, "GET", f"{path}?id={each}", If_None_Match=tag)
        recorder.call(member, "GET", f"{path}?limit=1")
        recorder.call(member, "POST", f"{path}/query", {"ids": [each]})
    recorder.call(alpha, "DELETE", f"/flexibility-assets?id={waiting['id']}")
    eventually(lambda: len(dso.done("GET", "/flexibility-assets")["assets"]) == 1)
    return here


def play_limits(recorder: Recorder, dso: Member, alpha: Member, asset_ids: list[str]) -> None:
    reason = {"code": "B46", "text": "New transformer"}
    recorder.call(dso, "POST", "/capacity-limits/foreseen", make_foreseen(asset_ids, 100.001, reason=reason))
    recorder.call(dso, "POST", "/capacity-limits/unforeseen", make_stop(asset_ids))
    recorder.call(dso, "POST", "/capacity-limits/unforeseen", make_stop([*asset_ids, fresh_gsrn()]))
    partly = recorder.bodies["POST", "/dso/v1/capacity-limits/unforeseen", 201]
    assert partly["status"] == "partly_accepted"
    eventually(lambda: len(alpha.active_limits()) == 3)
    for path in ("", "/active", "/wait"):
        recorder.call(alpha, "GET", f"/capacity-limits{path}?per_asset=true")
    wait = recorder.bodies["GET", "/agr/v1/capacity-limits/wait", 200]
    recorder.call(alpha, "GET", f"/capacity-limits/wait?timeout=0&after={wait['cursor']}")
    recorder.call(alpha, "GET", "/capacity-limits?from=2020-01-01T00:00:00Z&to=2098-01-01T00:00:00Z&all_revisions=true")
    assert {limit["kind"] for limit in wait["limits"]} == {"foreseen", "unforeseen"}


def play_lives_of_limits(recorder: Recorder, dso: Member, asset: dict[str, Any]) -> None:
    """Said by points and sections, tried, changed, read back, and taken back in every way."""
    foreseen, unforeseen = "/capacity-limits/foreseen", "/capacity-limits/unforeseen"
    limit = make_foreseen([asset["id"]])
    at_points = {**limit, "asset_ids": None, "connection_point_ids": [asset["connection_point_id"]]}
    in_sections = {**make_stop([]), "asset_ids": None, "sections": ["T17/F3"]}
    eventually(lambda: recorder.call(dso, "POST", foreseen, at_points).status == 201)
    recorder.call(dso, "POST", f"{unforeseen}?dry_run=true", make_stop([asset["id"], fresh_gsrn()]))
    recorder.call(dso, "POST", f"{foreseen}?dry_run=true", at_points)
    stop = recorder.call(dso, "POST", unforeseen, in_sections).json["id"]
    ids = [recorder.call(dso, "POST", foreseen, limit).json["id"] for _ in range(4)]
    recorder.call(dso, "PUT", f"{foreseen}/{ids[0]}", {**limit, "reason": {"code": "B20"}})
    recorder.call(dso, "PUT", f"{unforeseen}/{stop}", make_stop([asset["id"], fresh_gsrn()]))
    recorder.call(dso, "DELETE", f"{foreseen}/{ids[0]}?dry_run=true&reason=over")
    recorder.call(dso, "DELETE", f"{foreseen}/{ids[0]}?reason=over")
    recorder.call(dso, "DELETE", f"{foreseen}/{ids[0]}")
    recorder.call(dso, "DELETE", f"{foreseen}/{ids[1]}?sent_in_error=true")
    recorder.call(dso, "DELETE", f"{unforeseen}/{stop}")
    recorder.call(dso, "DELETE", foreseen, {"ids": [ids[0], ids[2]]})
    recorder.call(dso, "DELETE", f"{foreseen}?dry_run=true", {"ids": ids[3:]})
    recorder.call(dso, "DELETE", foreseen, {"ids": ids[3:]}, Prefer="respond-async")
    second = recorder.call(dso, "POST", unforeseen, make_stop([asset["id"]])).json["id"]
    recorder.call(dso, "DELETE", unforeseen, {"ids": [second]})
    recorder.call(dso, "GET", "/capacity-limits?all_revisions=true")
    recorder.call(dso, "GET", "/capacity-limits?limit=2&from=2099-04-10T00:00:00Z")
    for each in (ids[0], stop):
        recorder.call(dso, "GET", f"/capacity-limits/{each}?all_revisions=true")


def play_schedules(recorder: Recorder, dso: Member, alpha: Member, asset_id: str) -> None:
    path, plan = "/operational-schedules", make_schedule(asset_id, 500, 0.5, 0)
    recorder.call(alpha, "POST", f"{path}?dry_run=true", {"schedules": [plan, make_schedule(fresh_gsrn(), 1)]})
    recorder.call(alpha, "POST", path, {"schedules": [make_schedule(fresh_gsrn(), 1)]})
    recorder.call(alpha, "POST", path, {"schedules": [plan, make_schedule(asset_id, 0, start="2099-04-11T06:00Z")]})
    recorder.call(alpha, "POST", path, {"schedules": [make_schedule(asset_id, 1), make_schedule(fresh_gsrn(), 1)]})
    sent = [recorder.call(alpha, "POST", path, {"schedules": [plan]}).json["id"] for _ in range(3)]
    recorder.call(alpha, "PUT", f"{path}/{sent[0]}", {"schedules": [make_schedule(asset_id, 400)]})
    eventually(lambda: recorder.call(dso, "GET", f"{path}?asset_id={asset_id}").json["schedules"])
    recorder.call(dso, "GET", f"{path}?limit=1&from=2099-04-10T06:00:00Z&to=2099-04-10T06:15:00Z")
    recorder.call(dso, "POST", f"{path}/query", {"asset_ids": [asset_id], "to": None})
    recorder.call(dso, "GET", f"{path}/wait")
    recorder.call(alpha, "GET", f"{path}/{sent[0]}")
    recorder.call(alpha, "GET", f"{path}?limit=1&asset_id={asset_id}")
    recorder.call(alpha, "DELETE", f"{path}/{sent[0]}?dry_run=true")
    recorder.call(alpha, "DELETE", f"{path}/{sent[0]}")
    recorder.call(alpha, "DELETE", f"{path}/{sent[0]}")
    recorder.call(alpha, "GET", f"{path}/{sent[0]}")
    recorder.call(alpha, "DELETE", path, {"ids": sent[1:2]})
    recorder.call(alpha, "DELETE", path, {"ids": sent[2:]}, Prefer="respond-async")


def play_messages(recorder: Recorder, dso: Member, alpha: Member) -> None:
    """Of each kind that was sent: accepted, partly accepted, refused by the platform, still pending."""
    for (_verb, path, _status), body in list(recorder.bodies.items()):
        if isinstance(body, dict) and "message_id" in body:
            member = dso if path.startswith("/dso/") else alpha
            recorder.call(member, "GET", f"/messages/{body['message_id']}")
    refused = recorder.call(
        dso, "POST", "/capacity-limits/foreseen", make_foreseen([fresh_gsrn()]), Idempotency_Key="r"
    )
    assert refused.status == 422
    recorder.call(alpha, "GET", f"/messages/{'0' * 32}")


def play_removals(recorder: Recorder, dso: Member, alpha: Member) -> None:
    chp = alpha.done("GET", "/flexibility-assets")["assets"][0]["id"]
    first, second = (point["id"] for point in dso.done("GET", "/connection-points")["connection_points"])
    recorder.call(alpha, "POST", "/flexibility-assets/removal", {"ids": [chp]})
    recorder.call(dso, "DELETE", f"/connection-points?id={first}")
    recorder.call(dso, "POST", "/connection-points/removal", {"ids": [second]})
    recorder.call(dso, "POST", "/connection-points/removal", {"ids": [second]})


def play_contract(recorder: Recorder, world: World, dso: Member, alpha: Member) -> None:
    code = world.settings.platform_party
    platform = Member(code, "tps", "Trade Permission System", world.token(code, "tps"), world.http)
    for member in (dso, alpha, platform):
        recorder.call(member, "GET", "/ping")
        recorder.call(member, "GET", "/api")
        for file in (f"{member.group}.raml", "types.raml", "openapi.json", "nothing"):
            recorder.call(member, "GET", f"/api/{file}")
    recorder.call(platform, "GET", "/parties?limit=1")
    play_overview(recorder, platform, dso)
    for member in (dso, alpha):
        recorder.call(member, "GET", f"/conflicts?{DAY}&per_asset=true")


def play_overview(recorder: Recorder, platform: Member, dso: Member) -> None:
    day = f"{DAY}&party={dso.code}"
    recorder.call(platform, "GET", f"/schedules?{day}&per_asset=true&limit=1")
    tag = recorder.call(platform, "GET", f"/schedules?{day}").headers["ETag"]
    recorder.call(platform, "GET", f"/schedules?{day}", If_None_Match=tag)
    recorder.call(platform, "GET", f"/limits?{day}")
    limits = recorder.bodies["GET", "/tps/v1/limits", 200]["limits"]
    recorder.call(platform, "GET", f"/limits/{limits[0]['id']}/evidence")
    conflicts = recorder.call(platform, "GET", f"/conflicts?{DAY}&dso={dso.code}").json["conflicts"]
    asked = f"{conflicts[0]['limit_id']}/assets?{DAY}&dso={dso.code}&agr={conflicts[0]['operator']}"
    recorder.call(platform, "GET", f"/conflicts/{asked}")
    recorder.call(platform, "GET", "/readiness")
    recorder.call(platform, "GET", "/readiness?list=assets_without_schedules&limit=1")
    cursor = recorder.call(platform, "GET", "/changes").json["cursor"]
    recorder.call(platform, "GET", f"/changes?after={cursor}&timeout=0")


def play_directory(recorder: Recorder, world: World) -> None:
    """An applicant is let in, renews, narrows its paths, and loses a certificate; another is sent away."""
    operator = AtDirectory.of(world, world.settings.platform_party, "tps")
    joining, refused = (AtDirectory.of(world, fresh_gln(), "dso") for _ in range(2))
    for applicant in (joining, joining, refused):
        recorder.call(applicant, "POST", "/components", make_application(applicant.keys))
        recorder.call(applicant, "GET", f"/components/{applicant.code}")
        recorder.call(operator, "GET", "/components?limit=1")
    recorder.call(operator, "POST", f"/components/{refused.code}/rejection", {"reason": "not known"})
    recorder.call(joining, "POST", f"/components/{joining.code}/approval", {})
    own = f"/components/{joining.code}"
    entry = recorder.call(operator, "POST", f"{own}/approval", {"grid_prefixes": ["5713131"]}).json
    listed = recorder.call(joining, "GET", "/components").json
    recorder.call(joining, "GET", f"/components?contentId={listed['metadata']['content_id']}")
    recorder.call(joining, "GET", "/components.xml")
    tag = recorder.call(joining, "GET", own).headers["ETag"]
    recorder.call(joining, "GET", own, If_None_Match=tag)
    play_renewal(recorder, joining, entry["certificates"])
    play_paths(recorder, joining, f"{own}/paths")
    lost = {"reason": "lost", "certificate_id": load_certificate(entry["certificates"][1]).certificate_id}
    recorder.call(operator, "POST", f"{own}/revocation", lost)
    for file in ("ecp.raml", "nothing"):
        recorder.call(operator, "GET", f"/api/{file}")
    for path in ("/ping", "/api"):
        recorder.call(operator, "GET", path)


def play_renewal(recorder: Recorder, joining: AtDirectory, certificates: list[str]) -> None:
    path, body = f"/components/{joining.code}/certificates", {"keys": pems(fresh_keys())}
    (certificate, *_) = (load_certificate(each) for each in certificates)
    key = SigningKey(joining.code, certificate.certificate_id, joining.keys.authentication)
    assertion = make_assertion(key, datetime.now(UTC), json.dumps(body).encode())
    recorder.call(joining, "POST", path, body)
    recorder.call(joining, "POST", path, body, Authorization=f"Bearer {assertion}")


def play_paths(recorder: Recorder, joining: AtDirectory, path: str) -> None:
    (given,) = recorder.call(joining, "GET", path).json["paths"]
    narrow = [{**given, "message_type": "TPS*", "valid_to": "2098-01-01T00:00:00Z"}, given]
    recorder.call(joining, "PUT", path, {"paths": narrow})
    recorder.call(joining, "PUT", path, {"paths": [given, given]})
    recorder.call(joining, "PUT", path, {"paths": [{**given, "allowed_senders": None}]})
    recorder.call(joining, "DELETE", f"{path}?message_type=*")
    recorder.call(joining, "DELETE", path)
    recorder.call(joining, "DELETE", f"{path}?message_type=TPS-X")


def test_every_route_answered_well_and_as_described(story: Recorder) -> None:
    well = {(verb, path) for verb, path, status in story.seen if status < 300 and status != 202}

    assert {(method.verb, method.path) for method in methods()} - well == set()


def test_the_story_had_what_is_pending_refused_unchanged_and_not_there(story: Recorder) -> None:
    assert {200, 201, 202, 304, 404, 422} <= {status for _, _, status in story.seen}


def test_what_a_read_limit_says_is_of_the_described_kinds(story: Recorder) -> None:
    limits = story.bodies["GET", "/agr/v1/capacity-limits/active", 200]["limits"]

    assert value_faults(interface("agr"), limits, "(tps.OwnForeseenLimit | tps.OwnUnforeseenLimit)[]") == []
    assert any("per_asset" in limit for limit in limits)


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    return make_scene(world)


@pytest.mark.parametrize("row", BAD, ids=lambda row: f"{row.what}, {row.request[:70]}")
def test_bad_input_is_answered_as_described(scene: Scene, row: Bad) -> None:
    verb, _, path = row.request.partition(" ")
    method = method_of(verb, path)

    reply = send(scene, row)

    if method is None:
        assert reply.status in NOBODYS | {401}
        assert value_faults(interface("agr"), reply.json, "tps.Problem") == []
    else:
        assert faults(method, reply) == []


def test_an_answer_off_the_contract_is_a_fault() -> None:
    method = interface("agr").method("GET", "/agr/v1/flexibility-assets")
    asset = {"id": "571313190000000011", "connection_point_id": "T17", "kind": "load", "state": "active"}
    wrong: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
        lambda good: good | {"operator": "5790000000012"},
        lambda good: good | {"kind": "reactor"},
        lambda good: good | {"max_production_kw": "600"},
        lambda good: good | {"max_production_kw": -1},
        lambda good: {name: value for name, value in good.items() if name != "state"},
    ]

    declared = method.answer_type(200, "application/json")

    assert value_faults(interface("agr"), {"assets": [asset]}, declared) == []
    assert all(value_faults(interface("agr"), {"assets": [change(asset)]}, declared) for change in wrong)


def method_of(verb: str, path: str) -> Method | None:
    """The described method that a request falls under; None for what no route has."""
    parts = path.partition("?")[0].split("/")
    for method in methods():
        if method.verb == verb and _is_at(method.path.split("/"), parts):
            return method
    return None


def _is_at(template: list[str], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(
        each.startswith("{") or each == part for each, part in zip(template, parts, strict=True)
    )


def faults(method: Method, reply: Reply) -> list[str]:
    """In what an answer is not as its method says: status, headers, media type, body."""
    if reply.status not in method.responses:
        return [f"{reply.status} is not described"]
    return [*_header_faults(method, reply), *_body_faults(method, reply)]


def _header_faults(method: Method, reply: Reply) -> list[str]:
    headers = (method.responses[reply.status] or {}).get("headers", {})
    missing = [f"header {name} is missing" for name in headers if name not in reply.headers]
    api = interface(method.path.split("/")[1])
    given = {name: each for name, each in headers.items() if each["type"] == "string" and name in reply.headers}
    faults = (fault for name, each in given.items() for fault in value_faults(api, reply.headers[name], each))
    return [*missing, *faults]


def _body_faults(method: Method, reply: Reply) -> list[str]:
    if "body" not in (method.responses[reply.status] or {}):
        return ["a body"] if reply.text or media_type(reply) else []
    declared = method.answer_type(reply.status, media_type(reply))
    if declared is None:
        return [f"{media_type(reply)} is not described for {reply.status}"]
    body = reply.json if "json" in media_type(reply) else reply.text
    return value_faults(interface(method.path.split("/")[1]), body, declared)


def media_type(reply: Reply) -> str:
    return reply.headers.get("Content-Type", "").partition(";")[0]
