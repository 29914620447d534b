"""Conflicts of schedules with limits, as operators and DSOs read their own (F3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tps.client.wire import read_moment


@dataclass(frozen=True, slots=True)
class Excess:
    """Mean values of adjacent quarter hours that are equal: planned, available and excess power.

    During a start, the excess is the missing power up to the assets' maximum; during a hold, the sum of the steps.
    """

    start: datetime
    end: datetime
    planned_kw: Decimal
    available_kw: Decimal
    excess_kw: Decimal

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Excess:
        available = body["part_kw"] if "part_kw" in body else body["available_kw"]
        powers = (Decimal(power_kw) for power_kw in (body["planned_kw"], available, body["excess_kw"]))
        return cls(read_moment(body["start"]), read_moment(body["end"]), *powers)


@dataclass(frozen=True, slots=True)
class PlanConflict:
    """A limit, and the intervals in which schedules conflict with it.

    Attributes:
        kind: `over_part`, `over_limit`, `planned_under_stop`, `short_of_start`, `step_under_hold`; or `unknown`: no
            conflict is known, but assets without a schedule could cause one of at most `unknown_kw`.
        asset_count: Number of contributing assets; `largest_asset_ids` has the five largest contributors.
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
        """False if the conflict depends on assets without a schedule."""
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
            largest_asset_ids=tuple(asset["asset_id"] for asset in body["assets"]["largest"]),
            unknown_kw=Decimal(body["unknown"]["up_to_kw"]),
        )
