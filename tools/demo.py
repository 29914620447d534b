"""`./tps demo`: a story on the terminal, played over REST with tokens, as real parties would act.

The story has a maintenance and a fault in a small invented grid (or in a grid of real size), then a day around now that
continues. On a data folder where it already ran, the demo reuses its parties.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

import httpx2

from tools.story.actor import Delivery, Dso, Operator, deliver, enter_dso, enter_operator, open_http, settle_in
from tools.story.day import LivingDay
from tools.story.grid import GridAsset, make_gsrn, points_of, total_kw
from tools.story.keys import ONCE
from tools.story.world import World, small_world
from tps.client import Asset, AvailablePower, ForeseenLimit, Problem, Schedule, UnforeseenLimit
from tps.errors import TpsError

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_SHOWN_ASSETS = 12
_MANY_ASSETS = 1000
_MAINTENANCE_STARTS = timedelta(days=1)
_MAINTENANCE_LASTS = timedelta(hours=4)
_FAULT_LASTS = timedelta(hours=1)
_CHARGER = 9_390_000_000
_CHANGE_WAIT_S = 40
_PLANNED_ASSETS = 100
_PLANNED_PART = Decimal("0.7")
_WATT_KW = Decimal("0.001")


class CallFailedError(TpsError):
    """A call of the story failed."""

    title = "a call failed"


@dataclass(frozen=True, slots=True)
class _Cast:
    """A world with its actors."""

    world: World
    dso: Dso
    operators: tuple[Operator, ...]

    def ids_in(self, listed: Iterable[Asset], is_selected: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the assets of the DSO's list whose connection point is in this part of its grid."""
        sections = points_of(self.world.assets)
        return tuple(asset.id for asset in listed if is_selected(sections[asset.connection_point_id]))


def run(
    stack: LocalStack,
    world: World | None = None,
    *,
    address: Callable[[], str | None] = lambda: None,
    keys: Callable[[], Iterable[str]] = lambda: ONCE,
) -> None:
    """Play the story on a running stack, then continue the day key by key.

    Args:
        address: Returns the address of the GUI, or None.
        keys: Yields pressed keys for `LivingDay.play`; other keys are ignored.

    Raises:
        CallFailedError: A call failed.
        NotReachedError: An operator did not receive a limit in time.
    """
    with open_http() as http:
        try:
            cast = _play(stack, http, world or small_world())
            _live(stack, http, cast, address=address, keys=keys)
        except Problem as problem:
            raise CallFailedError(str(problem)) from problem


def _play(stack: LocalStack, http: httpx2.Client, world: World) -> _Cast:
    cast = _onboard(stack, http, world)
    _register(cast)
    listed = _list(cast)
    _change(cast)
    _plan(cast, listed)
    _maintain(cast, cast.ids_in(listed, world.is_maintained))
    _repair(cast, _fault(cast, cast.ids_in(listed, world.is_faulty)))
    return cast


def _live(
    stack: LocalStack,
    http: httpx2.Client,
    cast: _Cast,
    *,
    address: Callable[[], str | None],
    keys: Callable[[], Iterable[str]],
) -> None:
    """Play the day around now; a grid of real size has none."""
    if len(cast.world.assets) > _MANY_ASSETS:
        _go_on(stack, cast, address())
        return
    _title("A day that continues")
    day = LivingDay(stack, http, cast.world, cast.dso, cast.operators, _say)
    day.begin()
    _go_on(stack, cast, address())
    _say("\nKeys: e starts or ends an emergency; p makes operators send new plans (they also do so without a key).")
    for key in keys():
        day.play(key)


def _onboard(stack: LocalStack, http: httpx2.Client, world: World) -> _Cast:
    _title("The parties")
    dso = enter_dso(stack, http, world.dso)
    operators = tuple(enter_operator(stack, http, part) for part in world.operators)
    _say(f"{dso.name} ({dso.code}) runs the grid. It knows the capacity of the grid.")
    for operator in operators:
        _say(f"{operator.name} ({operator.code}) operates flexibility assets and trades their flexibility.")
    _say("No operator knows that the others exist. The DSO does not know who operates which asset.")
    return _Cast(world, dso, operators)


def _register(cast: _Cast) -> None:
    _title("Registration")
    started = time.perf_counter()
    settle_in(cast.dso, cast.operators, cast.world.hands)
    points = points_of(cast.world.assets)
    _say(f"{cast.dso.name} registers {len(points):,} connection points.")
    for operator, hand in zip(cast.operators, cast.world.hands, strict=True):
        _say(f"{operator.name} registers {_assets(len(hand))}: {_powers(hand)}.")
    _say(
        f"Each registration is one call, one signed and encrypted message, and its answer. All took {_since(started)}."
    )


def _list(cast: _Cast) -> tuple[Asset, ...]:
    _title("The assets that the DSO sees")
    started = time.perf_counter()
    listed = cast.dso.client.list_assets().assets
    _say(f"{len(listed):,} assets in its grid, listed in {_since(started)}. The list does not name their operators:")
    sections = points_of(cast.world.assets)
    for asset in listed[:_SHOWN_ASSETS]:
        section = sections[asset.connection_point_id]
        _say(f"  {asset.id}  {section:15} {asset.kind:12} {_both_ways(asset)}")
    if len(listed) > _SHOWN_ASSETS:
        _say(f"  ... and {len(listed) - _SHOWN_ASSETS:,} more")
    return listed


def _change(cast: _Cast) -> None:
    _title("A new asset")
    operator, dso = cast.operators[0], cast.dso
    point = cast.world.hands[0][0].connection_point_id
    charger = Asset(
        make_gsrn(_CHARGER), point, "ev_charging", max_consumption_kw=Decimal(22), name="Charger at the gate"
    )
    place = dso.client.wait_asset_changes(timeout_s=0).cursor
    started = time.perf_counter()
    operator.client.set_assets([charger])
    news = dso.client.wait_asset_changes(after=place, timeout_s=_CHANGE_WAIT_S)
    _say(f"{operator.name} registers a charger. {dso.name} waits for changes, and receives {_assets(len(news.assets))}")
    _say(
        f"after {_since(started)}. The platform collects changes for some seconds. So the DSO cannot tell which assets"
    )
    _say("were registered together.")
    operator.client.remove_assets([charger.id])


def _plan(cast: _Cast, listed: tuple[Asset, ...]) -> None:
    _title("Schedules for the day")
    starts = _maintenance_start()
    for operator, hand in zip(cast.operators, cast.world.hands, strict=True):
        producing = [asset for asset in hand if cast.world.is_maintained(asset.section) and asset.max_production_kw]
        operator.client.send_schedules(_steady(asset, starts) for asset in producing[:_PLANNED_ASSETS])
        _say(f"{operator.name} plans {_assets(len(producing[:_PLANNED_ASSETS]))} on {cast.world.maintained}.")
    maintained = set(cast.ids_in((asset for asset in listed if asset.max_production_kw), cast.world.is_maintained))
    schedules = cast.dso.client.list_schedules(start=starts, end=starts + _MAINTENANCE_LASTS).schedules
    seen = [schedule for schedule in schedules if schedule.asset_id in maintained]
    planned_kw = sum((schedule.power_kw[0] for schedule in seen), Decimal(0))
    _say(f"{cast.dso.name} sees {len(seen):,} plans without their operators: {_kw(planned_kw)} together.")


def _steady(asset: GridAsset, start: datetime) -> Schedule:
    """Return a plan of 70 % of the asset's maximum for a day."""
    power_kw = ((asset.max_production_kw or Decimal(0)) * _PLANNED_PART).quantize(_WATT_KW, ROUND_DOWN)
    return Schedule(asset.id, start, (power_kw,) * 24, "PT60M")


def _maintenance_start() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + _MAINTENANCE_STARTS


def _maintain(cast: _Cast, asset_ids: tuple[str, ...]) -> None:
    world, dso = cast.world, cast.dso
    starts = _maintenance_start()
    _title(f"Foreseen limit: maintenance on {world.maintained}")
    _say(f"From {starts:%A %H:%M} UTC, for four hours, the {_assets(len(asset_ids))} there may produce")
    _say(f"{_kw(world.maintenance_kw)} together. {dso.name} sends this limit, and the platform divides it.")
    delivery = deliver(cast.operators, lambda: dso.client.send_limit(_limit(asset_ids, starts, world.maintenance_kw)))
    _tell_parts(delivery)
    more_kw = world.maintenance_kw * 5 / 4
    _say(f"\nMore capacity is available: {dso.name} updates the limit to {_kw(more_kw)}.")
    changed = _limit(asset_ids, starts, more_kw)
    update = deliver(cast.operators, lambda: dso.client.update_limit(delivery.outcome.id, changed))
    parts = ", ".join(_kw(reached.limit.available[0].power_kw) for reached in update.reached)
    _say(f"Each operator receives revision {update.reached[0].limit.revision}. The parts are now {parts}.")


def _limit(asset_ids: tuple[str, ...], starts: datetime, power_kw: Decimal) -> ForeseenLimit:
    slot = AvailablePower(starts, starts + _MAINTENANCE_LASTS, power_kw)
    return ForeseenLimit("production", (slot,), asset_ids=asset_ids)


def _tell_parts(delivery: Delivery) -> None:
    weights_kw = [reached.limit.share.weight_kw for reached in delivery.reached if reached.limit.share]
    installed_kw = sum(weights_kw, Decimal(0))
    parts_kw = [reached.limit.available[0].power_kw for reached in delivery.reached]
    for reached, weight_kw, part_kw in zip(delivery.reached, weights_kw, parts_kw, strict=True):
        share = 100 * weight_kw / installed_kw
        _say(f"  {reached.operator.name:14} gets {_kw(part_kw):>12}, because it has {_kw(weight_kw)} there:")
        _say(f"  {'':14} {share:.1f} % of the {_kw(installed_kw)} installed. It sees only its own two figures.")
    _say(f"The sum of the parts is exactly {_kw(sum(parts_kw, Decimal(0)))}.")


def _fault(cast: _Cast, asset_ids: tuple[str, ...]) -> str:
    _title(f"Unforeseen limit: a fault on {cast.world.faulty}")
    expected_end = datetime.now(UTC).replace(second=0, microsecond=0) + _FAULT_LASTS
    limit = UnforeseenLimit("stop", expected_end, asset_ids=asset_ids)
    _say(f"{cast.dso.name} stops the {_assets(len(asset_ids))} there immediately. Each operator has a waiting call:")
    delivery = deliver(cast.operators, lambda: cast.dso.client.send_limit(limit))
    for reached in delivery.reached:
        own = len(reached.limit.asset_ids)
        _say(f"  {reached.operator.name:14} received the stop of {_assets(own)} after {_ms(reached.after_s)}")
    _say(f"{cast.dso.name} received the platform's answer after {_ms(delivery.answered_after_s)}.")
    return delivery.outcome.id


def _repair(cast: _Cast, limit_id: str) -> None:
    delivery = deliver(cast.operators, lambda: cast.dso.client.end_limit(limit_id, "unforeseen"))
    statuses = {reached.limit.status for reached in delivery.reached}
    _say(f"After the repair, {cast.dso.name} ends the stop at the next full minute. All operators receive the status")
    _say(f"{', '.join(sorted(statuses))}, the last operator after {_ms(delivery.last_after_s)}.")


def _go_on(stack: LocalStack, cast: _Cast, address: str | None) -> None:
    url, operator = stack.gateway_url, cast.operators[0]
    _title("Next steps")
    _say("In another terminal, as the DSO and as an operator:")
    _say(f"  dso=$(./tps token {cast.dso.code} --data {stack.data})")
    _say(f'  curl {url}/dso/v1/flexibility-assets -H "Authorization: Bearer $dso"')
    _say(f"  operator=$(./tps token {operator.code} --data {stack.data})")
    _say(f'  curl {url}/agr/v1/capacity-limits/active -H "Authorization: Bearer $operator"')
    _say(f"  curl {url}/agr/v1/ping")
    _say("The system runs until Ctrl-C.")
    if address:
        _say(
            f"\nThe day in the GUI (a link for one use within one hour; ./tps gui address prints a new one):\n{address}"
        )


def _title(text: str) -> None:
    _say(f"\n{text}\n{'-' * len(text)}")


def _say(text: str) -> None:
    print(text, flush=True)


def _assets(count: int) -> str:
    return "1 asset" if count == 1 else f"{count:,} assets"


def _powers(hand: Sequence[GridAsset]) -> str:
    production_kw = total_kw(hand, lambda asset: asset.max_production_kw)
    consumption_kw = total_kw(hand, lambda asset: asset.max_consumption_kw)
    return f"up to {_kw(production_kw)} production, {_kw(consumption_kw)} consumption"


def _both_ways(asset: Asset) -> str:
    directions = {"produces": asset.max_production_kw, "consumes": asset.max_consumption_kw}
    return ", ".join(f"{verb} up to {_kw(power_kw)}" for verb, power_kw in directions.items() if power_kw is not None)


def _kw(power_kw: Decimal | int) -> str:
    return f"{Decimal(power_kw).normalize():,f} kW"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _since(started: float) -> str:
    return f"{time.perf_counter() - started:.1f} s"
