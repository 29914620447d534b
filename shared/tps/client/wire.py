"""Between values and the JSON of the contract: powers are exact, times are aware, both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def exact_kw(power_kw: Decimal | int) -> Decimal:
    """A power as Decimal.

    Raises:
        TypeError: A float, or no number: 0.1 + 0.2 is no whole number of watts.
    """
    if isinstance(power_kw, bool) or not isinstance(power_kw, (Decimal, int)):
        raise TypeError(f"a power in kW is a Decimal or an int, not a {type(power_kw).__name__}")
    return Decimal(power_kw)


def optional_kw(power_kw: Decimal | int | None) -> Decimal | None:
    return None if power_kw is None else exact_kw(power_kw)


def aware(moment: datetime) -> datetime:
    """The moment in UTC.

    Raises:
        ValueError: The time has no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError("a time needs its zone: use datetime(..., tzinfo=...)")
    return moment.astimezone(UTC)


def moment_text(moment: datetime) -> str:
    """RFC 3339, in UTC; raises as `aware`."""
    return aware(moment).isoformat().replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def optional_moment(text: str | None) -> datetime | None:
    return None if text is None else read_moment(text)


def moments(named: Mapping[str, datetime | None]) -> dict[str, Any]:
    """Return the given times as text, without None; raises as `aware`."""
    return {name: moment_text(moment) for name, moment in named.items() if moment is not None}


def read_kw(number: Decimal | int | None) -> Decimal | None:
    return None if number is None else Decimal(number)


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value; an empty tuple is none."""
    return {name: value for name, value in fields.items() if value is not None and value != ()}


def to_json(body: Any) -> bytes:
    """Raises ValueError for a power that is no number."""
    return json.dumps(body, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(content: bytes) -> Any:
    """Numbers with a fraction come as Decimal; raises ValueError if it is no JSON."""
    return json.loads(content, parse_float=Decimal)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        is_whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if is_whole else float(value)
    if isinstance(value, datetime):
        return moment_text(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")
