"""The life of a limit: replacement by a revision, ending, and final states.

Source: docs/semantics.md, "Update, cancel, end".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tps.domain.limit import AvailablePower, ForeseenLimit, Interval, LimitKind
from tps.errors import Finding

LAST_REVISION = 999


class LimitStatus(StrEnum):
    """The status of a limit as its last revision stated it. `status_at` turns ACTIVE into EXPIRED by the time."""

    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Standing:
    """The highest known revision of a limit. `ends_at` is aware UTC."""

    revision: int
    kind: LimitKind
    status: LimitStatus
    ends_at: datetime


def full_minute_after(moment: datetime) -> datetime:
    """Return the first full minute after a moment, never the moment itself."""
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)


def status_of_revision(revision: int, end: datetime, created_at: datetime) -> LimitStatus:
    """Return the status of a limit that an active document states: ENDED or ACTIVE.

    A document ends its limit if it is a replacement (revision > 1) whose end is at most the first full minute after
    its creation.
    """
    is_ending = revision > 1 and end <= full_minute_after(created_at)
    return LimitStatus.ENDED if is_ending else LimitStatus.ACTIVE


def status_at(status: LimitStatus, ends_at: datetime, now: datetime) -> LimitStatus:
    """Return a limit's status at `now`. An active limit whose end has passed is expired."""
    is_over = status is LimitStatus.ACTIVE and ends_at <= now
    return LimitStatus.EXPIRED if is_over else status


def is_stale(standing: Standing | None, revision: int) -> bool:
    """Return True if a higher revision is already known. The stale revision is acknowledged (A84) and ignored."""
    return standing is not None and standing.revision > revision


def succession_findings(standing: Standing | None, kind: LimitKind, now: datetime) -> list[Finding]:
    """Return the faults of a higher revision (A59): another kind of limit, or a limit that is no longer active."""
    if standing is None:
        return []
    if standing.kind is not kind:
        return [Finding("A59", "", f"the limit with this id is {standing.kind}; the kind of a limit cannot change")]
    status = status_at(standing.status, standing.ends_at, now)
    if status is LimitStatus.ACTIVE:
        return []
    return [Finding("A59", "", f"the limit is {status} and cannot change; send a new limit with a new id")]


def ended_at(limit: ForeseenLimit, end: datetime) -> tuple[AvailablePower, ...]:
    """Return the remaining intervals of a limit that ends at a moment after its start. The last one is cut."""
    return tuple(
        AvailablePower(Interval(slot.interval.start, min(slot.interval.end, end)), slot.power_kw)
        for slot in limit.available
        if slot.interval.start < end
    )
