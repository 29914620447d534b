"""What needs the whole stack: registering, listing, and getting an emergency to its operators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx

from tps.client import Outcome, UnforeseenLimit
from tps.runtime.bench.figures import Figure, Sizes, quantiles, timed
from tps.runtime.bench.grid import make_grid
from tps.runtime.story.actor import (
    Dso,
    Operator,
    Part,
    deliver,
    enter_dso,
    enter_operator,
    open_http,
    register_points,
    settle_in,
)
from tps.runtime.story.grid import GridAsset, deal, make_gln, points_of

if TYPE_CHECKING:
    from tps.runtime.local.stack import LocalStack

_FIRST_PARTY = 10_000
_PARTIES_APART = 1_000
_ASSETS_APART = 100_000
_FAULT_LASTS = timedelta(hours=1)


def limits(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """From the DSO's call for an emergency to the answer of the last operator's waiting call."""
    return [figure for count in sizes.operators for figure in _fan_out(stack, count, sizes.rounds)]


def registration(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Points by one call, assets by one call per operator, then the DSO's list of them."""
    with open_http() as http:
        dso, operators = _parties(stack, http, 0, 3)
        assets = make_grid(sizes.assets)
        points, hands = points_of(assets), deal(assets, len(operators))
        points_s = timed(lambda: register_points(dso, assets))
        assets_s = timed(lambda: _register_all(operators, hands))
        list_s = timed(dso.client.list_assets)
    return [
        Figure("registration", f"{len(points):,} connection points in one call", points_s, "s"),
        Figure("registration", f"{len(assets):,} assets in three calls", assets_s, "s"),
        Figure("registration", "assets each second", len(assets) / assets_s, "1/s"),
        Figure("registration", f"{len(assets):,} assets listed", list_s, "s"),
    ]


def _register_all(operators: list[Operator], hands: list[list[GridAsset]]) -> None:
    for operator, hand in zip(operators, hands, strict=True):
        operator.client.set_assets(asset.to_asset() for asset in hand)


def _fan_out(stack: LocalStack, count: int, rounds: int) -> list[Figure]:
    with open_http() as http:
        dso, operators = _parties(stack, http, count, count)
        assets = make_grid(2 * count, count * _ASSETS_APART)
        settle_in(dso, operators, deal(assets, count))
        asset_ids = tuple(asset.id for asset in assets)
        deliveries = [deliver(operators, lambda: _stop(dso, asset_ids)) for _ in range(rounds)]
    name = f"emergency to {count} operators"
    return [
        *quantiles("limits", f"{name}, the last one reached", [each.last_after_s for each in deliveries]),
        *quantiles("limits", f"{name}, DSO answered", [each.answered_after_s for each in deliveries]),
    ]


def _stop(dso: Dso, asset_ids: tuple[str, ...]) -> Outcome:
    expected_end = datetime.now(UTC).replace(second=0, microsecond=0) + _FAULT_LASTS
    return dso.client.send_limit(UnforeseenLimit("stop", expected_end, asset_ids=asset_ids))


def _parties(stack: LocalStack, http: httpx.Client, story: int, operators: int) -> tuple[Dso, list[Operator]]:
    """A DSO and so many operators, others for every story."""
    first = _FIRST_PARTY + story * _PARTIES_APART
    dso = enter_dso(stack, http, Part("dso", make_gln(first), f"Bench grid {story}"))
    parts = [Part("agr", make_gln(first + number), f"Bench operator {number}") for number in range(1, operators + 1)]
    return dso, [enter_operator(stack, http, part) for part in parts]
