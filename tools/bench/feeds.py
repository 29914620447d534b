"""The feeds of DSOs: plans of the assets in their grids, and changes of these assets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import httpx2

from tools.bench.figures import Figure, Sizes, quantiles, timed
from tools.bench.parties import assets_of, enter_parties
from tools.story.actor import Dso, NotReachedError, Operator, open_http, register_points, settle_in
from tools.story.grid import GridAsset
from tps.client import DsoClient, Outcome, Schedule, day_in
from tps.local import tokens

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_SOUTH, _NORTH, _CHANGES = 80, 81, 82
_WAIT_S = 55
_RECEIVED_WITHIN_S = 300
_SETTLE_S = 0.3
_HOUR = timedelta(hours=1)

Look = Callable[[str | None, int], tuple[frozenset[str], str]]
"""A waiting call with cursor and timeout in seconds; returns the ids of the received assets and the next cursor."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """The news that a DSO must receive: its feed, its cursor, and the asset ids."""

    look: Look
    after: str
    asset_ids: frozenset[str]


def schedules(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Send a day of every asset in one call, half of them in each of two DSOs' grids; then measure a DSO's queries."""
    half = sizes.planned // 2
    with open_http() as http:
        south, (operator,) = enter_parties(stack, http, _SOUTH, 1)
        north, _none = enter_parties(stack, http, _NORTH, 0)
        hands = [assets_of(story, half) for story in (_SOUTH, _NORTH)]
        _settle_both((south, north), operator, hands)
        plans = _plans(asset.id for hand in hands for asset in hand)
        expected = [
            _expect(partial(_received_plans, dso), hand) for dso, hand in zip((south, north), hands, strict=True)
        ]
        answered_s, received_s = _clock(expected, lambda: operator.client.send_schedules(plans))
        points = sum(len(plan.power_kw) for plan in plans)
        name = f"{len(plans):,} assets, {points:,} points in one call"
        return [
            Figure("schedules", f"{name}, answered", answered_s, "s"),
            Figure("schedules", f"{name}, received by both DSOs", received_s, "s"),
            *_queries(stack, http, south, plans[:half]),
        ]


def changes(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Measure from an operator's registration to the DSO's waiting call: one new asset, and many in one call."""
    with open_http() as http:
        dso, (operator,) = enter_parties(stack, http, _CHANGES, 1)
        assets = assets_of(_CHANGES, sizes.rounds + sizes.planned)
        register_points(dso, assets)
        single_s = [_register(dso, operator, [asset])[1] for asset in assets[: sizes.rounds]]
        many = assets[sizes.rounds :]
        answered_s, received_s = _register(dso, operator, many)
    name = f"{len(many):,} new assets in one call"
    return [
        *quantiles("changes", "one new asset received by the waiting DSO", single_s),
        Figure("changes", f"{name}, answered", answered_s, "s"),
        Figure("changes", f"{name}, received by the DSO", received_s, "s"),
    ]


def _settle_both(dsos: Sequence[Dso], operator: Operator, hands: Sequence[Sequence[GridAsset]]) -> None:
    for dso, hand in zip(dsos, hands, strict=True):
        settle_in(dso, [operator], [hand])


def _register(dso: Dso, operator: Operator, assets: Sequence[GridAsset]) -> tuple[float, float]:
    expected = _expect(partial(_received_assets, dso), assets)
    return _clock([expected], lambda: operator.client.set_assets(asset.to_asset() for asset in assets))


def _queries(stack: LocalStack, http: httpx2.Client, dso: Dso, plans: Sequence[Schedule]) -> list[Figure]:
    """Measure a day, and an hour of one asset, from the platform, and the day from the copy of the DSO's backend."""
    start, end = plans[0].start, plans[0].end
    impatient = DsoClient(stack.gateway_url, tokens.issue(stack, dso.code), http=http, wait_s=0)
    day = partial(dso.client.list_schedules, start=start, end=end)
    hour = partial(dso.client.list_schedules, [plans[0].asset_id], start=start, end=start + _HOUR)
    copy = partial(impatient.list_schedules, start=start, end=end)
    points = sum(len(plan.power_kw) for plan in plans)
    queries = {
        f"day of {len(plans):,} assets, {points:,} points, queried": day,
        "one hour of one asset, queried": hour,
        f"day of {len(plans):,} assets, from the own copy": copy,
    }
    return [Figure("schedules", name, timed(work), "s") for name, work in queries.items()]


def _plans(asset_ids: Iterable[str]) -> list[Schedule]:
    """Return tomorrow's plan of every asset, in quarters of an hour."""
    day = day_in("UTC", datetime.now(UTC).date() + timedelta(days=1))
    powers_kw = tuple(Decimal(quarter) / 100 for quarter in range(day.interval_count()))
    return [day.schedule(asset_id, powers_kw) for asset_id in asset_ids]


def _received_plans(dso: Dso, after: str | None, timeout_s: int) -> tuple[frozenset[str], str]:
    batch = dso.client.wait_schedules(after=after, timeout_s=timeout_s)
    return frozenset(plan.asset_id for plan in batch.schedules), batch.cursor


def _received_assets(dso: Dso, after: str | None, timeout_s: int) -> tuple[frozenset[str], str]:
    batch = dso.client.wait_asset_changes(after=after, timeout_s=timeout_s)
    return frozenset(asset.id for asset in batch.assets), batch.cursor


def _expect(look: Look, assets: Sequence[GridAsset]) -> _Expected:
    return _Expected(look, look(None, 0)[1], frozenset(asset.id for asset in assets))


def _clock(expected: Sequence[_Expected], send: Callable[[], Outcome]) -> tuple[float, float]:
    """Return the seconds until the call is answered, and until every waiting DSO has received all assets."""
    with ThreadPoolExecutor(len(expected)) as pool:
        waiting = [pool.submit(_received_at, dso) for dso in expected]
        time.sleep(_SETTLE_S)  # so that all calls wait before the call starts
        started = time.perf_counter()
        send()
        answered_s = time.perf_counter() - started
        return answered_s, max(future.result() for future in waiting) - started


def _received_at(expected: _Expected) -> float:
    """Return the time when the last of the assets was received.

    Raises:
        NotReachedError: Some assets were not received in time.
    """
    missing, after, deadline = expected.asset_ids, expected.after, time.monotonic() + _RECEIVED_WITHIN_S
    while missing and time.monotonic() < deadline:
        received, after = expected.look(after, _WAIT_S)
        missing -= received
    if missing:
        raise NotReachedError(f"a DSO did not receive {len(missing)} assets within {_RECEIVED_WITHIN_S} s")
    return time.perf_counter()
