"""OpenAPI 3.1 made of the RAML: the same routes, types, examples and words, for tools that read no RAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from tps.local.rendering.raml import BUILTINS, Method, Raml

Schema = dict[str, Any]
SCHEMAS = "#/components/schemas/"
_SAME = (
    *("description", "default", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("minItems", "maxItems", "additionalProperties"),
)
_BUILTIN: Mapping[str, Schema] = {
    "datetime": {"type": "string", "format": "date-time"},
    "nil": {"type": "null"},
    **{name: {"type": name} for name in BUILTINS if name not in ("datetime", "nil")},
}
_JSON = "application/json"
# What OpenAPI says by its security schemes.
_SAID_ELSEWHERE = {"Authorization"}


def openapi(raml: Raml) -> dict[str, Any]:
    """The interface as an OpenAPI document; types that no route needs are left out."""
    paths: dict[str, Any] = {}
    for method in raml.methods:
        paths.setdefault(method.path.removeprefix(raml.base), {})[method.verb.lower()] = _operation(method, raml.base)
    schemas = {_bare(name): _schema(declared) for name, declared in raml.types.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": raml.title, "version": raml.base.rpartition("/")[2], "description": raml.description},
        "servers": [{"url": raml.base}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schemas[name] for name in _needed(paths, schemas)},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(method: Method, base: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(method, base),
        "description": method.declared.get("description", ""),
        "parameters": list(_parameters(method)),
    }
    if method.body is not None:
        # What is named in the query of a DELETE needs no body.
        operation["requestBody"] = {"required": method.verb != "DELETE", "content": _content(method.body)}
    operation["responses"] = {str(status): _response(status, each) for status, each in sorted(method.responses.items())}
    return {**operation, "security": []} if method.is_open else operation


def _operation_id(method: Method, base: str) -> str:
    words = method.path.removeprefix(base).replace("{", "").replace("}", "").replace("/", "-").strip("-")
    return f"{method.verb.lower()}-{words}"


def _parameters(method: Method) -> Iterator[dict[str, Any]]:
    for name, declared in method.places.items():
        yield _parameter("path", name, declared)
    for place, kind in (("query", "queryParameters"), ("header", "headers")):
        for name, declared in method.declared.get(kind, {}).items():
            if name not in _SAID_ELSEWHERE:
                yield _parameter(place, name, declared)


def _parameter(place: str, name: str, declared: Any) -> dict[str, Any]:
    schema = _schema(declared)
    described = {"description": schema.pop("description")} if "description" in schema else {}
    return {
        "name": name.removesuffix("?"),
        "in": place,
        "required": not name.endswith("?"),
        **described,
        "schema": schema,
    }


def _response(status: int, declared: Any) -> dict[str, Any]:
    declared = declared or {}
    response: dict[str, Any] = {"description": declared.get("description") or HTTPStatus(status).phrase}
    if "headers" in declared:
        response["headers"] = {name: _header(each) for name, each in declared["headers"].items()}
    if "body" in declared:
        response["content"] = _content(declared["body"])
    return response


def _header(declared: Any) -> dict[str, Any]:
    given = _parameter("header", "", declared)
    return {name: given[name] for name in ("description", "required", "schema") if name in given}


def _content(body: Any) -> dict[str, Any]:
    if isinstance(body, dict) and all("/" in name for name in body):
        return {media_type: _medium(media_type, declared) for media_type, declared in body.items()}
    return {_JSON: {"schema": _schema(body)}}


def _medium(media_type: str, declared: Any) -> dict[str, Any]:
    """Only what a tool reads as JSON or plain text has a schema here."""
    return {"schema": _schema(declared)} if "json" in media_type or media_type.startswith("text/") else {}


def _schema(declared: Any) -> Schema:
    """A RAML type as a JSON schema."""
    if isinstance(declared, str):
        return _expression(declared)
    schema = _expression(declared.get("type", "object" if "properties" in declared else "string"))
    schema |= {name: declared[name] for name in _SAME if name in declared}
    if "items" in declared:
        schema["items"] = _schema(declared["items"])
    if "properties" in declared:
        schema |= _object(declared["properties"])
    if "example" in declared:
        schema["examples"] = [declared["example"]]
    return schema


def _object(properties: Mapping[str, Any]) -> Schema:
    needed = [name for name in properties if not name.endswith("?")]
    schemas = {name.removesuffix("?"): _schema(each) for name, each in properties.items()}
    return {"properties": schemas, **({"required": needed} if needed else {})}


def _expression(text: str) -> Schema:
    """A type expression: a name, `A | B`, `A[]`, in parentheses or not."""
    text = text.strip()
    choices = _choices(text)
    if len(choices) > 1:
        return {"anyOf": [_expression(each) for each in choices]}
    if text.endswith("[]"):
        return {"type": "array", "items": _expression(text.removesuffix("[]"))}
    if text.startswith("("):
        return _expression(text[1:-1])
    return dict(_BUILTIN[text]) if text in _BUILTIN else {"$ref": SCHEMAS + _bare(text)}


def _choices(text: str) -> list[str]:
    """What stands between bars, but for those in parentheses."""
    choices, depth = [""], 0
    for each in text:
        depth += (each == "(") - (each == ")")
        if each == "|" and depth == 0:
            choices.append("")
        else:
            choices[-1] += each
    return choices


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def _needed(paths: Any, schemas: Mapping[str, Schema]) -> list[str]:
    """Names of the schemas that the paths lead to, in the order of the types."""
    needed, ahead = set[str](), set(_references(paths))
    while ahead:
        needed |= ahead
        ahead = {name for each in ahead for name in _references(schemas[each])} - needed
    return [name for name in schemas if name in needed]


def _references(part: Any) -> Iterable[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].removeprefix(SCHEMAS)
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
