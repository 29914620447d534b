"""A day for the pages: a grid, two operators with plans, and a limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_schedule

DATE = "2099-04-10"
# In Copenhagen: 08:00, in summer time.
STARTS = "2099-04-10T06:00:00Z"


@dataclass(frozen=True)
class Day:
    """North's grid with an asset of Alpha (600 kW) and one of Beta (400 kW), each planned, in a limit of 500 kW."""

    world: World
    north: Member
    alpha: Member
    beta: Member
    alphas_asset: str
    betas_asset: str
    alphas_plan: str
    limit: str

    @property
    def link(self) -> str:
        """The parameters of a view's link for this day."""
        return f"dso={self.north.code}&day={DATE}"

    def plan(self, power_kw: float) -> None:
        """Replace Alpha's plan: this power from 08:00 to 16:00."""
        body = {"schedules": [make_schedule(self.alphas_asset, *[power_kw] * 32)]}
        self.alpha.done("PUT", f"/operational-schedules/{self.alphas_plan}", body)

    def stop(self) -> str:
        """Let North stop Alpha's asset for 15 minutes from now, and return the id of the limit."""
        until = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=15)
        stop: dict[str, Any] = {"asset_ids": [self.alphas_asset], "action": "stop", "expected_end": until.isoformat()}
        return str(self.north.send_unforeseen(stop)["id"])


def make_day(world: World) -> Day:
    """Onboard the parties and register everything; return when the platform has all data."""
    north, alpha, beta = (
        world.dso("Harbour Grid"),
        world.operator("Alpha Energy"),
        world.operator("Beta Balance", "brp"),
    )
    points = [fresh_gsrn(), fresh_gsrn()]
    north.register_points(*points)
    owned = [make_asset(points[0]), make_asset(points[1], max_production_kw=400)]
    alpha.register_assets(owned[0])
    beta.register_assets(owned[1])
    ids = [asset["id"] for asset in owned]
    eventually(lambda: {asset["id"] for asset in north.done("GET", "/flexibility-assets")["assets"]} >= set(ids))
    plan = alpha.send_schedules(make_schedule(ids[0], *[200] * 32))
    beta.send_schedules(make_schedule(ids[1], *[150] * 32))
    limit = north.send_foreseen(make_foreseen(ids, reason={"code": "B19", "text": "Maintenance of station 17"}))
    eventually(alpha.active_limits)
    return Day(world, north, alpha, beta, *ids, alphas_plan=plan["id"], limit=limit["id"])
