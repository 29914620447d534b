"""A conflict over time, for charts. Plan and part appear as stated, without quarter-hour means.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tps.domain.demand import Bound, Demand, PlannedAsset, is_ceiling, planned_of, reference_of, unknown_of
from tps.domain.steps import Steps, summed


@dataclass(frozen=True, slots=True)
class Curve:
    """Sums over the assets throughout one interval, in watts >= 0.

    Attributes:
        planned_assets: Number of assets with a plan. 0 means that the power is unknown.
        planned: Planned power in the demand's direction, also when the demand requires nothing.
        asked: 1 where the demand has a bound, else 0.
        part: Power that the demand leaves to the assets, or requires of the planned assets. 0 where there is no bound.
        unknown: Power that assets without a plan may add where the demand has a bound.
    """

    planned_assets: Steps
    planned: Steps
    asked: Steps
    part: Steps
    unknown: Steps


def curve_of(demand: Demand, assets: Sequence[PlannedAsset], start_s: int, end_s: int) -> Curve:
    """Return the plans of a set of assets and the demand on the set as curves over an interval."""
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
