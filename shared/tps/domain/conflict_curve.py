"""A conflict over time, for whoever draws it: plan and part as they are, not as means of a quarter (F3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tps.domain.conflict import Bound, Demand, PlannedAsset, is_ceiling, planned_of, reference_of, unknown_of
from tps.domain.steps import Steps, summed


@dataclass(frozen=True, slots=True)
class Curve:
    """Throughout one interval, summed over assets, in watts >= 0.

    Attributes:
        planned_assets: How many have a plan; 0: nothing is known.
        planned: In the demand's direction, also when nothing is asked.
        asked: 1 where the demand asks something, else 0.
        part: What it leaves them, or asks of those that plan; 0 where nothing is asked.
        unknown: What those without a plan may add where something is asked.
    """

    planned_assets: Steps
    planned: Steps
    asked: Steps
    part: Steps
    unknown: Steps


def curve_of(demand: Demand, assets: Sequence[PlannedAsset], start_s: int, end_s: int) -> Curve:
    """How the plans of a set of assets go with what is asked of it, in an interval."""
    always = replace(demand, bounds=(Bound(start_s, end_s),))

    def total(parts: Iterable[Steps]) -> Steps:
        return summed(parts, start_s, end_s)

    return Curve(
        planned_assets=total(Steps(plan.starts_s[:1], (1,), plan.end_s) for asset in assets for plan in asset.plans),
        planned=total(part for asset in assets for part in planned_of(always, asset)),
        asked=total(Steps((bound.start_s,), (1,), bound.end_s) for bound in demand.bounds),
        part=total(_parts(demand, assets)),
        unknown=total(part for asset in assets for part in unknown_of(demand, asset)),
    )


def _parts(demand: Demand, assets: Sequence[PlannedAsset]) -> Iterable[Steps]:
    if is_ceiling(demand):
        return [Steps((bound.start_s,), (bound.power_w,), bound.end_s) for bound in demand.bounds]
    return [part for asset in assets for part in reference_of(demand, asset)]
