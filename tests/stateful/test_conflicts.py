"""After any plans, limits and registrations, the platform operator sees the conflicts that a new computation finds.

The platform stores known conflicts and answers from them. After each step, the test compares them with the present
plans, parts and assets.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from tests.stateful.running import pick, play, run, step
from tests.stateful.test_changes import ASSET_IDS, ONE_ASSET, PLACE, Changes
from tests.support.installation import NORTH, Installation
from tests.support.servers import at_once
from tps.api.conflicts import conflict_json
from tps.domain.limit import Interval
from tps.domain.scope import TpsScope
from tps.platform import conflict_verdict_rows as conflict_verdicts
from tps.platform import overview_limit_rows as overview_limits
from tps.platform.overview_conflicts import judge, questions_of
from tps.platform.plan_total_rows import Selection

SCHEDULES = "/agr/v1/operational-schedules"
MINUTE, QUARTER, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)


class Conflicts(Changes):
    """As `Changes`, with plans of assets, and with a check of conflicts."""

    def begin(self) -> None:
        super().begin()
        self.sent: list[tuple[str, str]] = []
        self.windows = Random(1)

    @step(8, asset_id=ONE_ASSET, place=PLACE, start_in=pick(-15, 0, 0, 60), count=pick(1, 4, 24), lowest=pick(0, -30))
    def plan(self, asset_id: str, place: int, start_in: int, count: int, lowest: int) -> None:
        """Plan an asset by an operator that has registered it; later plans supersede earlier ones."""
        operators = [each for each in self.model.registry.claims[asset_id] if each not in self.model.cut_off]
        if operators:
            operator, chance = operators[place % len(operators)], Random(place)
            start = self._quarter() + start_in * MINUTE
            levels = [chance.randint(lowest, 10) for _ in range(count)]
            body = {"asset_id": asset_id, "start": start.isoformat(), "resolution": "PT15M", "power_kw": levels}
            _, answer = self.house.send(operator, "POST", SCHEDULES, {"schedules": [body]})
            self.sent.append((operator, answer["id"]))

    @step(place=PLACE)
    def take_back(self, place: int) -> None:
        """Cancel a plan."""
        if self.sent:
            operator, document_id = self.sent.pop(place % len(self.sent))
            if operator not in self.model.cut_off:
                self.house.send(operator, "DELETE", f"{SCHEDULES}/{document_id}")

    @step(5, seconds=pick(1, 20, 900, 2700, 18000))
    def advance(self, seconds: int) -> None:
        """Move the time, which also computes conflicts ahead."""
        self.house.advance(timedelta(seconds=seconds))
        self.model.tick(self.house.clock.now)

    def look(self, *, is_last: bool) -> None:
        """Compare by whole days, as most users do, and by windows that cut limits and quarters."""
        del is_last
        start = self.house.clock.now.replace(hour=0, minute=0, second=0)
        self._shows_what_one_finds(Interval(start, start + DAY))
        first = self._quarter() + self.windows.randint(-90, 240) * MINUTE
        self._shows_what_one_finds(Interval(first, first + self.windows.choice((1, 7, 60, 300)) * MINUTE))

    def _shows_what_one_finds(self, window: Interval) -> None:
        shown = ask_conflicts(self.house, window)
        found = found_anew(self.house, window)
        assert [{name: each[name] for name in one} for each, one in zip(shown, found, strict=True)] == found

    def _quarter(self) -> datetime:
        now = self.house.clock.now
        return now.replace(minute=now.minute // 15 * 15, second=0)


def ask_conflicts(house: Installation, window: Interval) -> Any:
    """Return the conflicts that the platform operator sees."""
    period = "&".join(f"{name}={at:%Y-%m-%dT%H:%M:%SZ}" for name, at in (("from", window.start), ("to", window.end)))
    return house.ask(house.services.settings.platform_party, f"/tps/v1/conflicts?{period}")["conflicts"]


def scope_of(house: Installation) -> TpsScope:
    return TpsScope(house.services.settings.platform_party)


def found_anew(house: Installation, window: Interval) -> list[Any]:
    """Return the conflicts computed from the present plans, parts and assets."""
    endpoint, scope = house.services.endpoint("tps"), scope_of(house)
    with endpoint.database.transaction() as tx:
        latest = overview_limits.latest_within(tx, scope, Selection(None, None, window))
        questions = questions_of(tx, scope, latest)
        verdicts = judge(endpoint, tx, scope, [(each, window) for each in questions])
    found = [
        (one.conflict.severity, each.revision.name, each.part.operator, conflict_json(one.conflict, one.demand.kind))
        for each, one in zip(questions, verdicts, strict=True)
        if one is not None
    ]
    found.sort(key=lambda each: (each[0], each[1].dso, each[1].limit_id, each[2]))
    bodies = [
        {"dso": name.dso, "limit_id": name.limit_id, "revision": name.revision, "operator": operator, **body}
        for _, name, operator, body in found
    ]
    return json.loads(json.dumps(bodies))


def kept(house: Installation, window: Interval) -> tuple[int, int]:
    """Return how many possible conflicts of a window are stored, and how many are not."""
    with house.services.endpoint("tps").database.transaction() as tx:
        known = conflict_verdicts.cases_within(tx, scope_of(house), Selection(None, None, window))
    return sum(each.is_kept for each in known), sum(not each.is_kept for each in known)


STOP = ("send_unforeseen", {"dso": NORTH, "asset_ids": ASSET_IDS[:2], "said": ("stop", None, 300)})
LIMIT = ("production", 7, 0, 61, False)
DIVIDED = ("send_foreseen", {"dso": NORTH, "asset_ids": ASSET_IDS[:4], "said": LIMIT, "only_own": True})
HANDED_OVER = ("hand_over", {"asset_id": ASSET_IDS[0], "place": 1})
MAXIMUM = {"asset_id": ASSET_IDS[0], "place": 0, "point": 0, "up": 250, "down": 40}
PLAN = {"asset_id": ASSET_IDS[0], "place": 0, "start_in": 0, "count": 24, "lowest": 0}


@pytest.mark.parametrize(
    "steps",
    [
        [STOP, ("register", MAXIMUM)],
        [DIVIDED, HANDED_OVER, ("advance", {"seconds": 20})],
        [STOP, ("plan", PLAN), ("take_back", {"place": 0})],
    ],
    ids=["the maximum of an asset without a plan", "a part that is divided anew", "a plan that is taken back"],
)
def test_what_was_found_does_not_outlive(house: Installation, steps: list[Any]) -> None:
    play(lambda: Conflicts(house), steps)


def test_after_news_conflicts_are_found_ahead_and_when_a_limit_is_long_over_they_go(house: Installation) -> None:
    history = Conflicts(house)
    history.begin()
    history.send_foreseen(**DIVIDED[1])
    history.plan(**PLAN)
    today = Interval(house.clock.now - DAY, house.clock.now + DAY)
    assert kept(house, today) == (0, 2)

    house.tick(functions={"overview"})
    assert kept(house, today) == (2, 0)

    house.clock.now += 9 * DAY
    house.tick(functions={"overview"})
    assert kept(house, today) == (0, 2)


def test_an_asset_that_was_removed_may_add_nothing(house: Installation) -> None:
    history = Conflicts(house)
    history.begin()
    history.send_unforeseen(NORTH, ASSET_IDS[:1], ("stop", None, 300))
    today = Interval(house.clock.now - DAY, house.clock.now + DAY)
    assert [each["unknown"]["up_to_kw"] for each in ask_conflicts(house, today)] == [100]

    history.deregister(ASSET_IDS[0], 0)

    assert ask_conflicts(house, today) == []


def test_two_who_look_at_once_find_the_same(house: Installation) -> None:
    play(lambda: Conflicts(house), [STOP, DIVIDED, ("plan", PLAN)])
    today = Interval(house.clock.now - DAY, house.clock.now + DAY)
    with house.services.endpoint("tps").database.transaction() as tx:
        tx.execute("TRUNCATE conflict_verdict")

    answers = at_once(*[partial(ask_conflicts, house, today)] * 4)

    assert all(each == answers[0] for each in answers)
    assert kept(house, today)[1] == 0


def test_what_was_found_before_is_what_one_finds_now(house: Installation) -> None:
    run(lambda: Conflicts(house), steps=30, steps_each=30)
