"""A day around now that continues: plans, limits, an emergency, new plans of operators, and conflicts.

There are two grids. One operator at a time is greedy: it plans more than its part. All actions use REST.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from math import cos, exp, pi, sin
from typing import TYPE_CHECKING, Any

import httpx2

from tools.story.actor import Dso, Operator, Part, enter_dso, register_points
from tools.story.grid import GridAsset, make_gln, make_gsrn
from tps.client import AvailablePower, ForeseenLimit, Schedule, UnforeseenLimit
from tps.host.settings import Settings
from tps.local import tokens

if TYPE_CHECKING:
    from tools.story.world import World
    from tps.local.embedded.stack import LocalStack

_QUARTER = timedelta(minutes=15)
_LOOKED_AT = timedelta(hours=6)
# Before and after today in UTC, so that yesterday, today and tomorrow are planned in every time zone of Europe.
_PLANNED_BEFORE, _PLANNED_AFTER = timedelta(days=1, hours=3), timedelta(days=3)
_LIMIT_STARTS, _LIMIT_LASTS = timedelta(minutes=15), timedelta(hours=3)
_FAULT_LASTS = timedelta(minutes=30)
_DIVIDED_WITHIN_S, _LOOK_AGAIN_S = 10, 0.2
_WATT_KW = Decimal("0.001")
_GREEDY, _MODEST = Decimal("0.85"), Decimal("0.45")
_ROOM = Decimal("0.6")
_SOUTH = Part("dso", make_gln(9109), "South Grid")
_SOUTH_POINT, _SOUTH_ASSET = 9_210_000_000, 9_310_000_000
# Name, kind, production and consumption in kW, and index of the operator.
_SOUTH_GRID = (
    ("Solar park in the south", "generation", 300, 0, 0),
    ("Bus depot", "ev_charging", 0, 240, 1),
    ("District heating pump", "heat_pump", 0, 160, 2),
    ("Battery at the harbour", "storage", 120, 120, 1),
)


@dataclass
class LivingDay:
    """The day and its parties.

    Attributes:
        greedy: Index of the operator that plans more than its part.
        plans: Id of each operator's schedule document.
        emergency: Id of the stop that is in force.
    """

    stack: LocalStack
    http: httpx2.Client
    world: World
    dso: Dso
    operators: Sequence[Operator]
    say: Callable[[str], None]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    greedy: int = 0
    plans: dict[str, str] = field(default_factory=dict)
    emergency: str = ""

    def begin(self) -> None:
        """Send plans of all operators, and a limit for each grid. The greedy operator's plan conflicts with it."""
        south = enter_dso(self.stack, self.http, _SOUTH)
        register_points(south, self._south)
        for number, operator in enumerate(self.operators):
            operator.client.set_assets(asset.to_asset() for asset in self._hand_south(number))
        self._plan(*range(len(self.operators)))
        self.dso.client.send_limit(self._limit("production", self._maintained))
        south.client.send_limit(self._limit("consumption", [asset for asset in self._south if _consumes(asset)]))
        starts, ends = self._limit_starts, self._limit_starts + _LIMIT_LASTS
        self.say("All operators send plans until the end of the day after tomorrow (UTC), in quarters of an hour.")
        self.say(f"{self.dso.name} and {south.name} each send a limit from {starts:%H:%M} to {ends:%H:%M} UTC.")
        self.say(f"{self._operator.name} plans more than its part.")
        self.tell_conflicts()

    def play(self, key: str) -> None:
        """Play a key. `p`: an operator plans less, and the next operator more. `e`: start or end an emergency."""
        if key == "p":
            self._plan_anew()
        elif key == "e":
            self._stop_or_release()

    def tell_conflicts(self, limit_id: str = "") -> None:
        """Print the conflicts that the platform operator sees; wait for the conflicts of this limit for a while."""
        deadline = time.monotonic() + _DIVIDED_WITHIN_S
        conflicts = self._conflicts()
        while limit_id and not any(c["limit_id"] == limit_id for c in conflicts) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_S)
            conflicts = self._conflicts()
        known = [conflict for conflict in conflicts if conflict["kind"] != "unknown"]
        self.say(f"The platform operator sees {len(known)} conflict{'' if len(known) == 1 else 's'}.")
        for conflict in known[:8]:
            peak = f"up to {conflict['peak_excess_kw']:g} kW, {_times(conflict)}"
            self.say(f"  {conflict['name']:14} {_KINDS[conflict['kind']]} {peak}")

    def _plan_anew(self) -> None:
        before = self.greedy
        self.greedy = (before + 1) % len(self.operators)
        self._plan(before, self.greedy)
        self.say(f"{self.operators[before].name} plans less, {self._operator.name} plans more than its part.")
        self.tell_conflicts()

    def _stop_or_release(self) -> None:
        if self.emergency:
            self.dso.client.end_limit(self.emergency, "unforeseen")
            self.emergency = ""
            self.say(f"After the repair, {self.dso.name} ends the stop at the next full minute.")
            return
        end = datetime.now(UTC).replace(second=0, microsecond=0) + _FAULT_LASTS
        ids = tuple(asset.id for asset in self.world.assets if self.world.is_faulty(asset.section))
        self.emergency = self.dso.client.send_limit(UnforeseenLimit("stop", end, asset_ids=ids)).id
        self.say(f"Emergency: {self.dso.name} stops {len(ids)} assets on {self.world.faulty} until {end:%H:%M} UTC.")
        self.tell_conflicts(self.emergency)

    def _plan(self, *numbers: int) -> None:
        for number in numbers:
            operator = self.operators[number]
            schedules = [self._schedule(asset, number) for asset in self._planning(number)]
            if operator.code in self.plans:
                operator.client.update_schedules(self.plans[operator.code], schedules)
            else:
                self.plans[operator.code] = operator.client.send_schedules(schedules).id

    def _planning(self, number: int) -> list[GridAsset]:
        """Return the operator's assets without the last one, whose plan stays unknown."""
        return [*self.world.hands[number][:-1], *self._hand_south(number)]

    def _schedule(self, asset: GridAsset, number: int) -> Schedule:
        today = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        count = (_PLANNED_BEFORE + _PLANNED_AFTER) // _QUARTER
        moments = [today - _PLANNED_BEFORE + index * _QUARTER for index in range(count)]
        return Schedule(asset.id, moments[0], tuple(self._power_kw(asset, number, moment) for moment in moments))

    def _power_kw(self, asset: GridAsset, number: int, moment: datetime) -> Decimal:
        is_limited = self._limit_starts <= moment < self._limit_starts + _LIMIT_LASTS
        share = Decimal(str(round(_SHAPES[asset.kind](moment.hour + moment.minute / 60) * _weather(asset, moment), 3)))
        if is_limited and (asset in self._maintained or (asset in self._south and asset.kind != "storage")):
            share = (_GREEDY if number == self.greedy else _MODEST) * (1 if asset.max_production_kw else -1)
        maximum_kw = asset.max_production_kw if share > 0 else asset.max_consumption_kw
        return (share * (maximum_kw or 0)).quantize(_WATT_KW, ROUND_DOWN)

    def _limit(self, direction: Any, assets: Sequence[GridAsset]) -> ForeseenLimit:
        maxima = [
            asset.max_production_kw if direction == "production" else asset.max_consumption_kw for asset in assets
        ]
        power_kw = (sum((maximum or Decimal(0) for maximum in maxima), Decimal(0)) * _ROOM).quantize(_WATT_KW)
        slot = AvailablePower(self._limit_starts, self._limit_starts + _LIMIT_LASTS, power_kw)
        return ForeseenLimit(direction, (slot,), asset_ids=tuple(asset.id for asset in assets))

    def _conflicts(self) -> list[dict[str, Any]]:
        code = Settings.from_env(self.stack.environment()).platform_party
        headers = {"Authorization": f"Bearer {tokens.issue(self.stack, code)}"}
        window = f"from={self.now:%Y-%m-%dT%H:%M:00Z}&to={self.now + _LOOKED_AT:%Y-%m-%dT%H:%M:00Z}"
        answer = self.http.get(f"{self.stack.gateway_url}/tps/v1/conflicts?{window}", headers=headers, timeout=30)
        conflicts: list[dict[str, Any]] = answer.raise_for_status().json()["conflicts"]
        return conflicts

    @property
    def _operator(self) -> Operator:
        return self.operators[self.greedy]

    @property
    def _limit_starts(self) -> datetime:
        """Return the start of the limits: the first quarter of an hour that is at least 15 minutes ahead."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        return hour + ((self.now - hour) // _QUARTER + 1) * _QUARTER + _LIMIT_STARTS

    @property
    def _maintained(self) -> list[GridAsset]:
        assets = self.world.assets
        return [asset for asset in assets if self.world.is_maintained(asset.section) and asset.max_production_kw]

    @property
    def _south(self) -> list[GridAsset]:
        return [asset for number in range(len(self.operators)) for asset in self._hand_south(number)]

    @staticmethod
    def _hand_south(operator: int) -> list[GridAsset]:
        return [
            GridAsset(
                make_gsrn(_SOUTH_ASSET + number),
                make_gsrn(_SOUTH_POINT + number),
                kind,
                "S1",
                Decimal(production_kw) or None,
                Decimal(consumption_kw) or None,
                name,
            )
            for number, (name, kind, production_kw, consumption_kw, holder) in enumerate(_SOUTH_GRID)
            if holder == operator
        ]


def _bump(hour: float, at: float, width: float) -> float:
    distance = min(abs(hour - at), 24 - abs(hour - at))
    return exp(-((distance / width) ** 2))


def _weather(asset: GridAsset, moment: datetime) -> float:
    """Return a slowly changing factor from 0.8 to 1.2, different for each asset and day."""
    hours, phase = moment.timestamp() / 3600, int(asset.id[-6:])
    return 1 + 0.12 * sin(hours / 2.3 + phase) + 0.08 * sin(hours / 0.9 + 2 * phase)


# The planned share of an asset's maximum by hour (UTC): production positive, consumption negative.
_SHAPES: dict[str, Callable[[float], float]] = {
    "generation": lambda hour: 0.35 + 0.3 * _bump(hour, 11, 4),
    "load": lambda hour: -0.4 - 0.2 * _bump(hour, 14, 4),
    "storage": lambda hour: 0.7 * _bump(hour, 18, 2) - 0.6 * _bump(hour, 3, 2.5),
    "ev_charging": lambda hour: -0.1 - 0.6 * _bump(hour, 19, 3),
    "heat_pump": lambda hour: -0.4 - 0.2 * cos((hour - 4) * pi / 12),
    "other": lambda _hour: 0.0,
}
_KINDS = {
    "over_part": "exceeds its part by",
    "planned_under_stop": "plans power during a stop:",
    "short_of_start": "plans too little during a start:",
    "step_under_hold": "changes power during a hold by",
}


def _consumes(asset: GridAsset) -> bool:
    return asset.max_consumption_kw is not None and asset.max_production_kw is None


def _times(conflict: dict[str, Any]) -> str:
    return f"{conflict['start'][11:16]} to {conflict['end'][11:16]}"
