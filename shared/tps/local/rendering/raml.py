"""RAML 1.0 as far as our files use it: libraries, traits, security schemes, nested resources, types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

VERBS = ("get", "post", "put", "patch", "delete")
BUILTINS = ("string", "number", "integer", "boolean", "datetime", "object", "array", "nil")
_NAME = re.compile(r"[A-Za-z]\w*")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2 as RAML has it: a time is a text. By the library in C, where there is one."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_raml(path: Path) -> dict[str, Any]:
    """One file; its first line must say that it is RAML 1.0."""
    text = path.read_text()
    if not text.startswith("#%RAML 1.0"):
        raise ValueError(f"{path.name} is no RAML 1.0")
    loaded: dict[str, Any] = yaml.load(text, _Loader)
    return loaded


@dataclass(frozen=True)
class Method:
    """One verb on one path, with its traits and its security scheme merged in.

    Attributes:
        path: Absolute, placeholders as `{name}`.
        places: Types of these placeholders, by name.
        is_open: Needs no token.
    """

    verb: str
    path: str
    places: Mapping[str, Any]
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
    """An interface: what it says of itself, its methods, and the types of its library by their qualified names.

    `base` is the path of all methods, as in `/agr/v1`.
    """

    title: str
    description: str
    base: str
    methods: tuple[Method, ...]
    types: Mapping[str, Any]

    def method(self, verb: str, path: str) -> Method:
        (found,) = (each for each in self.methods if (each.verb, each.path) == (verb, path))
        return found


def load(path: Path) -> Raml:
    """An interface with the library that it uses."""
    api = read_raml(path)
    ((alias, library_name),) = api["uses"].items()
    library = read_raml(path.with_name(library_name))
    base = "/" + api["baseUri"].replace("{version}", api["version"]).split("/", 3)[3]
    reader = _Reader(library, alias, tuple(api["securedBy"]))
    return Raml(
        title=api["title"],
        description=api["description"],
        base=base,
        methods=tuple(reader.methods(api, base, {})),
        types={f"{alias}.{name}": each for name, each in library["types"].items()},
    )


@dataclass(frozen=True)
class _Reader:
    library: Mapping[str, Any]
    alias: str
    secured_by: tuple[str, ...]

    def methods(self, resource: Mapping[str, Any], path: str, above: Mapping[str, Any]) -> Iterator[Method]:
        """Those of a resource and of all below it."""
        places = {**above, **resource.get("uriParameters", {})}
        for name, below in resource.items():
            if name in VERBS:
                is_open, declared = self._declared(below)
                yield Method(name.upper(), path, places, is_open, declared)
            if name.startswith("/"):
                yield from self.methods(below, path + name, places)

    def _declared(self, given: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Whether a method needs no token, and all that is said of it."""
        schemes = given.get("securedBy", self.secured_by)
        declared: dict[str, Any] = {}
        for trait in given.get("is", ()):
            declared = merge(declared, self._own(self.library["traits"][trait.removeprefix(f"{self.alias}.")]))
        for scheme in filter(None, schemes):
            found = self.library["securitySchemes"][scheme.removeprefix(f"{self.alias}.")]
            declared = merge(declared, self._own(found["describedBy"]))
        return schemes == [None], merge(declared, given)

    def _own(self, part: Any) -> Any:
        """What a library says, with the names of its types as its user calls them."""
        if isinstance(part, dict):
            return {name: self._named(each) if name == "type" else self._own(each) for name, each in part.items()}
        return part

    def _named(self, expression: str) -> str:
        return qualified(expression, self.alias)


def qualified(expression: str, alias: str) -> str:
    """A type expression with an alias before each name that is not built in."""
    return _NAME.sub(lambda hit: hit[0] if hit[0] in BUILTINS else f"{alias}.{hit[0]}", expression)


def merge(first: Any, second: Any) -> Any:
    """Two declarations as one; of what both say, the second's."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return deepcopy(second)
    both = {name: merge(first[name], second[name]) for name in first.keys() & second.keys()}
    return {**deepcopy(first), **deepcopy(second), **both}
