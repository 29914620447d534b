"""Parse JSON from untrusted senders: no duplicate fields, no unknown fields, no deep nesting."""

import json
from typing import Any

from tps.mades.states import refusal


def read_object(data: bytes | str, what: str) -> dict[str, Any]:
    """Return the fields of a JSON object.

    Args:
        what: Name of the object, for the error text.

    Raises:
        MessageRefused: `malformed`: not JSON, not an object, a duplicate field, too deep, or not UTF-8.
    """
    try:
        value = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        detail = f"{what} must be JSON in UTF-8 without duplicate fields and without deep nesting"
        raise refusal("malformed", detail) from error
    if not isinstance(value, dict):
        raise refusal("malformed", f"{what} must be a JSON object")
    return value


def check_fields(value: dict[str, Any], what: str, *, needed: frozenset[str], allowed: frozenset[str]) -> None:
    """Refuse as malformed an object with a missing or unknown field."""
    if not needed <= value.keys() <= needed | allowed:
        raise refusal("malformed", f"{what} has a missing or an unknown field")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate field")
    return value
