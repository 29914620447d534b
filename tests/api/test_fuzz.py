"""Schemathesis against the running system: whatever is sent, well formed or not, is answered as the contract says.

The same cases each time; with TPS_SLOW_TESTS, many more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.interfaces import FOLDER, GROUPS, interface
from tests.support.world import (
    Member,
    World,
    eventually,
    fresh_gsrn,
    make_asset,
    make_foreseen,
    make_schedule,
    make_stop,
)

IS_SLOW = bool(os.environ.get("TPS_SLOW_TESTS"))
EXAMPLES = 100 if IS_SLOW else 8
METHODS = [(group, method) for group in GROUPS for method in interface(group).methods]
CASES = [
    (group, method.verb, method.path.removeprefix(interface(group).base), mode)
    for group, method in METHODS
    for mode in ("positive", "negative")
    if mode == "positive" or method.body or method.places or method.named("queryParameters")
]
unhurried = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Fuzzed:
    """The interfaces as schemathesis reads them, whoever calls each, and what was answered.

    `known` are values of fields and placeholders that name something that is there.
    """

    apis: dict[str, Any]
    members: dict[str, Member]
    url: str
    known: dict[str, Any]
    session: requests.Session = field(default_factory=requests.Session)
    seen: set[tuple[str, str, str, int]] = field(default_factory=set)

    def ask(self, case: Any, group: str, *, is_about_known_things: bool) -> None:
        """Send a case, without waiting for anything, and hold the answer against the contract."""
        from schemathesis import checks

        if case.path.endswith("/wait") or case.path.endswith("/changes"):
            given = (case.query or {}).get("timeout", 0)
            case.query = {**(case.query or {}), "timeout": 0 if str(given).isdigit() else given}
        if is_about_known_things:
            case.path_parameters = about(case.path_parameters, self.known)
            case.body = about(case.body, self.known)
        headers = {"Authorization": f"Bearer {self.members[group].token}", "Prefer": "wait=1"}
        response = case.call(base_url=f"{self.url}/{group}/v1", session=self.session, headers=headers)
        self.seen.add((group, case.method, case.path, response.status_code))
        case.validate_response(
            response,
            checks=[
                checks.not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
                checks.response_headers_conformance,
            ],
        )


def about(part: Any, known: dict[str, Any]) -> Any:
    """A body or placeholders with names of things that are there, where it names some."""
    if isinstance(part, dict):
        return {name: known.get(name, about(each, known)) for name, each in part.items()}
    return [about(each, known) for each in part] if isinstance(part, list) else part


@pytest.fixture(scope="module")
def fuzzed(world: World) -> Iterator[Fuzzed]:
    """With something in it of each kind, so that there is something to answer; whatever was claimed is let go."""
    import schemathesis

    dso, agr, point = world.dso(), world.operator(), fresh_gsrn()
    dso.register_points(point)
    assets = [make_asset(point) for _ in range(3)]
    agr.register_assets(*assets)
    limit = dso.send_foreseen(make_foreseen([assets[0]["id"]]))
    dso.send_unforeseen(make_stop([assets[1]["id"]]))
    plan = agr.send_schedules(*(make_schedule(asset["id"], 500, 400.5) for asset in assets))
    known = {
        "asset_id": assets[0]["id"],
        "asset_ids": [asset["id"] for asset in assets],
        "connection_point_id": point,
        "connection_point_ids": [point],
        "limit_id": limit["id"],
        "message_id": limit["message_id"],
        "schedule_id": plan["id"],
        "file": "types.raml",
    }
    eventually(lambda: len(agr.active_limits()) == 2)
    eventually(lambda: dso.done("GET", "/operational-schedules")["schedules"])
    code = world.settings.platform_party
    platform = Member(code, "tps", "Trade Permission System", world.token(code, "tps"), world.http)
    apis = {group: schemathesis.openapi.from_path(FOLDER / "rendered" / f"{group}.openapi.json") for group in GROUPS}
    yield Fuzzed(
        apis,
        {"dso": dso, "agr": agr, "tps": platform, "ecp": world.operator()},
        str(world.http.base_url).rstrip("/"),
        known,
    )
    for member, path, name in (
        (agr, "/flexibility-assets", "assets"),
        (dso, "/connection-points", "connection_points"),
    ):
        claimed = [each["id"] for each in member.done("GET", path)[name]]
        if claimed:
            member.done("POST", f"{path}/removal", {"ids": claimed})


@pytest.mark.parametrize(("group", "verb", "path", "mode"), CASES, ids=lambda each: str(each))
def test_whatever_is_sent_is_answered_as_the_contract_says(
    fuzzed: Fuzzed, group: str, verb: str, path: str, mode: str
) -> None:
    from schemathesis import GenerationMode

    operation = fuzzed.apis[group][path][verb]

    @unhurried
    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)), is_about_known_things=st.booleans())
    def ask(case: Any, is_about_known_things: bool) -> None:
        fuzzed.ask(case, group, is_about_known_things=is_about_known_things)

    ask()


def test_the_cases_reached_every_operation_and_many_statuses(fuzzed: Fuzzed) -> None:
    reached = {(group, verb, path) for group, verb, path, _ in fuzzed.seen}

    assert {case[:3] for case in CASES} - reached == set()
    assert {200, 400, 404, 422} <= {status for *_, status in fuzzed.seen}
