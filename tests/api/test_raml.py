"""The RAML files say what the code does: routes, parameters, headers, bodies, bounds, reasons."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.interfaces import (
    FOLDER,
    body_model,
    body_models,
    described,
    interface,
    interfaces,
    known_parameters,
    methods,
    raml_path,
    routes,
)
from tests.api.values import Check, faults
from tps import errors
from tps.api import types
from tps.api.bodies import Body, read_body
from tps.documents.unavailability import REASON_CODES
from tps.domain import asset, limit, power, text
from tps.domain.identifiers import asset_id_findings, party_code_findings, point_id_findings
from tps.domain.registration import check_assets, check_connection_points
from tps.endpoint.message_row import Status
from tps.errors import Finding
from tps.host import http
from tps.host.stack import ROOT
from tps.local.rendering.raml import Method, read_raml
from tps.mades.states import FAILURES, State, shown_to_application
from tps.rest import resources, submission, waiting
from tps.rest.function import Route

TYPES = interface("agr").types
NAMES = sorted(TYPES)


def id_of(each: Route | Method) -> str:
    return f"{each.method if isinstance(each, Route) else each.verb} {each.path}"


# Each a message of its own, so there is no one place to look.
SENDS_SEVERAL = {
    "DELETE /agr/v1/operational-schedules",
    "DELETE /dso/v1/capacity-limits/foreseen",
    "DELETE /dso/v1/capacity-limits/unforeseen",
}


def handler_name(route: Route) -> str:
    """Empty for one that has some of its arguments already."""
    return getattr(route.handler, "__qualname__", "")


BODIES = body_models()
BODY_IDS = [id_of(route) for route, _ in BODIES]


def test_every_route_stands_in_the_raml_and_back() -> None:
    served = sorted((route.method, raml_path(route)) for route in routes())

    assert sorted((method.verb, method.path) for method in methods()) == served


@pytest.mark.parametrize("route", routes(), ids=id_of)
def test_query_parameters_are_those_the_handler_knows(route: Route) -> None:
    assert set(described(route).named("queryParameters")) == known_parameters(route)


@pytest.mark.parametrize("method", methods(), ids=id_of)
def test_no_query_parameter_is_needed(method: Method) -> None:
    assert [name for name in method.declared.get("queryParameters", {}) if not name.endswith("?")] == []


@pytest.mark.parametrize("route", routes(), ids=id_of)
def test_only_an_open_route_needs_no_token(route: Route) -> None:
    method = described(route)

    assert method.is_open == route.is_open
    assert ({401, 403} <= method.responses.keys()) == (not route.is_open)


@pytest.mark.parametrize("route", routes(), ids=id_of)
def test_what_sends_takes_a_key_and_may_be_pending(route: Route) -> None:
    method, is_sending = described(route), handler_name(route).startswith(submission.sending.__name__)

    may_be_pending = is_sending or id_of(route) in SENDS_SEVERAL
    assert ("Idempotency-Key" in method.named("headers")) == may_be_pending
    assert (202 in method.responses) == may_be_pending
    assert not is_sending or {"Prefer", "Authorization"} <= method.named("headers").keys()
    assert not is_sending or "Location" in method.responses[202]["headers"]


def test_every_status_of_the_errors_is_answered_somewhere() -> None:
    """405 is of no method: it is what a path answers to all others."""
    statuses = {error.http_status for error in _leaves(errors.TpsError)} - {405}

    assert {status for method in methods() for status in method.responses if status >= 400} == statuses


@pytest.mark.parametrize("method", methods(), ids=id_of)
def test_every_refusal_is_a_problem(method: Method) -> None:
    refusals = [status for status in method.responses if status >= 400]

    assert all(method.answer_type(each, "application/problem+json") == {"type": "tps.Problem"} for each in refusals)
    assert all("Retry-After" in method.responses[each]["headers"] for each in refusals if each == 503)


@pytest.mark.parametrize("route", routes(), ids=id_of)
def test_a_body_is_described_where_one_is_read(route: Route) -> None:
    method, model = described(route), body_model(route)

    assert (method.body is None) == (model is None)
    assert (415 in method.responses) == (model is not None)


@pytest.mark.parametrize(("route", "model"), BODIES, ids=BODY_IDS)
def test_a_bodys_fields_are_those_of_its_model(route: Route, model: type[Body]) -> None:
    schema = model.model_json_schema()

    assert list(differences(schema, described(route).body, schema.get("$defs", {}), "")) == []


@pytest.mark.parametrize(("route", "model"), BODIES, ids=BODY_IDS)
def test_a_bodys_example_is_read_and_passes_the_rules(route: Route, model: type[Body]) -> None:
    example = TYPES[described(route).body]["example"]

    body = read_body(model, json.dumps(example).encode())

    assert findings_of(body) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_type_has_an_example_that_fits(name: str) -> None:
    example = TYPES[name]["example"]

    assert faults(interface("agr"), example, name) == []


@pytest.mark.parametrize("name", NAMES)
def test_ids_in_examples_have_their_check_digits(name: str) -> None:
    check = Check(TYPES)
    list(check.faults(TYPES[name]["example"], name, ""))
    rules = {"tps.AssetId": asset_id_findings, "tps.PointId": point_id_findings, "tps.PartyCode": party_code_findings}

    found = [finding for kind, value in check.seen if kind in rules for finding in rules[kind](value, "")]

    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_every_type_is_used(name: str) -> None:
    bare = name.removeprefix("tps.")
    said = "".join(
        (FOLDER / each).read_text() for each in ("agr.raml", "dso.raml", "tps.raml", "ecp.raml", "types.raml")
    )

    assert re.search(rf"(?:: |\(|\| )(?:tps\.)?{bare}\b(?!:)", said)


def test_bounds_are_those_of_the_code() -> None:
    of = {name.removeprefix("tps."): declared for name, declared in TYPES.items()}

    assert of["Power"]["maximum"] == power.MAX_POWER_KW
    assert of["AssetId"]["maxLength"] == of["PointId"]["maxLength"] == types.MAX_ID_CHARACTERS
    assert of["Name"]["maxLength"] == text.MAX_NAME_LENGTH
    assert of["Section"]["maxLength"] == text.MAX_LABEL_LENGTH
    assert of["Reason"]["properties"]["text?"]["maxLength"] == text.MAX_REASON_LENGTH
    assert of["Problem"]["properties"]["errors?"]["maxItems"] == http.MAX_ERRORS


def test_enumerations_are_those_of_the_code() -> None:
    enums = {name.removeprefix("tps."): declared.get("enum") for name, declared in TYPES.items()}

    assert enums["AssetKind"] == list(asset.AssetKind)
    assert enums["ClaimState"] == list(asset.ClaimState)
    assert enums["EmergencyDirection"] == list(limit.Direction)
    assert enums["Action"] == list(limit.Action)
    assert enums["Outcome"] == list(Status)
    assert set(enums["MessageState"]) == {shown_to_application(state) for state in State}
    assert set(enums["TraceState"]) == set(State)
    assert TYPES["tps.Reason"]["properties"]["code"]["enum"] == sorted(REASON_CODES)


def test_bounds_of_parameters_and_headers_are_those_of_the_code() -> None:
    traits = read_raml(FOLDER / "types.raml")["traits"]
    ids = interface("agr").method("GET", "/agr/v1/flexibility-assets").named("queryParameters")["id"]

    assert traits["waiting"]["queryParameters"]["timeout?"]["maximum"] == waiting.MAX_WAIT_S
    assert traits["keyed"]["headers"]["Idempotency-Key?"]["maxLength"] == submission.MAX_KEY_CHARACTERS
    assert f"{submission.DEFAULT_WAIT_S} seconds by default, {waiting.MAX_WAIT_S} at most " in " ".join(
        traits["patient"]["headers"]["Prefer?"]["description"].split()
    )
    assert ids["maxItems"] == resources.MAX_QUERY_IDS


def test_every_code_that_is_given_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", TYPES["tps.Code"]["description"]))

    assert set(given_codes()) - explained == set()
    assert explained - set(given_codes()) - {"failed"} == set()


def test_each_interface_says_which_of_its_types_are_answers_and_bodies() -> None:
    """Bodies are closed, as their models are; answers are open, so that fields can be added."""
    bodies = {method.body for each in interfaces() for method in each.methods} - {None}
    answers = {
        declared
        for method in methods()
        for status in (200, 201)
        if status in method.responses and isinstance(declared := method.answer_type(status, "application/json"), str)
    }

    assert all(TYPES[name].get("additionalProperties") is False for name in bodies)
    assert not [name for name in answers & TYPES.keys() if "additionalProperties" in TYPES[name]]


def differences(schema: dict[str, Any], declared: Any, known: dict[str, Any], pointer: str) -> Iterator[str]:
    """In what a model (as JSON schema) and a RAML type differ: names, what is needed, null, and bounds of the model."""
    schema, takes_null = _plain(schema, known)
    base, declares_null = _resolved(declared)
    if declares_null and not takes_null:
        yield f"{pointer}: null is refused"
    if "properties" in schema:
        yield from _object_differences(schema, base, known, pointer)
    elif "items" in schema:
        items = base.get("items") or base["type"].removesuffix("[]")
        if schema.get("minItems") != base.get("minItems"):
            yield f"{pointer}: minItems"
        yield from differences(schema["items"], items, known, f"{pointer}/0")
    else:
        yield from (
            f"{pointer}: {name}"
            for name in ("enum", "minLength", "maxLength")
            if name in schema and schema[name] != base.get(name)
        )
        if _kind(schema) != base.get("type", "string"):
            yield f"{pointer}: {_kind(schema)}, not {base.get('type')}"


def _object_differences(
    schema: dict[str, Any], base: dict[str, Any], known: dict[str, Any], pointer: str
) -> Iterator[str]:
    declared = {name.removesuffix("?"): each for name, each in base["properties"].items()}
    needed = sorted(name for name in base["properties"] if not name.endswith("?"))
    if needed != sorted(schema.get("required", [])):
        yield f"{pointer}: needed are {schema.get('required')}, not {needed}"
    if base.get("additionalProperties") is not schema["additionalProperties"]:
        yield f"{pointer}: closed or open"
    yield from (f"{pointer}/{name}: one side only" for name in declared.keys() ^ schema["properties"].keys())
    for name in declared.keys() & schema["properties"].keys():
        yield from differences(schema["properties"][name], declared[name], known, f"{pointer}/{name}")


def _plain(schema: dict[str, Any], known: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema without references and choices of null; and whether null was one."""
    choices = schema.get("anyOf", [schema])
    first = choices[0]
    if "$ref" in first:
        first = known[first["$ref"].rpartition("/")[2]]
    return first, {"type": "null"} in choices


def _resolved(declared: Any) -> tuple[dict[str, Any], bool]:
    """A RAML type with everything that its base says; and whether it takes null."""
    given = {"type": declared} if isinstance(declared, str) else dict(declared)
    expression = given.get("type", "object" if "properties" in given else "string")
    takes_null = expression.endswith("| nil")
    expression = expression.removesuffix("| nil").strip()
    name = expression if expression in TYPES else f"tps.{expression}"
    if name not in TYPES:
        return {**given, "type": expression}, takes_null
    base, _ = _resolved(TYPES[name])
    return {**base, **given, "type": base["type"]}, takes_null


def _kind(schema: dict[str, Any]) -> str:
    return "datetime" if schema.get("format") == "date-time" else str(schema["type"])


def findings_of(body: Any) -> list[Finding]:
    """What the rules say of a body that has its form; examples lie in 2099."""
    now = types.read_moment("2026-04-10T08:00:00Z")
    match body:
        case types.AssetsBody():
            return check_assets([each.to_domain() for each in body.assets])
        case types.PointsBody():
            return check_connection_points([each.to_domain() for each in body.connection_points])
        case types.ForeseenBody():
            return limit.check_foreseen(body.to_domain(), now)
        case types.UnforeseenBody():
            return limit.check_unforeseen(body.to_domain(now), now)
    return []


def given_codes() -> Iterator[str]:
    """Codes that the sources give to callers: literals of findings and refusals, and the reasons of MADES."""
    yield from FAILURES
    for folder in (ROOT / "shared" / "tps", ROOT / "functions"):
        for path in folder.rglob("*.py"):
            calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
            yield from (code for call in calls for code in _code_of(call))
    yield from {"bad_type", "missing", "unknown_field"}


def _code_of(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    first = call.args[0] if call.args else None
    if name in ("Finding", "refusal") and isinstance(first, ast.Constant):
        yield str(first.value)


def _leaves(error: type[errors.TpsError]) -> Iterator[type[errors.TpsError]]:
    yield error
    for each in error.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _leaves(each)
