"""Plans that do not go with limits, as operators and DSOs read their own (F3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tps.client.wire import read_moment


@dataclass(frozen=True, slots=True)
class Excess:
    """Means of quarters of an hour that are alike: what is planned, what is left to it, and what is too much.

    Under a start the excess is what lacks to the assets' maximum, under a hold the sum of their steps.
    """

    start: datetime
    end: datetime
    planned_kw: Decimal
    available_kw: Decimal
    excess_kw: Decimal

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Excess:
        available = body["part_kw"] if "part_kw" in body else body["available_kw"]
        powers = (Decimal(each) for each in (body["planned_kw"], available, body["excess_kw"]))
        return cls(read_moment(body["start"]), read_moment(body["end"]), *powers)


@dataclass(frozen=True, slots=True)
class PlanConflict:
    """One limit, and where plans do not go with it.

    Attributes:
        kind: `over_part`, `over_limit`, `planned_under_stop`, `short_of_start`, `step_under_hold`; or `unknown`: no
            conflict, but assets without a plan could make one, of `unknown_kw` at most.
        asset_count: Assets that make it; `largest_asset_ids` those that add most, five at most.
    """

    limit_id: str
    kind: str
    start: datetime
    end: datetime
    peak_excess_kw: Decimal
    excess_kwh: Decimal
    intervals: tuple[Excess, ...]
    asset_count: int
    largest_asset_ids: tuple[str, ...]
    unknown_kw: Decimal

    @property
    def is_certain(self) -> bool:
        """False if it depends on what is not planned."""
        return self.kind != "unknown"

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> PlanConflict:
        return cls(
            limit_id=body["limit_id"],
            kind=body["kind"],
            start=read_moment(body["start"]),
            end=read_moment(body["end"]),
            peak_excess_kw=Decimal(body["peak_excess_kw"]),
            excess_kwh=Decimal(body["excess_kwh"]),
            intervals=tuple(map(Excess.from_json, body["intervals"])),
            asset_count=body["assets"]["count"],
            largest_asset_ids=tuple(each["asset_id"] for each in body["assets"]["largest"]),
            unknown_kw=Decimal(body["unknown"]["up_to_kw"]),
        )
