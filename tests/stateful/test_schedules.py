"""After any plans, changes and cancellations, whoever operates the assets, DSOs see what the model says."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count, groupby
from random import Random
from typing import Any

import pytest

from tests.stateful.plan_model import Claim, Document, Plans, Quarters, Revision
from tests.stateful.running import Draw, pick, run, some, step
from tests.support.installation import DSOS, NORTH, OPERATORS, PARTIES, SOUTH, Installation
from tests.support.world import gs1
from tps.api.schedules import schedule_json
from tps.documents import decode
from tps.documents.generation_load import ScheduleDocument, series_ids
from tps.documents.header import Header, Role
from tps.domain.limit import Interval
from tps.domain.schedule import schedule_of
from tps.endpoint.archiving import read_document
from tps.endpoint.handling import ROLES
from tps.mades.types import SCHEDULE

POINTS = {gs1("5713131", 18, 920_000_000 + number): dso for number, dso in enumerate((NORTH, SOUTH, SOUTH))}
ASSET_IDS = [gs1("5713131", 18, 930_000_000 + number) for number in range(4)]
PATH, SEEN_PATH = "/agr/v1/operational-schedules", "/dso/v1/operational-schedules"
QUARTER = timedelta(minutes=15)
TOO_FINE_KW = 0.0001


def levels(*options: float | None) -> Draw:
    """Draw the powers of one to six intervals; None is a gap."""
    return lambda chance: [chance.choice(options) for _ in range(chance.randint(1, 6))]


def planned(*draws: Draw) -> Draw:
    """Draw powers by asset, each of one of these kinds."""
    return lambda chance: {asset_id: chance.choice(draws)(chance) for asset_id in some(*ASSET_IDS)(chance)}


def some_seed(chance: Random) -> int:
    return chance.randrange(2**16)


some_operator, some_asset, some_point, either = pick(*OPERATORS), pick(*ASSET_IDS), pick(*POINTS), pick(False, True)

some_powers = levels(None, 0, 5, 5, 9, -20, 80, 300, TOO_FINE_KW)
some_fine_powers = levels(None, 0, 5, 8, 9.5)
some_fine_plan = planned(some_fine_powers)
some_plan = planned(some_fine_powers, some_fine_powers, some_powers, lambda _chance: [300])
some_writing = pick("again", "other", "lower", "omits", "next", "next", "skips")


class Schedules:
    """Two DSOs, three operators, four assets, and about eight quarter-hours of a future day."""

    def __init__(self, house: Installation):
        self.house = house

    def begin(self) -> None:
        self.house.empty()
        self.model = Plans({})
        self.day = (self.house.clock.now + timedelta(days=30)).replace(hour=22, minute=0)
        self.known: dict[str, dict[str, Quarters]] = {dso: {} for dso in DSOS}
        self.readers, self.post_so_far = count(), 0
        self.messages: dict[tuple[str, int], str] = {}
        self.unread: set[str] = set()
        self.half_refused: str | None = None
        for point_id in list(POINTS)[:2]:
            self.claim_or_release_point(point_id)
        for number, asset_id in enumerate(ASSET_IDS[:3]):
            self.register(asset_id, OPERATORS[number // 2], list(POINTS)[number % 2], 100, 40)

    @step(point_id=some_point)
    def claim_or_release_point(self, point_id: str) -> None:
        path, dso = "/dso/v1/connection-points", POINTS[point_id]
        if point_id in self.model.points:
            status, _ = self.house.send(dso, "DELETE", f"{path}?id={point_id}")
            del self.model.points[point_id]
        else:
            status, _ = self.house.send(dso, "PUT", path, {"connection_points": [{"id": point_id}]})
            self.model.points[point_id] = dso
        assert status == "accepted"

    @step(
        asset_id=some_asset,
        operator=some_operator,
        point_id=some_point,
        up=pick(10, 100),
        down=pick(0, 40),
    )
    def register(self, asset_id: str, operator: str, point_id: str, up: int, down: int) -> None:
        """SCH-BCK: register new, again, at another point, or with another power."""
        powers = {"max_production_kw": up} | ({"max_consumption_kw": down} if down else {})
        body = {"assets": [{"id": asset_id, "connection_point_id": point_id, **powers}]}
        status, _ = self.house.send(operator, "PUT", "/agr/v1/flexibility-assets", body)
        assert status == "accepted"
        self.model.claims[asset_id][operator] = Claim(point_id, up, down)

    @step(asset_id=some_asset, place=some_seed)
    def deregister(self, asset_id: str, place: int) -> None:
        line = list(self.model.claims[asset_id])
        if line:
            operator = line[place % len(line)]
            status, _ = self.house.send(operator, "DELETE", f"/agr/v1/flexibility-assets?id={asset_id}")
            assert status == "accepted"
            del self.model.claims[asset_id][operator]

    @step(place=some_seed, powers=some_plan, is_coarse=either)
    def plan(self, place: int, powers: dict[str, list[float | None]], is_coarse: bool) -> None:
        """Plan mostly by an operator that has registered one of the assets."""
        concerned = [operator for asset_id in powers for operator in self.model.claims[asset_id]]
        operators = concerned if concerned and place % 8 else OPERATORS
        self._send(operators[place % len(operators)], None, powers, is_coarse)

    @step(place=some_seed, powers=some_plan)
    def plan_over_it(self, place: int, powers: dict[str, list[float | None]]) -> None:
        """Send another document of an operator that has planned before."""
        if self.model.documents:
            self._send(self.model.documents[self._chosen(place)].operator, None, powers, False)

    @step(place=some_seed, powers=some_plan, is_coarse=either)
    def change(self, place: int, powers: dict[str, list[float | None]], is_coarse: bool) -> None:
        """Change mostly assets of the document, so that some refused assets were planned, and some are dropped."""
        if self.model.documents:
            document_id = self._chosen(place)
            document = self.model.documents[document_id]
            if place % 3:
                asset_ids = sorted(ASSET_IDS, key=lambda asset_id: (asset_id not in document.so_far, asset_id))
                powers = dict(zip(asset_ids, powers.values(), strict=False))
            self._send(document.operator, document_id, powers, is_coarse)

    @step(place=some_seed, powers=some_fine_powers, is_later=either)
    def change_but_for_one(self, place: int, powers: list[float | None], is_later: bool) -> None:
        """One series exceeds its maximum: its earlier plan stays, whatever happens to the others."""
        open_ones = {key: one for key, one in self.model.documents.items() if one.standing_ids}
        if not open_ones:
            return
        document_id = list(open_ones)[place % len(open_ones)]
        planned = sorted(open_ones[document_id].standing_ids)
        refused = planned[place % len(planned)]
        levels = [*([None] * 8 if is_later else []), *powers]
        fine = dict.fromkeys([each for each in ASSET_IDS if each != refused and (place % 2 or each in planned)], levels)
        self._send(open_ones[document_id].operator, document_id, {refused: [300], **fine}, False)
        self.half_refused = document_id

    @step(place=some_seed, said=some_writing, powers=some_fine_plan)
    def write_by_hand(self, place: int, said: str, powers: dict[str, list[float | None]]) -> None:
        """An operator's own system writes the document: any revision with any content."""
        if not self.model.documents or place % 8 == 0:
            document_id, said = f"by-hand-{len(self.model.documents)}", "next"
            document = Document(OPERATORS[place % len(OPERATORS)])
        else:
            document_id = self._chosen(place)
            document = self.model.documents[document_id]
        sent = self._written(document_id, document, said, place, powers)
        if sent is None:
            return
        status, answer = self.house.send_document(document.operator, SCHEDULE, sent)
        revision = Revision(sent.revision, self._planned(sent), set(series_ids(sent)))
        self.model.arrive(document.operator, document_id, revision)
        self._sent(document.operator, document_id, revision, answer)
        assert status == revision.given, (said, answer)
        assert not revision.code or [each["code"] for each in answer["errors"]] == [revision.code], (said, answer)

    @step(place=some_seed)
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
        self._sent(document.operator, document_id, revision, answer)
        assert (status, answer.get("revision")) == (revision.status, revision.number), answer

    @step(operator=some_operator, place=some_seed, powers=some_fine_powers, is_overtaken=either)
    def plan_and_cancel_at_once(
        self, operator: str, place: int, powers: list[float | None], is_overtaken: bool
    ) -> None:
        """Two revisions are on their way. If the higher arrives first, the lower has no effect."""
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
            self._sent(operator, first["id"], revision, sent)
            assert self.house.outcome(operator, sent)[0] == revision.status

    def look(self, *, is_last: bool) -> None:
        """Check what operators read back; at the end, check everything, and what DSOs see."""
        if is_last:
            self.unread = {*OPERATORS}
            self.advance(1, 1)
        self._read_back()

    @step(seed=some_seed)
    def a_window_passes(self, seed: int) -> None:
        if len(self.house.bag.ever) != self.post_so_far:
            self.advance(1, seed)

    @step(minutes=pick(15, 45), seed=some_seed)
    def advance(self, minutes: int, seed: int) -> None:
        """End every window, so that DSOs have received everything, by messages in any order."""
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

    @step(seed=some_seed)
    def deliver_again(self, seed: int) -> None:
        chance = Random(seed)
        letters = list(self.house.bag.ever.values())
        for letter in chance.sample(letters, min(5, len(letters))):
            self.house.deliver(letter)
        self.house.settle(chance.randrange)
        self.unread = {*OPERATORS}

    def _read_back(self) -> None:
        for operator in sorted(self.unread):
            own = {key: one.shown for key, one in self.model.documents.items() if one.operator == operator}
            expected = {key: one for key, one in own.items() if one.status != "refused"}
            seen = {each["id"]: each for each in self.house.ask(operator, PATH)["schedules"]}
            assert seen.keys() == expected.keys()
            for document_id, shown in expected.items():
                self._compare(seen[document_id], shown)
            for document_id in own.keys() - expected.keys():
                self._compare(self.house.ask(operator, f"{PATH}/{document_id}"), own[document_id])
        self.unread = set()

    def _compare(self, seen: Mapping[str, Any], shown: Any) -> None:
        assert (seen["revision"], seen["status"]) == (shown.number, shown.shown_status)
        assert {(each["asset_id"], each["code"]) for each in seen.get("rejected", ())} == shown.rejected
        assert self._by_quarter(seen["schedules"]) == shown.plan

    def _sent(self, operator: str, document_id: str, revision: Revision, answer: Mapping[str, Any]) -> None:
        """Record the message of a revision that was sent and answered."""
        self.unread.add(operator)
        if self.model.documents[document_id].revisions.get(revision.number) is revision:
            self.messages[(document_id, revision.number)] = answer["message_id"]

    def _written(
        self, document_id: str, document: Document, said: str, place: int, powers: Mapping[str, list[float | None]]
    ) -> ScheduleDocument | None:
        """Return a document as `said` describes, if such a document is possible now."""
        if said in ("again", "other"):
            number = list(document.revisions)[place % len(document.revisions)]
            sent = self._document(document.operator, self.messages[(document_id, number)])
            if said == "again":
                return replace(sent, header=replace(sent.header, created_at=self.house.clock.now))
            return self._write(document_id, document.operator, number, {ASSET_IDS[place % len(ASSET_IDS)]: [1, 2, 3]})
        if said == "lower":
            lower = document.highest - 1
            return self._write(document_id, document.operator, lower, powers) if lower > 0 else None
        number = max(document.revisions, default=0) + (2 if said == "skips" else 1)
        planned = sorted(document.standing_ids)
        omitted = planned[place % len(planned)] if said == "omits" and planned else ""
        powers = {asset_id: levels for asset_id, levels in powers.items() if asset_id != omitted}
        return self._write(document_id, document.operator, number, powers, {*planned} - {omitted})

    def _write(
        self,
        document_id: str,
        operator: str,
        number: int,
        powers: Mapping[str, list[float | None]],
        named: Collection[str] = (),
    ) -> ScheduleDocument | None:
        role, platform = ROLES[dict(PARTIES)[operator]], self.house.services.settings.platform_party
        bodies, plan = self._bodies(powers, False)
        if not plan and not named:
            return None
        schedules = [
            schedule_of(
                each["asset_id"], datetime.fromisoformat(each["start"]), "PT15M", list(map(Decimal, each["power_kw"]))
            )
            for each in sorted(bodies, key=lambda body: (body["asset_id"], body["start"]))
        ]
        return ScheduleDocument(
            Header(document_id, self.house.clock.now, operator, role, platform, Role.TPS),
            number,
            Interval(self.day, self.day + timedelta(days=1)),
            tuple(schedules),
            tuple(sorted({*named} - {*plan})),
        )

    def _document(self, operator: str, message_id: str) -> ScheduleDocument:
        content = read_document(self.house.services.endpoint("agr"), operator, message_id)
        assert content is not None
        document = decode(content)
        assert isinstance(document, ScheduleDocument)
        return document

    def _planned(self, document: ScheduleDocument) -> dict[str, Quarters]:
        return self._by_quarter(map(schedule_json, document.schedules))

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
            self._sent(operator, answer["id"], revision, answer)
            assert (status, answer.get("revision")) == (revision.status, revision.number), answer

    def _bodies(
        self, powers: Mapping[str, list[float | None]], is_coarse: bool
    ) -> tuple[list[Any], dict[str, Quarters]]:
        """Return the REST bodies and their meaning; None is a gap."""
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
        """Return the answer of a DSO's backend while the platform is silent."""
        response = self.house.call(dso, "GET", SEEN_PATH)
        if response.status_code == 503:
            return {}  # The backend never received a plan.
        assert response.status_code == 200, response.text
        return self._by_quarter(response.json["schedules"])

    def _follow(self, dso: str, reader: str, known: dict[str, Quarters]) -> None:
        """Update a DSO's knowledge from its feed alone."""
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
        """Return a document, mostly one that can still be changed."""
        open_ones = [key for key, one in self.model.documents.items() if not one.is_cancelled]
        if self.half_refused in open_ones and place % 3 == 0:
            return str(self.half_refused)
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
    run(lambda: Schedules(house), steps=800, steps_each=50)
