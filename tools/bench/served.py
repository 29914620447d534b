"""Benches with the whole stack: registering, listing, and sending limits to operators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, Sizes, quantiles, timed
from tools.bench.grid import make_grid
from tools.bench.parties import assets_of, enter_parties
from tools.story.actor import Dso, Operator, deliver, open_http, register_points, settle_in
from tools.story.grid import GridAsset, deal, points_of, total_kw
from tps.client import AvailablePower, ForeseenLimit, Outcome, UnforeseenLimit

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_UPDATES = 83
_FAULT_LASTS = timedelta(hours=1)
_AHEAD = timedelta(days=1)


def limits(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Measure from the DSO's call (emergency or update of a limit) to the last operator's answer."""
    emergencies = [figure for count in sizes.operators for figure in _fan_out(stack, count, sizes.rounds)]
    return [*emergencies, *_updates(stack, sizes.updated, sizes.rounds)]


def registration(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Measure points in one call, assets in one call per operator, then the DSO's list."""
    with open_http() as http:
        dso, operators = enter_parties(stack, http, 0, 3)
        assets = make_grid(sizes.assets)
        points, hands = points_of(assets), deal(assets, len(operators))
        points_s = timed(lambda: register_points(dso, assets))
        assets_s = timed(lambda: _register_all(operators, hands))
        list_s = timed(dso.client.list_assets)
    return [
        Figure("registration", f"{len(points):,} connection points in one call", points_s, "s"),
        Figure("registration", f"{len(assets):,} assets in three calls", assets_s, "s"),
        Figure("registration", "assets per second", len(assets) / assets_s, "1/s"),
        Figure("registration", f"{len(assets):,} assets listed", list_s, "s"),
    ]


def _register_all(operators: list[Operator], hands: list[list[GridAsset]]) -> None:
    for operator, hand in zip(operators, hands, strict=True):
        operator.client.set_assets(asset.to_asset() for asset in hand)


def _fan_out(stack: LocalStack, count: int, rounds: int) -> list[Figure]:
    with open_http() as http:
        dso, operators = enter_parties(stack, http, count, count)
        assets = assets_of(count, 2 * count)
        settle_in(dso, operators, deal(assets, count))
        asset_ids = tuple(asset.id for asset in assets)
        deliveries = [deliver(operators, lambda: _stop(dso, asset_ids)) for _ in range(rounds)]
    name = f"emergency to {count} operators"
    return [
        *quantiles("limits", f"{name}, the last operator reached", [delivery.last_after_s for delivery in deliveries]),
        *quantiles("limits", f"{name}, DSO answered", [delivery.answered_after_s for delivery in deliveries]),
    ]


def _updates(stack: LocalStack, count: int, rounds: int) -> list[Figure]:
    with open_http() as http:
        dso, operators = enter_parties(stack, http, _UPDATES, count)
        assets = assets_of(_UPDATES, 2 * count)
        settle_in(dso, operators, deal(assets, count))
        first = _foreseen(assets, 0)
        limit_id = deliver(operators, lambda: dso.client.send_limit(first)).outcome.id
        nexts = [_foreseen(assets, number) for number in range(1, rounds + 1)]
        deliveries = [deliver(operators, partial(dso.client.update_limit, limit_id, limit)) for limit in nexts]
    name = f"update of a limit of {count} operators"
    return [
        *quantiles("limits", f"{name}, the last operator reached", [delivery.last_after_s for delivery in deliveries]),
        *quantiles("limits", f"{name}, DSO answered", [delivery.answered_after_s for delivery in deliveries]),
    ]


def _foreseen(assets: list[GridAsset], number: int) -> ForeseenLimit:
    """Return a limit for an hour of tomorrow at half of the installed power; each revision lowers it, to affect all."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + _AHEAD
    installed_kw = total_kw(assets, lambda asset: asset.max_production_kw)
    power_kw = (installed_kw / 2 * (100 - number) / 100).quantize(Decimal("0.001"))
    available = (AvailablePower(start, start + _FAULT_LASTS, power_kw),)
    return ForeseenLimit("production", available, asset_ids=tuple(asset.id for asset in assets))


def _stop(dso: Dso, asset_ids: tuple[str, ...]) -> Outcome:
    expected_end = datetime.now(UTC).replace(second=0, microsecond=0) + _FAULT_LASTS
    return dso.client.send_limit(UnforeseenLimit("stop", expected_end, asset_ids=asset_ids))
