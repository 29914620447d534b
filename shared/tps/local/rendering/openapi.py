"""OpenAPI 3.1 from RAML: the same routes, types, examples and texts, for tools that do not read RAML."""

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
# OpenAPI describes these headers by its security schemes.
_DESCRIBED_ELSEWHERE = {"Authorization"}


def openapi(raml: Raml) -> dict[str, Any]:
    """Return the interface as an OpenAPI document, without types that no route needs."""
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
        # The query of a DELETE can replace its body.
        operation["requestBody"] = {"required": method.verb != "DELETE", "content": _content(method.body)}
    operation["responses"] = {
        str(status): _response(status, declared) for status, declared in sorted(method.responses.items())
    }
    return {**operation, "security": []} if method.is_open else operation


def _operation_id(method: Method, base: str) -> str:
    words = method.path.removeprefix(base).replace("{", "").replace("}", "").replace("/", "-").strip("-")
    return f"{method.verb.lower()}-{words}"


def _parameters(method: Method) -> Iterator[dict[str, Any]]:
    for name, declared in method.places.items():
        yield _parameter("path", name, declared)
    for place, kind in (("query", "queryParameters"), ("header", "headers")):
        for name, declared in method.declared.get(kind, {}).items():
            if name not in _DESCRIBED_ELSEWHERE:
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
        response["headers"] = {name: _header(header) for name, header in declared["headers"].items()}
    if "body" in declared:
        response["content"] = _content(declared["body"])
    return response


def _header(declared: Any) -> dict[str, Any]:
    parameter = _parameter("header", "", declared)
    return {name: parameter[name] for name in ("description", "required", "schema") if name in parameter}


def _content(body: Any) -> dict[str, Any]:
    if isinstance(body, dict) and all("/" in name for name in body):
        return {media_type: _medium(media_type, declared) for media_type, declared in body.items()}
    return {_JSON: {"schema": _schema(body)}}


def _medium(media_type: str, declared: Any) -> dict[str, Any]:
    """Return a schema for media types that tools read as JSON or plain text."""
    return {"schema": _schema(declared)} if "json" in media_type or media_type.startswith("text/") else {}


def _schema(declared: Any) -> Schema:
    """Return a RAML type as a JSON schema."""
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
    required = [name for name in properties if not name.endswith("?")]
    schemas = {name.removesuffix("?"): _schema(declared) for name, declared in properties.items()}
    return {"properties": schemas, **({"required": required} if required else {})}


def _expression(text: str) -> Schema:
    """Return the schema of a type expression: a name, `A | B`, `A[]`, with or without parentheses."""
    text = text.strip()
    choices = _choices(text)
    if len(choices) > 1:
        return {"anyOf": [_expression(choice) for choice in choices]}
    if text.endswith("[]"):
        return {"type": "array", "items": _expression(text.removesuffix("[]"))}
    if text.startswith("("):
        return _expression(text[1:-1])
    return dict(_BUILTIN[text]) if text in _BUILTIN else {"$ref": SCHEMAS + _bare(text)}


def _choices(text: str) -> list[str]:
    """Return the alternatives between bars; a bar inside parentheses does not separate."""
    choices, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            choices.append("")
        else:
            choices[-1] += character
    return choices


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def _needed(paths: Any, schemas: Mapping[str, Schema]) -> list[str]:
    """Return the names of the schemas that the paths use, in the order of the types."""
    needed, ahead = set[str](), set(_references(paths))
    while ahead:
        needed |= ahead
        ahead = {name for schema in ahead for name in _references(schemas[schema])} - needed
    return [name for name in schemas if name in needed]


def _references(part: Any) -> Iterable[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].removeprefix(SCHEMAS)
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            yield from _references(child)
