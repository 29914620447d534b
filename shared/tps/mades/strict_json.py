"""Reading JSON that a stranger wrote: no duplicate fields, no unknown ones, no bombs of nesting."""

import json
from typing import Any

from tps.mades.states import refusal


def read_object(data: bytes | str, what: str) -> dict[str, Any]:
    """The fields of a JSON object.

    Raises:
        MessageRefused: `malformed`: no JSON, no object, a field twice, nested beyond reason, or not UTF-8.
    """
    try:
        value = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise refusal("malformed", f"{what} is not JSON as we read it") from error
    if not isinstance(value, dict):
        raise refusal("malformed", f"{what} is no JSON object")
    return value


def check_fields(value: dict[str, Any], what: str, *, needed: frozenset[str], allowed: frozenset[str]) -> None:
    """Refuse as malformed an object that lacks a needed field or has one that is neither needed nor allowed."""
    if not needed <= value.keys() <= needed | allowed:
        raise refusal("malformed", f"{what} lacks a field or has one that is not known")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a field stands twice")
    return value
