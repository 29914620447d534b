"""Half-open periods in queries: `?from=&to=`, both optional."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tps.api.types import EARLIEST, LATEST, minute_after, moment_json, read_moment
from tps.domain.limit import Interval
from tps.errors import Finding, Malformed

if TYPE_CHECKING:
    from datetime import datetime

    from tps.rest.function import Call

ALWAYS = Interval(EARLIEST, LATEST)
MAX_WINDOW = timedelta(days=31)
_DAY = timedelta(days=1)


def read_period(call: Call, start: str = "from", end: str = "to") -> Interval:
    """Return the period in two query parameters. Without a parameter, the period is open on that side.

    Raises:
        Malformed: `bad_type` for a value that is no time, and for an end that is not after the start.
    """
    return checked_period(_moment(call, start), _moment(call, end), (start, end))


def checked_period(start: datetime | None, end: datetime | None, names: tuple[str, str] = ("from", "to")) -> Interval:
    """Return the period between two times, which may both be open. Raises as `read_period`."""
    period = Interval(start or ALWAYS.start, end or ALWAYS.end)
    if period.end <= period.start:
        raise Malformed("invalid period", [Finding("bad_type", f"/{names[1]}", f"{names[1]} must be after {names[0]}")])
    return period


def drawn_json(window: Interval) -> dict[str, str]:
    """Return the fields of an answer that state its window."""
    return {"from": moment_json(window.start), "to": moment_json(window.end)}


def _moment(call: Call, name: str) -> datetime | None:
    text = call.text(name)
    if text is None:
        return None
    try:
        return read_moment(text.replace(" ", "+"))
    except ValueError as error:
        raise Malformed("invalid time", [Finding("bad_type", f"/{name}", str(error))]) from None


def read_window(call: Call) -> Interval:
    """Return the window of `?from=&to=` in whole minutes.

    Without both parameters, the window is today (UTC). Without one of them, it is one day.

    Raises:
        Malformed: As `read_period`, and `bad_type` at `/to` for more than 31 days.
    """
    start, end = _moment(call, "from"), _moment(call, "to")
    if start is None:
        start = call.now.replace(hour=0, minute=0, second=0, microsecond=0) if end is None else end - _DAY
    period = checked_period(start, start + _DAY if end is None else end)
    if period.end - period.start > MAX_WINDOW:
        detail = f"the period may have at most {MAX_WINDOW.days} days"
        raise Malformed("period too long", [Finding("bad_type", "/to", detail)])
    return Interval(period.start.replace(second=0, microsecond=0), minute_after(period.end))
