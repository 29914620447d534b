"""Whether a value fits a RAML type, as far as our files use them.

What is not understood here is an error, not a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tps.local.rendering.raml import BUILTINS, Raml

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_ABOUT_A_VALUE = {"type", "description", "displayName", "default", "example", "examples", "properties", "items"}
_FACETS = {"enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}


def faults(api: Raml, value: Any, declared: Any) -> list[str]:
    """In what a value does not fit a type: `pointer: what`; empty if it does."""
    return list(Check(api.types).faults(value, declared, ""))


@dataclass
class Check:
    """Whether values fit types. `seen` collects the values of each named type."""

    types: Mapping[str, Any]
    seen: list[tuple[str, Any]] = field(default_factory=list)

    def faults(self, value: Any, declared: Any, pointer: str) -> Iterator[str]:
        if isinstance(declared, str):
            yield from self._expression(value, declared.strip(), pointer)
            return
        declared = self._with_inherited(declared)
        unknown = declared.keys() - _ABOUT_A_VALUE - _FACETS - {"additionalProperties"}
        assert not unknown, f"not understood: {unknown}"
        base = declared.get("type", "object" if "properties" in declared else "string")
        before = list(self.faults(value, base, pointer))
        yield from before
        if not before and value is not None:
            yield from self._facets(value, declared, pointer)

    def _with_inherited(self, declared: Mapping[str, Any]) -> Mapping[str, Any]:
        """An object type with the properties of the one that it extends, if it extends one."""
        name = declared.get("type")
        parent = self.types.get(name, self.types.get(f"tps.{name}")) if "properties" in declared else None
        if parent is None:
            return declared
        return {**declared, "type": "object", "properties": {**parent["properties"], **declared["properties"]}}

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
