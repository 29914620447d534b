"""The data of the overview benches: a day of many operators with their plans, and many limits over them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import httpx2

from tools.bench.figures import Sizes
from tools.bench.parties import assets_of, enter_parties
from tools.story.actor import NotReachedError, Operator, settle_in
from tools.story.grid import GridAsset, deal
from tps.client import AvailablePower, ForeseenLimit, Schedule, day_in
from tps.host.settings import Settings
from tps.local import tokens

if TYPE_CHECKING:
    from tools.story.actor import Dso
    from tps.local.embedded.stack import LocalStack

_AT_ONCE = 6
_PER_LIMIT = 100
_LIMIT_LASTS = timedelta(hours=4)
_PART = Decimal("0.5")
_DIVIDED_WITHIN_S = 600
_STEPS_KW = 100
_CHANGED_AFTER = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Watched:
    """A DSO, an operator, and the day (UTC) of all plans and limits.

    Attributes:
        plan_anew: Makes the operator send new plans from noon on; returns when the platform has taken them.
    """

    dso: str
    operator: str
    start: datetime
    end: datetime
    plan_anew: Callable[[], None]


class Watcher:
    """The platform operator, which uses its read routes."""

    def __init__(self, http: httpx2.Client, stack: LocalStack):
        code = Settings.from_env(stack.environment()).platform_party
        self._http, self._url = http, stack.gateway_url
        self._headers = {"Authorization": f"Bearer {tokens.issue(stack, code)}"}

    def ask(self, path: str) -> httpx2.Response:
        """Return an answer below /tps/v1."""
        answer = self._http.get(f"{self._url}/tps/v1/{path}", headers=self._headers, timeout=120)
        return answer.raise_for_status()


def make_watched(stack: LocalStack, http: httpx2.Client, sizes: Sizes, story: int) -> Watched:
    """Create plans of every operator for tomorrow, all different, and limits over them.

    The first operator sends new plans from six o'clock on. Returns when all limits are delivered.
    """
    dso, operators = enter_parties(stack, http, story, sizes.watched)
    hands = deal(assets_of(story, sizes.assets), len(operators))
    settle_in(dso, operators, hands)
    day = day_in("UTC", datetime.now().astimezone().date() + timedelta(days=1))
    plan_first = partial(_plan_all, operators[:1], hands[:1])
    plan_anew = partial(plan_first, day.start + 2 * _CHANGED_AFTER)
    watched = Watched(dso.code, operators[0].code, day.start, day.start + timedelta(days=1), plan_anew)
    _plan_all(operators, hands, watched.start)
    plan_first(watched.start + _CHANGED_AFTER)
    _limit_all(dso, hands, sizes.watched_limits, watched.start)
    _wait_for(Watcher(http, stack), watched, sizes.watched_limits)
    return watched


def window_of(watched: Watched) -> str:
    """Return the day as a query."""
    return f"from={watched.start:%Y-%m-%dT%H:%M:%SZ}&to={watched.end:%Y-%m-%dT%H:%M:%SZ}"


def _wait_for(watcher: Watcher, watched: Watched, limits: int) -> None:
    deadline = time.monotonic() + _DIVIDED_WITHIN_S
    while time.monotonic() < deadline:
        listed = watcher.ask(f"limits?summary=true&party={watched.dso}&{window_of(watched)}").json()["limits"]
        counts = [limit["delivery"] for limit in listed]
        if len(listed) >= limits and all(count["delivered"] == count["recipients"] > 0 for count in counts):
            return
        time.sleep(1)
    raise NotReachedError("not all limits were delivered in time")


def _plan_all(operators: Sequence[Operator], hands: Sequence[Sequence[GridAsset]], start: datetime) -> None:
    pairs = zip(operators, hands, strict=True)
    _all_at_once([partial(operator.client.send_schedules, _plans(hand, start)) for operator, hand in pairs])


def _plans(hand: Sequence[GridAsset], start: datetime) -> list[Schedule]:
    """Return plans with another power in every quarter, up to the maximum of each asset."""
    chance = random.Random(hand[0].id)
    return [
        Schedule(
            asset.id,
            start,
            tuple(
                (asset.max_production_kw or Decimal(0)) * chance.randint(0, _STEPS_KW) / _STEPS_KW for _ in range(96)
            ),
            "PT15M",
        )
        for asset in hand
    ]


def _limit_all(dso: Dso, hands: Sequence[Sequence[GridAsset]], count: int, start: datetime) -> None:
    """Send limits over a hundred assets of three operators, for four hours, at half of their maximum."""
    chance = random.Random(count)
    _all_at_once([partial(dso.client.send_limit, _limit(hands, start, chance)) for _ in range(count)])


def _limit(hands: Sequence[Sequence[GridAsset]], start: datetime, chance: random.Random) -> ForeseenLimit:
    some = [asset for hand in chance.sample(hands, min(3, len(hands))) for asset in hand]
    assets = chance.sample(some, min(_PER_LIMIT, len(some)))
    power_kw = sum((asset.max_production_kw or Decimal(0) for asset in assets), Decimal(0)) * _PART
    starts = start + timedelta(minutes=15 * chance.randrange(80))
    slot = AvailablePower(starts, starts + _LIMIT_LASTS, power_kw)
    return ForeseenLimit("production", (slot,), asset_ids=tuple(asset.id for asset in assets))


def _all_at_once(calls: Sequence[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()
