"""What the platform operator looks at: a day of many operators with many limits, each route's time and size."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import httpx

from tps.client import AvailablePower, ForeseenLimit, Schedule, day_in
from tps.runtime import tokens
from tps.runtime.bench.figures import Figure, Sizes
from tps.runtime.bench.parties import assets_of, enter_parties
from tps.runtime.story.actor import NotReachedError, Operator, open_http, settle_in
from tps.runtime.story.grid import GridAsset, deal

if TYPE_CHECKING:
    from tps.runtime.local.stack import LocalStack
    from tps.runtime.story.actor import Dso

_STORY = 84
_AT_ONCE = 6
_PER_LIMIT = 100
_LIMIT_LASTS = timedelta(hours=4)
_PART = Decimal("0.5")
_DIVIDED_WITHIN_S = 600
_POLLS = 20
_STEPS_KW = 100
_CHANGED_AFTER = timedelta(hours=6)


def overview(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Every operator plans tomorrow in quarters, no two alike; the limits lie over it; then each route is asked."""
    with open_http() as http:
        dso, operators = enter_parties(stack, http, _STORY, sizes.watched)
        assets = assets_of(_STORY, sizes.assets)
        hands = deal(assets, len(operators))
        settle_in(dso, operators, hands)
        day = day_in("UTC", datetime.now().astimezone().date() + timedelta(days=1))
        start, end = day.start, day.start + timedelta(days=1)
        _plan_all(operators, hands, start)
        _plan_all(operators[:1], hands[:1], start + _CHANGED_AFTER)
        _limit_all(dso, hands, sizes.watched_limits, start)
        seen = _Seen(http, stack, f"from={start:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}")
        seen.wait_for(sizes.watched_limits)
        return [
            figure for name, path in _asked(dso.code, operators[0].code).items() for figure in seen.figures(name, path)
        ]


def _asked(dso: str, operator: str) -> dict[str, str]:
    return {
        "plans of all, totals": "schedules?",
        "plans of one operator, totals": f"schedules?party={operator}&",
        "plans of one operator, 100 changed assets": f"schedules?party={operator}&per_asset=true&limit=100&",
        "limits of all, as bars": "limits?summary=true&",
        "limits of one operator, with parts": f"limits?party={operator}&",
        "conflicts of all, the worst 100": f"conflicts?dso={dso}&limit=100&",
        "conflicts of one operator": f"conflicts?agr={operator}&",
        "changes, nothing new": "changes?",
    }


class _Seen:
    """The platform operator's calls."""

    def __init__(self, http: httpx.Client, stack: LocalStack, window: str):
        from tps.runtime.settings import Settings

        code = Settings.from_env(stack.environment()).platform_party
        self._http, self._url, self._window = http, stack.gateway_url, window
        self._headers = {"Authorization": f"Bearer {tokens.issue(stack, code)}"}

    def figures(self, name: str, path: str) -> list[Figure]:
        """The first answer's time and size, and the quickest of several after it."""
        times = []
        for _ in range(_POLLS):
            started = time.perf_counter()
            answer = self.ask(path)
            times.append(time.perf_counter() - started)
        return [
            Figure("overview", f"{name}, first", 1000 * times[0], "ms"),
            Figure("overview", f"{name}, again", 1000 * sorted(times[1:])[len(times) // 2], "ms"),
            Figure("overview", f"{name}, size", len(answer.content) / 1000, "kB"),
        ]

    def wait_for(self, limits: int) -> None:
        """Until every limit is divided and told."""
        deadline = time.monotonic() + _DIVIDED_WITHIN_S
        while time.monotonic() < deadline:
            found = self.ask("limits?summary=true&").json()["limits"]
            counts = [each["delivery"] for each in found]
            if len(found) >= limits and all(each["delivered"] == each["recipients"] > 0 for each in counts):
                return
            time.sleep(1)
        raise NotReachedError("the limits were not all delivered in time")

    def ask(self, path: str) -> httpx.Response:
        window = "" if path.startswith("changes") else self._window
        answer = self._http.get(f"{self._url}/tps/v1/{path}{window}", headers=self._headers, timeout=120)
        return answer.raise_for_status()


def _plan_all(operators: Sequence[Operator], hands: Sequence[Sequence[GridAsset]], start: datetime) -> None:
    pairs = zip(operators, hands, strict=True)
    _all_at_once([partial(each.client.send_schedules, _plans(hand, start)) for each, hand in pairs])


def _plans(hand: Sequence[GridAsset], start: datetime) -> list[Schedule]:
    """Another power in every quarter, up to what each can."""
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
    """Each over a hundred assets of three operators, for four hours, at half of what these can."""
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
