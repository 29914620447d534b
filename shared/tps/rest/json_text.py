"""JSON output in the form of the contract."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def to_json(body: Any) -> str:
    """Return JSON with power as numbers and times with Z."""
    return json.dumps(body, default=_plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"cannot write {type(value).__name__} as JSON")
