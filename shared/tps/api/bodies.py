"""Bodies of REST calls: JSON to typed values, and everything wrong with them named by field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tps.errors import Finding, Malformed

_CODES = {"extra_forbidden": "unknown_field", "missing": "missing", "too_short": "missing"}
_DETAILS = {
    "extra_forbidden": "unknown field",
    "missing": "this field is required",
    "too_short": "at least one entry is required",
}


class Body(BaseModel):
    """Base of all bodies: no unknown fields, no silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Model = TypeVar("_Model", bound=Body)


def read_body(model: type[_Model], raw: bytes) -> _Model:
    """A call's body as a typed value.

    Raises:
        Malformed: `not_json`, `bad_type`, `unknown_field`, `missing`: one finding per bad field; the caller must
            correct them.
    """
    try:
        return model.model_validate(parse_json(raw))
    except ValidationError as error:
        findings = [_finding(each) for each in error.errors(include_url=False, include_input=False)]
        raise Malformed("invalid request body", findings) from None


def parse_json(raw: bytes) -> Any:
    """JSON with numbers as int or Decimal; NaN, Infinity and duplicate names are no JSON here.

    Raises:
        Malformed: `not_json`.
    """
    try:
        return json.loads(
            raw, parse_float=_number, parse_constant=_refuse_constant, object_pairs_hook=_object_without_repeats
        )
    except (ValueError, RecursionError):
        raise Malformed("the body is not valid JSON", [Finding("not_json", "", "the body is not valid JSON")]) from None


def pointer_of(location: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) to a place in a body."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _finding(error: Any) -> Finding:
    kind = error["type"]
    own_words = str(error["ctx"]["error"]) if kind == "value_error" else error["msg"]
    return Finding(_CODES.get(kind, "bad_type"), pointer_of(error["loc"]), _DETAILS.get(kind, own_words))


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None


def _refuse_constant(_name: str) -> None:
    raise ValueError("not a number")


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("duplicate name")
    return names
