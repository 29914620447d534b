"""The life of a limit: which revision replaces which, when one is an ending, and what nothing may follow.

Source: SEMANTICS, "Update, cancel, end"; STANDARDS section 1.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tps.domain.limit import AvailablePower, ForeseenLimit, Interval, LimitKind
from tps.errors import Finding

LAST_REVISION = 999


class LimitStatus(StrEnum):
    """As a revision was sent; that an active one has expired is judged by the time."""

    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Standing:
    """The highest revision of a limit that is here; `ends_at` is aware UTC."""

    revision: int
    kind: LimitKind
    status: LimitStatus
    ends_at: datetime


def full_minute_after(moment: datetime) -> datetime:
    """The first full minute after a moment, never the moment itself."""
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)


def is_ending(revision: int, end: datetime, created_at: datetime) -> bool:
    """Whether an active document ends its limit: a replacement over by the first full minute after its creation."""
    return revision > 1 and end <= full_minute_after(created_at)


def status_at(status: LimitStatus, ends_at: datetime, now: datetime) -> LimitStatus:
    """What a status is by now: an active limit whose end has come has expired."""
    is_over = status is LimitStatus.ACTIVE and ends_at <= now
    return LimitStatus.EXPIRED if is_over else status


def is_stale(standing: Standing | None, revision: int) -> bool:
    """Whether a higher revision came before: this one is acknowledged (A84) and ignored."""
    return standing is not None and standing.revision > revision


def succession_findings(standing: Standing | None, kind: LimitKind, now: datetime) -> list[Finding]:
    """Why no higher revision may follow what stands: another kind, or a limit that is no more (both A59)."""
    if standing is None:
        return []
    if standing.kind is not kind:
        return [Finding("A59", "", f"the limit of this id is {standing.kind}; a limit keeps its kind")]
    status = status_at(standing.status, standing.ends_at, now)
    if status is LimitStatus.ACTIVE:
        return []
    return [Finding("A59", "", f"the limit is {status}: nothing follows under its id, send a new one")]


def ended_at(limit: ForeseenLimit, end: datetime) -> tuple[AvailablePower, ...]:
    """The intervals of a limit that are left when it ends at a moment after its start, the last one cut."""
    return tuple(
        AvailablePower(Interval(slot.interval.start, min(slot.interval.end, end)), slot.power_kw)
        for slot in limit.available
        if slot.interval.start < end
    )
