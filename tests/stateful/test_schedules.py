"""Whatever is planned, changed and taken back, whoever has the assets by then: DSOs see what the model says."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count, groupby
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stateful.histories import Lengths, run
from tests.stateful.installation import DSOS, NORTH, OPERATORS, SOUTH, Installation
from tests.stateful.plan_model import Claim, Plans, Quarters
from tests.support.world import gs1

POINTS = {gs1("5713131", 18, 920_000_000 + number): dso for number, dso in enumerate((NORTH, SOUTH, SOUTH))}
ASSET_IDS = [gs1("5713131", 18, 930_000_000 + number) for number in range(4)]
PATH, SEEN_PATH = "/agr/v1/operational-schedules", "/dso/v1/operational-schedules"
QUARTER = timedelta(minutes=15)
TOO_FINE_KW = 0.0001

some_operator = st.sampled_from(OPERATORS)
some_asset = st.sampled_from(ASSET_IDS)
some_point = st.sampled_from(list(POINTS))
some_seed = st.integers(0, 2**16)
some_powers = st.lists(st.sampled_from([None, 0, 5, 5, 9, -20, 80, 300, TOO_FINE_KW]), min_size=1, max_size=6)
some_fine_powers = st.lists(st.sampled_from([None, 0, 5, 8, 9.5]), min_size=1, max_size=6)
some_plan = st.dictionaries(
    some_asset, st.one_of(some_fine_powers, some_fine_powers, some_powers, st.just([300])), min_size=1
)


class Schedules(RuleBasedStateMachine):
    """Two DSOs, three operators, four assets, eight quarter-hours or so of a day that does not come."""

    house: Installation

    @initialize()
    def empty_world(self) -> None:
        self.house.empty()
        self.model = Plans({})
        self.day = (self.house.clock.now + timedelta(days=30)).replace(hour=22, minute=0)
        self.known: dict[str, dict[str, Quarters]] = {dso: {} for dso in DSOS}
        self.readers, self.post_so_far = count(), 0
        for point_id in list(POINTS)[:2]:
            self.claim_or_release_point(point_id)
        for number, asset_id in enumerate(ASSET_IDS[:3]):
            self.register(asset_id, OPERATORS[number % 2], list(POINTS)[number % 2], 100, 40)

    @rule(point_id=some_point)
    def claim_or_release_point(self, point_id: str) -> None:
        path, dso = "/dso/v1/connection-points", POINTS[point_id]
        if point_id in self.model.points:
            status, _ = self.house.send(dso, "DELETE", f"{path}?id={point_id}")
            del self.model.points[point_id]
        else:
            status, _ = self.house.send(dso, "PUT", path, {"connection_points": [{"id": point_id}]})
            self.model.points[point_id] = dso
        assert status == "accepted"

    @rule(
        asset_id=some_asset,
        operator=some_operator,
        point_id=some_point,
        up=st.sampled_from([10, 100]),
        down=st.sampled_from([0, 40]),
    )
    def register(self, asset_id: str, operator: str, point_id: str, up: int, down: int) -> None:
        """Or another point or power of what is registered."""
        powers = {"max_production_kw": up} | ({"max_consumption_kw": down} if down else {})
        body = {"assets": [{"id": asset_id, "connection_point_id": point_id, **powers}]}
        status, _ = self.house.send(operator, "PUT", "/agr/v1/flexibility-assets", body)
        assert status == "accepted"
        self.model.claims[asset_id][operator] = Claim(point_id, up, down)

    @rule(asset_id=some_asset, place=some_seed)
    def deregister(self, asset_id: str, place: int) -> None:
        line = list(self.model.claims[asset_id])
        if line:
            operator = line[place % len(line)]
            status, _ = self.house.send(operator, "DELETE", f"/agr/v1/flexibility-assets?id={asset_id}")
            assert status == "accepted"
            del self.model.claims[asset_id][operator]

    @rule(place=some_seed, powers=some_plan, is_coarse=st.booleans())
    def plan(self, place: int, powers: dict[str, list[float | None]], is_coarse: bool) -> None:
        """By an operator that has registered one of the assets, mostly."""
        concerned = [operator for asset_id in powers for operator in self.model.claims[asset_id]]
        operators = concerned if concerned and place % 8 else OPERATORS
        self._send(operators[place % len(operators)], None, powers, is_coarse)

    @rule(place=some_seed, powers=some_plan)
    def plan_over_it(self, place: int, powers: dict[str, list[float | None]]) -> None:
        """Another document of an operator that has planned before."""
        if self.model.documents:
            self._send(self.model.documents[self._chosen(place)].operator, None, powers, False)

    @rule(place=some_seed, powers=some_plan, is_coarse=st.booleans())
    def change(self, place: int, powers: dict[str, list[float | None]], is_coarse: bool) -> None:
        """Mostly what was planned before, so that some is refused that stands, and some dropped."""
        if self.model.documents:
            document_id = self._chosen(place)
            document = self.model.documents[document_id]
            if place % 3:
                asset_ids = sorted(ASSET_IDS, key=lambda asset_id: (asset_id not in document.so_far, asset_id))
                powers = dict(zip(asset_ids, powers.values(), strict=False))
            self._send(document.operator, document_id, powers, is_coarse)

    @rule(place=some_seed)
    def cancel(self, place: int) -> None:
        if not self.model.documents:
            return
        document_id = self._chosen(place)
        document = self.model.documents[document_id]
        status, answer = self.house.send(document.operator, "DELETE", f"{PATH}/{document_id}")
        if document.is_cancelled or not document.so_far:
            assert (status, answer["errors"][0]["code"]) == ("refused", "A59")
            return
        revision = self.model.draft(document_id, {})
        self.model.arrive(document.operator, document_id, revision)
        assert (status, answer.get("revision")) == (revision.status, revision.number), answer

    @rule(operator=some_operator, place=some_seed, powers=some_fine_powers, is_overtaken=st.booleans())
    def plan_and_cancel_at_once(
        self, operator: str, place: int, powers: list[float | None], is_overtaken: bool
    ) -> None:
        """Two revisions under way; if the higher one comes first, the lower has no effect."""
        is_change = bool(self.model.documents) and place % 3 > 0
        document_id = self._chosen(place) if is_change else None
        bodies, plan = self._bodies({ASSET_IDS[place % len(ASSET_IDS)]: powers}, False)
        if not plan or (document_id and self.model.documents[document_id].is_cancelled):
            return
        operator = self.model.documents[document_id].operator if document_id else operator
        path = f"{PATH}/{document_id}" if document_id else PATH
        first = self.house.call(operator, "PUT" if document_id else "POST", path, {"schedules": bodies}).json
        second = self.house.call(operator, "DELETE", f"{PATH}/{first['id']}").json
        revisions = [self.model.draft(document_id, plan), self.model.draft(document_id, {}, plan)]
        revisions[1].number += 1
        assert [first["revision"], second["revision"]] == [each.number for each in revisions]
        self.house.settle(lambda waiting: 1 if is_overtaken and waiting == 2 else 0)
        for revision in reversed(revisions) if is_overtaken else revisions:
            self.model.arrive(operator, first["id"], revision)
        for sent, revision in zip((first, second), revisions, strict=True):
            assert self.house.outcome(operator, sent)[0] == revision.status

    def teardown(self) -> None:
        if hasattr(self, "readers"):
            self.advance(1, 1)

    @rule(seed=some_seed)
    def a_window_passes(self, seed: int) -> None:
        if len(self.house.bag.ever) != self.post_so_far:
            self.advance(1, seed)

    @rule(minutes=st.sampled_from([15, 45]), seed=some_seed)
    def advance(self, minutes: int, seed: int) -> None:
        """Every window is over then, so that DSOs have been told all; by messages in whatever order."""
        self.house.advance(timedelta(minutes=minutes), Random(seed).randrange)
        for dso in DSOS:
            expected = self.model.of_grid(dso)
            answer = self.house.ask(dso, SEEN_PATH, prefer="wait=10")
            assert self._by_quarter(answer["schedules"]) == expected
            self._follow(dso, "", self.known[dso])
            assert self.known[dso] == expected
            if seed % 3 == 1:
                assert self._own_copy(dso) == expected
                anew: dict[str, Quarters] = {}
                self._follow(dso, f"&reader={next(self.readers)}", anew)
                assert anew == expected
        self.house.settle()
        self.post_so_far = len(self.house.bag.ever)

    @rule(seed=some_seed)
    def deliver_again(self, seed: int) -> None:
        chance = Random(seed)
        letters = list(self.house.bag.ever.values())
        for letter in chance.sample(letters, min(5, len(letters))):
            self.house.deliver(letter)
        self.house.settle(chance.randrange)

    @invariant()
    def operators_read_back_what_they_sent(self) -> None:
        for operator in OPERATORS:
            own = {key: one.shown for key, one in self.model.documents.items() if one.operator == operator}
            expected = {key: one for key, one in own.items() if one.status != "refused"}
            seen = {each["id"]: each for each in self.house.ask(operator, PATH)["schedules"]}
            assert seen.keys() == expected.keys()
            for document_id, shown in expected.items():
                self._compare(seen[document_id], shown)
            for document_id in own.keys() - expected.keys():
                self._compare(self.house.ask(operator, f"{PATH}/{document_id}"), own[document_id])

    def _compare(self, seen: Mapping[str, Any], shown: Any) -> None:
        assert (seen["revision"], seen["status"]) == (shown.number, shown.shown_status)
        assert {(each["asset_id"], each["code"]) for each in seen.get("rejected", ())} == shown.rejected
        assert self._by_quarter(seen["schedules"]) == shown.plan

    def _send(
        self, operator: str, document_id: str | None, powers: dict[str, list[float | None]], is_coarse: bool
    ) -> None:
        bodies, plan = self._bodies(powers, is_coarse)
        if not plan:
            return
        left_out = {asset_id for asset_id, quarters in plan.items() if TOO_FINE_KW in quarters.values()}
        revision = self.model.draft(
            document_id, {asset_id: quarters for asset_id, quarters in plan.items() if asset_id not in left_out}
        )
        document = self.model.documents.get(document_id or "")
        path = f"{PATH}/{document_id}" if document_id else PATH
        status, answer = self.house.send(operator, "PUT" if document_id else "POST", path, {"schedules": bodies})
        if document and document.is_cancelled:
            assert (status, answer["errors"][0]["code"]) == ("refused", "A59") or left_out == set(plan)
        elif not revision.plan or left_out & (document.so_far if document else set()):
            assert (status, answer["errors"][0]["code"]) == ("refused", "A42")
        else:
            self.model.arrive(operator, answer["id"], revision, left_out)
            assert (status, answer.get("revision")) == (revision.status, revision.number), answer

    def _bodies(
        self, powers: Mapping[str, list[float | None]], is_coarse: bool
    ) -> tuple[list[Any], dict[str, Quarters]]:
        """What is sent, and what it means; None is a gap."""
        width, plan, bodies = 2 if is_coarse else 1, {}, []
        for asset_id, levels in powers.items():
            for is_gap, stretch in groupby(enumerate(levels), key=lambda each: each[1] is None):
                if not is_gap:
                    found = list(stretch)
                    start, resolution = self.day + found[0][0] * width * QUARTER, f"PT{15 * width}M"
                    power_kw = [power for _, power in found]
                    bodies.append(_body(asset_id, start, resolution, power_kw))
            quarters = {
                place * width + offset: power
                for place, power in enumerate(levels)
                if power is not None
                for offset in range(width)
            }
            if quarters:
                plan[asset_id] = quarters
        return bodies, plan

    def _own_copy(self, dso: str) -> dict[str, Quarters]:
        """What a DSO's backend answers while the platform is silent."""
        response = self.house.call(dso, "GET", SEEN_PATH)
        if response.status_code == 503:
            return {}  # It was never told of a plan.
        assert response.status_code == 200, response.text
        return self._by_quarter(response.json["schedules"])

    def _follow(self, dso: str, reader: str, known: dict[str, Quarters]) -> None:
        """Bring what a DSO knows by its feed alone up to date."""
        while True:
            told = self.house.ask(dso, f"{SEEN_PATH}/wait?timeout=0{reader}")
            if not told["schedules"] and not told["cancelled"]:
                return
            for each in told["cancelled"]:
                start, end = (datetime.fromisoformat(each[name]) for name in ("start", "end"))
                for quarter in range((start - self.day) // QUARTER, (end - self.day) // QUARTER):
                    known.get(each["asset_id"], {}).pop(quarter, None)
            for asset_id, quarters in self._by_quarter(told["schedules"]).items():
                known.setdefault(asset_id, {}).update(quarters)
            for asset_id in [asset_id for asset_id, quarters in known.items() if not quarters]:
                del known[asset_id]

    def _by_quarter(self, schedules: Iterable[Mapping[str, Any]]) -> dict[str, Quarters]:
        found: dict[str, Quarters] = {}
        for schedule in schedules:
            plan = found.setdefault(schedule["asset_id"], {})
            for quarter, power in _quarters(schedule, self.day):
                assert quarter not in plan, "two powers for one time"
                plan[quarter] = power
        return found

    def _chosen(self, place: int) -> str:
        """Mostly one that can still be changed."""
        open_ones = [key for key, one in self.model.documents.items() if not one.is_cancelled]
        ids = open_ones if open_ones and place % 8 else list(self.model.documents)
        return ids[place % len(ids)]


def _body(asset_id: str, start: datetime, resolution: str, power_kw: list[Any]) -> dict[str, Any]:
    return {
        "asset_id": asset_id,
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "resolution": resolution,
        "power_kw": power_kw,
    }


def _quarters(schedule: Mapping[str, Any], day: datetime) -> Iterator[tuple[int, float]]:
    width, rest = divmod(int(schedule["resolution"][2:-1]), 15)
    assert (width > 0, rest) == (True, 0)
    first = (datetime.fromisoformat(schedule["start"]) - day) // QUARTER
    for place, power in enumerate(schedule["power_kw"]):
        for offset in range(width):
            yield first + place * width + offset, power


@pytest.mark.timeout(3600)
def test_dsos_see_the_plans_that_the_model_says(house: Installation) -> None:
    run(Schedules, house, Lengths(each=50, all=800))
