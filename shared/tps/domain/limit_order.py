"""Which of several limits on one asset counts: the order of emergencies, and the effective bound (SEMANTICS)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tps.domain.limit import Action, AvailablePower, Direction, Interval

_STRENGTH = {Action.START: 1, Action.HOLD: 2, Action.STOP: 3}


@dataclass(frozen=True, slots=True)
class Emergency:
    """An unforeseen limit in force on one asset; `accepted_at` is aware UTC."""

    action: Action
    direction: Direction
    period: Interval
    accepted_at: datetime


def prevailing(emergencies: Iterable[Emergency], direction: Direction, moment: datetime) -> Emergency | None:
    """The emergency that an asset follows in a direction at a moment; it goes before any foreseen limit.

    Stop over hold over start; of the same kind the later accepted. None if there is none.
    """
    standing = [
        each
        for each in emergencies
        if each.direction in (direction, Direction.BOTH) and each.period.start <= moment < each.period.end
    ]
    return max(standing, key=lambda each: (_STRENGTH[each.action], each.accepted_at), default=None)


def effective_bound_kw(
    parts: Iterable[Sequence[AvailablePower]],
    emergencies: Iterable[Emergency],
    direction: Direction,
    interval: Interval,
) -> Decimal | None:
    """A power that is safe for one asset throughout an interval, >= 0; None if nothing binds it.

    Args:
        parts: The asset's fair parts, one sequence for each foreseen limit in that direction.
        emergencies: Unforeseen limits on the asset; a STOP that touches the interval makes the bound 0.
        direction: `production` or `consumption`.
        interval: Half-open, aware UTC.
    """
    if any(_stops(each, direction, interval) for each in emergencies):
        return Decimal(0)
    bounds = [slot.power_kw for part in parts for slot in part if _overlap(slot.interval, interval)]
    return min(bounds, default=None)


@dataclass(frozen=True, slots=True)
class Bound:
    """What binds one asset in one direction throughout an interval.

    Attributes:
        power_kw: As `effective_bound_kw`.
        action: Of the emergency that it follows; that goes before any foreseen limit. None if there is none.
    """

    interval: Interval
    power_kw: Decimal | None
    action: Action | None


def bounds(
    parts: Sequence[Sequence[AvailablePower]], emergencies: Sequence[Emergency], direction: Direction
) -> list[Bound]:
    """What binds one asset in one direction, piece by piece, sorted; arguments as of `effective_bound_kw`.

    Where nothing binds it there is no piece.
    """
    periods = [*(slot.interval for part in parts for slot in part), *(each.period for each in emergencies)]
    edges = sorted({edge for period in periods for edge in (period.start, period.end)})
    found: list[Bound] = []
    for interval in map(Interval, edges, edges[1:]):
        followed = prevailing(emergencies, direction, interval.start)
        power_kw = effective_bound_kw(parts, emergencies, direction, interval)
        bound = Bound(interval, power_kw, followed.action if followed else None)
        if found and _is_continued(found[-1], bound):
            found[-1] = replace(bound, interval=Interval(found[-1].interval.start, interval.end))
        elif bound.power_kw is not None or bound.action:
            found.append(bound)
    return found


def _is_continued(before: Bound, after: Bound) -> bool:
    is_next = before.interval.end == after.interval.start
    return is_next and (before.power_kw, before.action) == (after.power_kw, after.action)


def _stops(emergency: Emergency, direction: Direction, interval: Interval) -> bool:
    is_meant = emergency.direction in (direction, Direction.BOTH)
    return emergency.action is Action.STOP and is_meant and _overlap(emergency.period, interval)


def _overlap(one: Interval, other: Interval) -> bool:
    return one.start < other.end and other.start < one.end
