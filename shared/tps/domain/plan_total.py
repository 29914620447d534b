"""Totals of many assets' plans as steps: number of planned assets, production and consumption.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tps.domain.steps import Steps, clipped, summed


@dataclass(frozen=True, slots=True)
class PlanTotal:
    """The total over one stretch of time.

    Attributes:
        planned_assets: Number of assets with a plan. 0 means that the power is unknown.
        production_w, consumption_w: Both >= 0. The consumption of one asset does not reduce the production of another.
    """

    planned_assets: Steps
    production_w: Steps
    consumption_w: Steps


def total_of(plans: Iterable[Steps], start_s: int, end_s: int) -> PlanTotal:
    """Return the total of plans.

    Args:
        plans: Each plan belongs to one asset. Production is positive. Plans of the same asset do not overlap.
    """
    parts = [part for plan in plans if (part := clipped(plan, start_s, end_s))]
    return PlanTotal(
        summed((Steps(part.starts_s[:1], (1,), part.end_s) for part in parts), start_s, end_s),
        summed(_produced(parts), start_s, end_s),
        summed(_consumed(parts), start_s, end_s),
    )


def added(totals: Iterable[PlanTotal], start_s: int, end_s: int) -> PlanTotal:
    """Return the sum of totals of different assets, or of different times, in an interval."""
    known = list(totals)
    return PlanTotal(
        summed((total.planned_assets for total in known), start_s, end_s),
        summed((total.production_w for total in known), start_s, end_s),
        summed((total.consumption_w for total in known), start_s, end_s),
    )


def within(total: PlanTotal, start_s: int, end_s: int) -> PlanTotal | None:
    """Return the part of a total in an interval, or None if there is no such part."""
    parts = [
        clipped(steps, start_s, end_s) for steps in (total.planned_assets, total.production_w, total.consumption_w)
    ]
    return PlanTotal(*(part for part in parts if part)) if all(parts) else None


def _produced(parts: Iterable[Steps]) -> Iterator[Steps]:
    for part in parts:
        if min(part.levels_w) >= 0:
            yield part
        elif max(part.levels_w) > 0:
            yield Steps(part.starts_s, [max(0, level_w) for level_w in part.levels_w], part.end_s)


def _consumed(parts: Iterable[Steps]) -> Iterator[Steps]:
    for part in parts:
        if min(part.levels_w) < 0:
            yield Steps(part.starts_s, [max(0, -level_w) for level_w in part.levels_w], part.end_s)
