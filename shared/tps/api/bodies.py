"""Request bodies of the REST interfaces: JSON to typed values, with one finding per invalid field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from tps.errors import Finding, Malformed, TooLarge

SMALL_BODY_BYTES = 1024 * 1024
LIST_BODY_BYTES = 5 * 1024 * 1024
"""Largest body of routes that take ids or intervals: 50,000 ids have at most 4 MB."""
REGISTRATION_BODY_BYTES = 16 * 1024 * 1024
"""Largest body of routes that take assets or connection points: 17,505 assets have 4 MB."""
SCHEDULES_BODY_BYTES = 50 * 1024 * 1024
MAX_ERRORS = 100
MAX_ITEMS = 50_000
# The largest objects have a dozen fields. The largest bodies have one object and one list for each asset.
_MAX_NAMES = 50
_MAX_CONTAINERS = 4 * MAX_ITEMS
_CODES = {"extra_forbidden": "unknown_field", "missing": "missing", "too_short": "missing", "too_long": "too_many"}
_DETAILS = {
    "extra_forbidden": "unknown field",
    "missing": "this field is required",
    "too_short": "at least one entry is required",
    "too_long": "too many entries; send several requests",
}


class Body(BaseModel):
    """Base class of all request bodies: no unknown fields, no implicit conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Model = TypeVar("_Model", bound=Body)
_Item = TypeVar("_Item")


@dataclass(slots=True)
class _Errors:
    """Number of errors that the validation of a body has found so far."""

    count: int = 0


def _until_enough(value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Validate an item of a list, unless enough errors were found: each error costs more than a kilobyte."""
    errors = info.context if isinstance(info.context, _Errors) else _Errors()
    before = errors.count
    if before >= MAX_ERRORS:
        # The body is refused anyway, so the value is never used.
        return value
    try:
        return validate(value)
    except ValidationError as error:
        errors.count = before + error.error_count()
        raise


WHILE_FEW_ERRORS = WrapValidator(_until_enough)
"""Annotation for the items of a list."""
Many = Annotated[list[Annotated[_Item, WHILE_FEW_ERRORS]], Field(max_length=MAX_ITEMS)]
"""A list of items. Validation skips the remaining items after 100 errors."""
Some = Annotated[Many[_Item], Field(min_length=1)]
"""A list with at least one item, otherwise like `Many`."""


def read_body(model: type[_Model], raw: bytes) -> _Model:
    """Return the body of a request as a typed value.

    Raises:
        Malformed: `not_json`, `bad_type`, `unknown_field`, `missing`, `too_many`: one finding per bad field, until 100
            were found; the caller must correct them.
        TooLarge: The body has more objects and lists than any valid body.
    """
    value = parse_json(raw)
    try:
        return model.model_validate(value, context=_Errors())
    except ValidationError as error:
        findings = [_finding(each) for each in error.errors(include_url=False, include_input=False)]
        raise Malformed("invalid request body", findings) from None


def parse_json(raw: bytes) -> Any:
    """Parse JSON, with numbers as int or Decimal. NaN, Infinity and duplicate names are refused.

    Raises:
        Malformed: `not_json`, `unknown_field`.
        TooLarge: The body has more objects and lists than any valid body.
    """
    if raw.count(b"{") + raw.count(b"[") > _MAX_CONTAINERS:
        detail = f"a request body may have at most {_MAX_CONTAINERS} objects and lists; send several requests"
        raise TooLarge(detail, [Finding("too_large", "", detail)])
    try:
        return json.loads(
            raw, parse_float=_number, parse_constant=_refuse_constant, object_pairs_hook=_object_without_repeats
        )
    except (ValueError, RecursionError):
        raise Malformed("the body is not valid JSON", [Finding("not_json", "", "the body is not valid JSON")]) from None


def pointer_of(location: Sequence[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) to a field of a body."""
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
    if len(pairs) > _MAX_NAMES:
        detail = f"an object may have at most {_MAX_NAMES} fields"
        raise Malformed(detail, [Finding("unknown_field", "", detail)])
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("duplicate name")
    return names
