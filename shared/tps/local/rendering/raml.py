"""A reader of RAML 1.0, for the features that our files use: libraries, traits, security schemes, resources, types."""

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
    """Loads YAML as RAML requires: a time is a string. Uses the C library if it is available."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_raml(path: Path) -> dict[str, Any]:
    """Return the content of a file. Its first line must declare RAML 1.0."""
    text = path.read_text()
    if not text.startswith("#%RAML 1.0"):
        raise ValueError(f"{path.name} is not RAML 1.0")
    loaded: dict[str, Any] = yaml.load(text, _Loader)
    return loaded


@dataclass(frozen=True)
class Method:
    """A verb on a path, with its traits and its security scheme merged in.

    Attributes:
        path: Absolute, with placeholders as `{name}`.
        places: Types of these placeholders, by name.
        is_open: True if the method needs no token.
    """

    verb: str
    path: str
    places: Mapping[str, Any]
    is_open: bool
    declared: Mapping[str, Any]

    def named(self, kind: str) -> dict[str, Any]:
        """Return query parameters or headers by name, without the mark of optional names."""
        return {name.removesuffix("?"): declared for name, declared in self.declared.get(kind, {}).items()}

    @property
    def body(self) -> Any:
        return self.declared.get("body")

    @property
    def responses(self) -> Mapping[int, Any]:
        responses: Mapping[int, Any] = self.declared["responses"]
        return responses

    def answer_type(self, status: int, media_type: str) -> Any:
        """Return the type of a response; None if the response has no body of this media type."""
        body = (self.responses[status] or {}).get("body")
        if isinstance(body, dict) and all("/" in name for name in body):
            return body.get(media_type)
        return body if media_type == "application/json" else None


@dataclass(frozen=True)
class Raml:
    """An interface: its description, its methods, and the types of its library by their qualified names.

    `base` is the common path of all methods, such as `/agr/v1`.
    """

    title: str
    description: str
    base: str
    methods: tuple[Method, ...]
    types: Mapping[str, Any]

    def method(self, verb: str, path: str) -> Method:
        (method,) = (known for known in self.methods if (known.verb, known.path) == (verb, path))
        return method


def load(path: Path) -> Raml:
    """Return an interface with the library that it uses."""
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
        types={f"{alias}.{name}": declared for name, declared in library["types"].items()},
    )


@dataclass(frozen=True)
class _Reader:
    library: Mapping[str, Any]
    alias: str
    secured_by: tuple[str, ...]

    def methods(self, resource: Mapping[str, Any], path: str, above: Mapping[str, Any]) -> Iterator[Method]:
        """Yield the methods of a resource and of all resources below it."""
        places = {**above, **resource.get("uriParameters", {})}
        for name, below in resource.items():
            if name in VERBS:
                is_open, declared = self._declared(below)
                yield Method(name.upper(), path, places, is_open, declared)
            if name.startswith("/"):
                yield from self.methods(below, path + name, places)

    def _declared(self, given: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Return whether a method needs no token, and its merged declaration."""
        schemes = given.get("securedBy", self.secured_by)
        declared: dict[str, Any] = {}
        for trait in given.get("is", ()):
            declared = merge(declared, self._own(self.library["traits"][trait.removeprefix(f"{self.alias}.")]))
        for scheme in filter(None, schemes):
            definition = self.library["securitySchemes"][scheme.removeprefix(f"{self.alias}.")]
            declared = merge(declared, self._own(definition["describedBy"]))
        return schemes == [None], merge(declared, given)

    def _own(self, part: Any) -> Any:
        """Return a part of the library with type names as the interface qualifies them."""
        if isinstance(part, dict):
            return {name: self._named(child) if name == "type" else self._own(child) for name, child in part.items()}
        return part

    def _named(self, expression: str) -> str:
        return qualified(expression, self.alias)


def qualified(expression: str, alias: str) -> str:
    """Return a type expression with the alias before each name that is not built in."""
    return _NAME.sub(lambda hit: hit[0] if hit[0] in BUILTINS else f"{alias}.{hit[0]}", expression)


def merge(first: Any, second: Any) -> Any:
    """Return two declarations as one. Where both declare a name, the second wins."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return deepcopy(second)
    both = {name: merge(first[name], second[name]) for name in first.keys() & second.keys()}
    return {**deepcopy(first), **deepcopy(second), **both}
