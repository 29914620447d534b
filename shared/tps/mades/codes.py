"""Checks for the form of codes, types and ids in MADES."""

import re
from datetime import datetime, timedelta
from typing import Any

from tps.mades.states import refusal

_CODE = re.compile(r"[A-Za-z0-9@-]{1,60}", re.ASCII)
_TYPE = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", re.ASCII)
MAXIMUM_INTEGER = 2**63 - 1


def _matching(pattern: re.Pattern[str], value: Any, name: str, form: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise refusal("malformed", f"{name} must be {form}")
    return value


def component_code(value: Any, name: str = "component code") -> str:
    """Return the code of a component or party. Refuse any other value as malformed."""
    return _matching(_CODE, value, name, "1 to 60 letters, digits, - or @")


def message_type(value: Any, name: str = "message type") -> str:
    """Return the message type. Refuse any other value as malformed."""
    return _matching(_TYPE, value, name, "1 to 60 letters, digits or -")


def message_id(value: Any, name: str = "message id") -> str:
    """Return the message id. Refuse any other value as malformed."""
    return _matching(_ID, value, name, "32 lower-case hex digits")


def sha256_hex(value: Any, name: str = "SHA-256") -> str:
    """Return the SHA-256. Refuse any other value as malformed."""
    return _matching(_SHA256, value, name, "64 lower-case hex digits")


def free_text(value: Any, name: str, maximum: int) -> str:
    """Return a text of 1 to `maximum` printable characters. Refuse any other value as malformed."""
    if not isinstance(value, str) or not 1 <= len(value) <= maximum or not value.isprintable():
        raise refusal("malformed", f"{name} must have 1 to {maximum} printable characters")
    return value


def count(value: Any, name: str, maximum: int = MAXIMUM_INTEGER) -> int:
    """Return a whole number from 0 to `maximum`. Refuse any other value as malformed."""
    if type(value) is not int or not 0 <= value <= maximum:
        raise refusal("malformed", f"{name} must be a whole number from 0 to {maximum}")
    return value


def aware(value: datetime, name: str) -> datetime:
    """Return a time with an offset. Refuse any other value as malformed."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise refusal("malformed", f"{name} must be a time with an offset")
    return value


def utc_text(at: datetime) -> str:
    """Return a time as `YYYY-MM-DDThh:mm:ss[.ffffff]Z`."""
    return (at - (at.utcoffset() or timedelta())).replace(tzinfo=None).isoformat() + "Z"


def utc_time(value: Any, name: str = "time") -> datetime:
    """Return the time in a text that `utc_text` wrote. Refuse any other value as malformed."""
    text = _matching(_TIME, value, name, "a UTC time such as 2026-04-03T22:00:00Z")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise refusal("malformed", f"{name} is not a valid date and time") from error
