"""What the plans of many assets add up to, as steps: how many plan, what they produce, what they consume (F3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tps.domain.steps import Steps, clipped, summed


@dataclass(frozen=True, slots=True)
class PlanTotal:
    """Over one stretch of time.

    Attributes:
        planned_assets: How many assets have a plan; 0: nothing is known.
        production_w, consumption_w: Both >= 0; one asset's charging takes nothing from another's production.
    """

    planned_assets: Steps
    production_w: Steps
    consumption_w: Steps


def total_of(plans: Iterable[Steps], start_s: int, end_s: int) -> PlanTotal:
    """The total of plans, each of one asset (production positive) and without overlap with others of that asset."""
    parts = [part for plan in plans if (part := clipped(plan, start_s, end_s))]
    return PlanTotal(
        summed((Steps(part.starts_s[:1], (1,), part.end_s) for part in parts), start_s, end_s),
        summed(_produced(parts), start_s, end_s),
        summed(_consumed(parts), start_s, end_s),
    )


def added(totals: Iterable[PlanTotal], start_s: int, end_s: int) -> PlanTotal:
    """The total of totals of different assets, or of different times, in an interval."""
    known = list(totals)
    return PlanTotal(
        summed((total.planned_assets for total in known), start_s, end_s),
        summed((total.production_w for total in known), start_s, end_s),
        summed((total.consumption_w for total in known), start_s, end_s),
    )


def within(total: PlanTotal, start_s: int, end_s: int) -> PlanTotal | None:
    """The part of a total in an interval; None if there is none."""
    parts = [clipped(each, start_s, end_s) for each in (total.planned_assets, total.production_w, total.consumption_w)]
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
