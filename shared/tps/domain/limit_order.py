"""The limit that counts when several limits apply to one asset: the order of emergencies and the effective bound.

Source: docs/semantics.md, "Emergencies" (EMG-ORD) and "Limits" (LIM-OVL).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tps.domain.limit import Action, AvailablePower, Direction, Interval

_STRENGTH = {Action.START: 1, Action.HOLD: 2, Action.STOP: 3}


@dataclass(frozen=True, slots=True)
class Emergency:
    """An unforeseen limit in force on one asset. `accepted_at` is aware UTC."""

    action: Action
    direction: Direction
    period: Interval
    accepted_at: datetime


def prevailing(emergencies: Iterable[Emergency], direction: Direction, moment: datetime) -> Emergency | None:
    """Return the emergency that an asset must follow in a direction at a moment, or None.

    An emergency takes precedence over any foreseen limit. A stop takes precedence over a hold, and a hold over a start.
    Of two emergencies with the same action, the later accepted emergency counts.
    """
    directions = (direction, Direction.BOTH)
    standing = [
        emergency
        for emergency in emergencies
        if emergency.direction in directions and emergency.period.start <= moment < emergency.period.end
    ]
    return max(standing, key=lambda emergency: (_STRENGTH[emergency.action], emergency.accepted_at), default=None)


def effective_bound_kw(
    parts: Iterable[Sequence[AvailablePower]],
    emergencies: Iterable[Emergency],
    direction: Direction,
    interval: Interval,
) -> Decimal | None:
    """Return a power that is safe for one asset throughout an interval.

    Args:
        parts: The asset's fair parts, one sequence for each foreseen limit in that direction.
        emergencies: Unforeseen limits on the asset. A STOP that touches the interval makes the bound 0.
        direction: `production` or `consumption`.
        interval: Half-open, aware UTC.

    Returns:
        Power in kW, >= 0. None if no limit applies.
    """
    if any(_stops(emergency, direction, interval) for emergency in emergencies):
        return Decimal(0)
    bounds = [slot.power_kw for part in parts for slot in part if _overlap(slot.interval, interval)]
    return min(bounds, default=None)


@dataclass(frozen=True, slots=True)
class EffectiveBound:
    """The bound on one asset in one direction throughout an interval.

    Attributes:
        power_kw: As in `effective_bound_kw`.
        action: The action of the emergency that the asset must follow, before any foreseen limit. None if there is no
            emergency.
    """

    interval: Interval
    power_kw: Decimal | None
    action: Action | None


def bounds(
    parts: Sequence[Sequence[AvailablePower]], emergencies: Sequence[Emergency], direction: Direction
) -> list[EffectiveBound]:
    """Return the bounds on one asset in one direction, sorted by time. The arguments are those of `effective_bound_kw`.

    Times without a limit have no bound.
    """
    periods = [*(slot.interval for part in parts for slot in part), *(emergency.period for emergency in emergencies)]
    edges = sorted({edge for period in periods for edge in (period.start, period.end)})
    pieces: list[EffectiveBound] = []
    for interval in map(Interval, edges, edges[1:]):
        followed = prevailing(emergencies, direction, interval.start)
        power_kw = effective_bound_kw(parts, emergencies, direction, interval)
        bound = EffectiveBound(interval, power_kw, followed.action if followed else None)
        if pieces and _is_continued(pieces[-1], bound):
            pieces[-1] = replace(bound, interval=Interval(pieces[-1].interval.start, interval.end))
        elif bound.power_kw is not None or bound.action:
            pieces.append(bound)
    return pieces


def _is_continued(before: EffectiveBound, after: EffectiveBound) -> bool:
    is_next = before.interval.end == after.interval.start
    return is_next and (before.power_kw, before.action) == (after.power_kw, after.action)


def _stops(emergency: Emergency, direction: Direction, interval: Interval) -> bool:
    is_meant = emergency.direction in (direction, Direction.BOTH)
    return emergency.action is Action.STOP and is_meant and _overlap(emergency.period, interval)


def _overlap(interval: Interval, other: Interval) -> bool:
    return interval.start < other.end and other.start < interval.end
