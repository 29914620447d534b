"""The OpenAPI documents and pages say what the RAML says, are valid, and need nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.api.interfaces import FOLDER, GROUPS, interface
from tests.api.values import faults
from tps.local.rendering.contract import contract_files, page, prose
from tps.local.rendering.openapi import openapi
from tps.local.rendering.raml import Raml

each_group = pytest.mark.parametrize("group", GROUPS)


def rendered(group: str) -> dict[str, Any]:
    api: dict[str, Any] = json.loads((FOLDER / "rendered" / f"{group}.openapi.json").read_text())
    return api


def schema_of(group: str, name: str) -> dict[str, Any]:
    return {**rendered(group), "$ref": f"#/components/schemas/{name}"}


def test_what_is_rendered_is_what_the_raml_says() -> None:
    files = {path.name: path.read_text() for path in (FOLDER / "rendered").iterdir()}

    assert files == contract_files(), "run ./tps render"


@each_group
def test_every_method_with_its_answers_and_parameters_is_in_the_openapi(group: str) -> None:
    api, raml = rendered(group), interface(group)

    for method in raml.methods:
        operation = api["paths"][method.path.removeprefix(raml.base)][method.verb.lower()]
        named = {(each["in"], each["name"]) for each in operation["parameters"]}
        assert operation["responses"].keys() == {str(status) for status in method.responses}
        assert {name for place, name in named if place == "query"} == set(method.named("queryParameters"))
        assert {name for place, name in named if place == "path"} == set(method.places)
        assert ("requestBody" in operation) == (method.body is not None)
        assert (operation.get("security") == []) == method.is_open
    assert sum(len(verbs) for verbs in api["paths"].values()) == len(raml.methods)


@each_group
def test_names_of_operations_are_unique(group: str) -> None:
    names = [each["operationId"] for verbs in rendered(group)["paths"].values() for each in verbs.values()]

    assert len(set(names)) == len(names)


@each_group
def test_every_schema_is_a_schema_whose_examples_fit_and_that_leads_somewhere(group: str) -> None:
    schemas = rendered(group)["components"]["schemas"]

    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema_of(group, name))
        assert [list(validator.iter_errors(each)) for each in schema["examples"]] == [[]] * len(schema["examples"])
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(rendered(group))))
    assert referred == schemas.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Asset", {"id": "571313190000000011"}),
        ("Asset", {"id": "571313190000000011", "connection_point_id": "T17", "operator": "x"}),
        ("Asset", {"id": "571313190000000011", "connection_point_id": "T17", "kind": "reactor"}),
        ("Asset", {"id": "571313190000000011", "connection_point_id": "T17", "max_production_kw": -1}),
        ("AssetPatch", {"id": None}),
        ("Assets", {"assets": []}),
        ("Assets", {"assets": {}}),
        ("Problem", {"type": "urn:tps:problem:not-found", "title": "x", "status": 200, "detail": "x"}),
        ("Problem", {"type": "urn:tps:problem:NotFound", "title": "x", "status": 404, "detail": "x"}),
    ],
)
def test_what_the_raml_refuses_the_schema_refuses(name: str, value: Any) -> None:
    assert faults(interface("agr"), value, name)
    assert not Draft202012Validator(schema_of("agr", name)).is_valid(value)


def test_choices_lists_and_null_come_over() -> None:
    types = {
        "tps.A": {"type": "string", "example": "a"},
        "tps.B": {"properties": {"list": "(A | nil)[]", "one?": {"type": "A | nil", "description": "Or not."}}},
    }
    schemas = openapi(Raml("T", "", "/x/v1", (_method("tps.B"),), types))["components"]["schemas"]

    a = {"$ref": "#/components/schemas/A"}
    assert schemas["B"]["properties"]["list"] == {"type": "array", "items": {"anyOf": [a, {"type": "null"}]}}
    assert schemas["B"]["properties"]["one"] == {"anyOf": [a, {"type": "null"}], "description": "Or not."}
    assert schemas["B"]["required"] == ["list"]


def _method(body: str) -> Any:
    from tps.local.rendering.raml import Method

    return Method("POST", "/x/v1/things", {}, False, {"body": body, "responses": {200: None}})


class Links(HTMLParser):
    """What a page points at, and what can be pointed at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def all(self, name: str) -> set[str]:
        return {value for each, value in self.attributes if each == name}


@each_group
def test_a_page_needs_nothing_from_elsewhere_and_its_links_lead_somewhere(group: str) -> None:
    text = (FOLDER / "rendered" / f"{group}.html").read_text()
    links = Links(text)
    inner = {link[1:] for link in links.all("href") if link.startswith("#")}
    files = {f"/{group}/v1/api/{name}" for name in (f"{group}.raml", "types.raml", "openapi.json")}

    assert not links.tags & {"script", "link", "img", "iframe", "object", "form", "svg"}
    assert not {name for name, _ in links.attributes} & {"src", "style", "srcset", "action"}
    assert links.all("href") - {f"#{each}" for each in inner} == files
    assert inner - links.all("id") == set()
    assert "url(" not in text
    assert "@import" not in text


@each_group
def test_a_page_shows_every_route_and_type(group: str) -> None:
    ids, api = Links((FOLDER / "rendered" / f"{group}.html").read_text()).all("id"), rendered(group)

    assert {each["operationId"] for verbs in api["paths"].values() for each in verbs.values()} <= ids
    assert {f"type-{name}" for name in api["components"]["schemas"]} <= ids


def test_words_of_the_contract_cannot_become_markup() -> None:
    api = rendered("tps")
    api["info"]["title"] = api["info"]["description"] = "<script>alert(1)</script>"

    assert "<script" not in page(api, "tps")


def test_prose_has_paragraphs_lists_and_code() -> None:
    text = "One `a<b`\nmore.\n\nOf it:\n* first `x`\n* second\n"

    assert prose(text) == (
        "<p>One <code>a&lt;b</code>\nmore.</p>\n<p>Of it:</p><ul><li>first <code>x</code></li><li>second</li></ul>"
    )
    assert prose(None) == ""
