"""The form of codes, types and ids in MADES, checked in one place."""

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


def _matching(pattern: re.Pattern[str], value: Any, name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise refusal("malformed", f"{name} does not have its form")
    return value


def component_code(value: Any, name: str = "component code") -> str:
    """A component's or party's code: letters, digits, `-` and `@`, 1 to 60; else refused as malformed."""
    return _matching(_CODE, value, name)


def message_type(value: Any, name: str = "message type") -> str:
    """A message type: letters, digits and `-`, 1 to 60; else refused as malformed."""
    return _matching(_TYPE, value, name)


def message_id(value: Any, name: str = "message id") -> str:
    """A message id: 32 lower-case hex digits; else refused as malformed."""
    return _matching(_ID, value, name)


def sha256_hex(value: Any, name: str = "SHA-256") -> str:
    """A SHA-256: 64 lower-case hex digits; else refused as malformed."""
    return _matching(_SHA256, value, name)


def free_text(value: Any, name: str, maximum: int) -> str:
    """A text of 1 to `maximum` printable characters; else refused as malformed."""
    if not isinstance(value, str) or not 1 <= len(value) <= maximum or not value.isprintable():
        raise refusal("malformed", f"{name} does not have its form")
    return value


def count(value: Any, name: str, maximum: int = MAXIMUM_INTEGER) -> int:
    """A whole number from 0 to `maximum`; else refused as malformed."""
    if type(value) is not int or not 0 <= value <= maximum:
        raise refusal("malformed", f"{name} is not a whole number within its bounds")
    return value


def aware(value: datetime, name: str) -> datetime:
    """A time with an offset; else refused as malformed."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise refusal("malformed", f"{name} is not a time with an offset")
    return value


def utc_text(at: datetime) -> str:
    """A time as `YYYY-MM-DDThh:mm:ss[.ffffff]Z`."""
    return (at - (at.utcoffset() or timedelta())).replace(tzinfo=None).isoformat() + "Z"


def utc_time(value: Any, name: str = "time") -> datetime:
    """The time in a text as `utc_text` writes it; else refused as malformed."""
    text = _matching(_TIME, value, name)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise refusal("malformed", f"{name} is no time of the calendar") from error
