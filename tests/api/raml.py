"""RAML 1.0 as far as our files use it: libraries, traits, nested resources, types; and whether a value fits a type.

What is not understood here is an error, not a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

VERBS = ("get", "post", "put", "patch", "delete")
BUILTINS = ("string", "number", "integer", "boolean", "datetime", "object", "array", "nil")
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_ABOUT_A_VALUE = {"type", "description", "displayName", "default", "example", "examples", "properties", "items"}
_FACETS = {"enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as RAML has it: a time is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_raml(path: Path) -> dict[str, Any]:
    """One file; its first line must say that it is RAML 1.0."""
    text = path.read_text()
    assert text.startswith("#%RAML 1.0"), path.name
    loaded: dict[str, Any] = yaml.load(text, _Loader)
    return loaded


@dataclass(frozen=True)
class Method:
    """One verb on one path, with its traits and its security scheme merged in.

    `path` is absolute, placeholders as `{name}`.
    """

    verb: str
    path: str
    is_open: bool
    declared: Mapping[str, Any]

    def named(self, kind: str) -> dict[str, Any]:
        """Query parameters or headers by name; the mark of optional ones taken off."""
        return {name.removesuffix("?"): given for name, given in self.declared.get(kind, {}).items()}

    @property
    def body(self) -> Any:
        return self.declared.get("body")

    @property
    def responses(self) -> Mapping[int, Any]:
        responses: Mapping[int, Any] = self.declared["responses"]
        return responses

    def answer_type(self, status: int, media_type: str) -> Any:
        """Type of an answer; None if there is none of that media type."""
        body = (self.responses[status] or {}).get("body")
        if isinstance(body, dict) and all("/" in name for name in body):
            return body.get(media_type)
        return body if media_type == "application/json" else None


@dataclass(frozen=True)
class Raml:
    """An interface: its methods and the types of its library."""

    methods: tuple[Method, ...]
    types: Mapping[str, Any]

    def method(self, verb: str, path: str) -> Method:
        (found,) = (each for each in self.methods if (each.verb, each.path) == (verb, path))
        return found

    def faults(self, value: Any, declared: Any) -> list[str]:
        """In what a value does not fit a type: `pointer: what`; empty if it does."""
        return list(Check(self.types).faults(value, declared, ""))


def load(path: Path) -> Raml:
    """An interface with the library that it uses."""
    api = read_raml(path)
    ((alias, library_name),) = api["uses"].items()
    library = read_raml(path.with_name(library_name))
    base = "/" + api["baseUri"].replace("{version}", api["version"]).split("/", 3)[3]
    reader = _Reader(library, alias, tuple(api["securedBy"]))
    return Raml(tuple(reader.methods(api, base)), {f"{alias}.{name}": each for name, each in library["types"].items()})


@dataclass(frozen=True)
class _Reader:
    library: Mapping[str, Any]
    alias: str
    secured_by: tuple[str, ...]

    def methods(self, resource: Mapping[str, Any], path: str) -> Iterator[Method]:
        """Those of a resource and of all below it."""
        for name, below in resource.items():
            if name in VERBS:
                yield self._method(name.upper(), path, below)
            if name.startswith("/"):
                yield from self.methods(below, path + name)

    def _method(self, verb: str, path: str, given: Mapping[str, Any]) -> Method:
        schemes = given.get("securedBy", self.secured_by)
        declared: dict[str, Any] = {}
        for trait in given.get("is", ()):
            declared = merge(declared, self._own(self.library["traits"][trait.removeprefix(f"{self.alias}.")]))
        for scheme in filter(None, schemes):
            found = self.library["securitySchemes"][scheme.removeprefix(f"{self.alias}.")]
            declared = merge(declared, self._own(found["describedBy"]))
        return Method(verb, path, schemes == [None], merge(declared, given))

    def _own(self, part: Any) -> Any:
        """What a library says, with the names of its types as its user calls them."""
        if isinstance(part, dict):
            return {name: self._named(each) if name == "type" else self._own(each) for name, each in part.items()}
        return part

    def _named(self, expression: str) -> str:
        return qualified(expression, self.alias)


def qualified(expression: str, alias: str) -> str:
    """A type expression with an alias before each name that is not built in."""
    return re.sub(r"[A-Za-z]\w*", lambda hit: hit[0] if hit[0] in BUILTINS else f"{alias}.{hit[0]}", expression)


def merge(first: Any, second: Any) -> Any:
    """Two declarations as one; of what both say, the second's."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return deepcopy(second)
    both = {name: merge(first[name], second[name]) for name in first.keys() & second.keys()}
    return {**deepcopy(first), **deepcopy(second), **both}


@dataclass
class Check:
    """Whether values fit types. `seen` collects the values of each named type."""

    types: Mapping[str, Any]
    seen: list[tuple[str, Any]] = field(default_factory=list)

    def faults(self, value: Any, declared: Any, pointer: str) -> Iterator[str]:
        if isinstance(declared, str):
            yield from self._expression(value, declared.strip(), pointer)
            return
        unknown = declared.keys() - _ABOUT_A_VALUE - _FACETS - {"additionalProperties"}
        assert not unknown, f"not understood: {unknown}"
        base = declared.get("type", "object" if "properties" in declared else "string")
        before = list(self.faults(value, base, pointer))
        yield from before
        if not before and value is not None:
            yield from self._facets(value, declared, pointer)

    def _expression(self, value: Any, expression: str, pointer: str) -> Iterator[str]:
        if "|" in _outside_parentheses(expression):
            choices = [list(self.faults(value, each, pointer)) for each in _choices(expression)]
            if all(choices):
                yield from min(choices, key=len)
        elif expression.endswith("[]"):
            yield from self._each(value, expression.removesuffix("[]"), pointer)
        elif expression.startswith("("):
            yield from self._expression(value, expression[1:-1].strip(), pointer)
        elif expression in BUILTINS:
            if not _is_a(expression, value):
                yield f"{pointer}: no {expression}: {value!r}"
        else:
            yield from self._named(value, expression, pointer)

    def _named(self, value: Any, name: str, pointer: str) -> Iterator[str]:
        full = name if name in self.types else f"tps.{name}"
        assert full in self.types, f"no type {name}"
        self.seen.append((full, value))
        yield from self.faults(value, self.types[full], pointer)

    def _each(self, value: Any, items: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{pointer}: no array: {value!r}"
            return
        for index, each in enumerate(value):
            yield from self.faults(each, items, f"{pointer}/{index}")

    def _facets(self, value: Any, declared: Mapping[str, Any], pointer: str) -> Iterator[str]:
        if "items" in declared:
            yield from self._each(value, declared["items"], pointer)
        if "properties" in declared:
            yield from self._properties(value, declared["properties"], pointer)
        yield from (
            f"{pointer}: {name} of {value!r}"
            for name in _FACETS & declared.keys()
            if _breaks(value, name, declared[name])
        )

    def _properties(self, value: Mapping[str, Any], properties: Mapping[str, Any], pointer: str) -> Iterator[str]:
        """Unknown names are faults even of open types: what we answer, we describe."""
        known = {name.removesuffix("?"): declared for name, declared in properties.items()}
        needed = {name for name in properties if not name.endswith("?")}
        yield from (f"{pointer}/{name}: missing" for name in sorted(needed - value.keys()))
        yield from (f"{pointer}/{name}: not described" for name in sorted(value.keys() - known.keys()))
        for name in known.keys() & value.keys():
            yield from self.faults(value[name], known[name], f"{pointer}/{name}")


def _is_a(builtin: str, value: Any) -> bool:
    match builtin:
        case "number":
            return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "datetime":
            return isinstance(value, str) and bool(_RFC3339.fullmatch(value)) and bool(datetime.fromisoformat(value))
        case "nil":
            return value is None
    kinds: dict[str, type] = {"string": str, "boolean": bool, "object": dict, "array": list}
    return isinstance(value, kinds[builtin])


def _breaks(value: Any, facet: str, bound: Any) -> bool:
    match facet:
        case "enum":
            return value not in bound
        case "pattern":
            return re.search(bound, value) is None
        case "minimum":
            return bool(value < bound)
        case "maximum":
            return bool(value > bound)
        case "minLength" | "minItems":
            return bool(len(value) < bound)
    return bool(len(value) > bound)


def _outside_parentheses(expression: str) -> str:
    return re.sub(r"\([^)]*\)", "", expression)


def _choices(expression: str) -> list[str]:
    return [each.strip() for each in expression.split("|")]
