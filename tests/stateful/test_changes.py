"""After any order of registrations, limits, changes and ends, every party sees what the model says.

The steps are the same on each run. `tests/stateful/running.py` says how to play other steps or to replay a history.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.stateful import sayings
from tests.stateful.model import Limit, Model, Said
from tests.stateful.onlookers import ASSET_IDS, DSO_OF, LIMITS, OPERATOR_OF, POINTS, Onlookers
from tests.stateful.registry_model import DIRECTIONS, Claim, Point
from tests.stateful.running import pick, play, run, some, step, together
from tests.stateful.sayings import MESSAGE_TYPES
from tests.support.installation import DSOS, NORTH, OPERATORS, Installation
from tps.domain.fairness import share_limit
from tps.platform.limit_relay import tie_key
from tps.platform.limits import LimitName

LONGEST_CUT = timedelta(hours=10)

ONE_ASSET, SOME_ASSETS, ONE_DSO = pick(*ASSET_IDS), some(*ASSET_IDS), pick(*DSOS)
FLAG, PLACE = pick(True, False), pick(*range(1000))
FORESEEN = together(pick(*DIRECTIONS), pick(0, 7, 50, 333, 5000), pick(-60, -60, 0, 1, 15, 240), pick(61, 120), FLAG)
UNFORESEEN = together(pick("stop", "stop", "hold", "start"), pick(None, *DIRECTIONS), pick(1, 16, 30, 300))


class Changes:
    """Two DSOs, three operators, three connection points, six assets."""

    def __init__(self, house: Installation) -> None:
        self.house = house

    def begin(self) -> None:
        self.house.empty()
        self.model = Model(self._divide)
        self.onlookers = Onlookers(self.house, self.model)
        self.decided: dict[tuple[str, int], tuple[Said, str, str]] = {}
        self.cut_at: dict[str, datetime] = {}
        for dso in DSOS:
            self._set_points(dso, {point_id: {} for point_id, owner in DSO_OF.items() if owner == dso})
        for number, operator in enumerate(OPERATORS):
            own = {ASSET_IDS[place]: POINTS[place % 3] for place in (2 * number, 2 * number + 1) if place < 5}
            self._register(operator, own, {"production": 100, "consumption": 40})

    # Registrations

    @step(
        3,
        asset_id=ONE_ASSET,
        place=pick(*range(6)),
        point=pick(*range(9)),
        up=pick(10, 100, 250),
        down=pick(0, 40),
    )
    def register(self, asset_id: str, place: int, point: int, up: int, down: int) -> None:
        """Register an asset, mostly by its usual operator at its usual point."""
        usual = POINTS[ASSET_IDS.index(asset_id) % 3]
        point_id = POINTS[point] if point < 3 else usual
        self._register(_operator(asset_id, place), {asset_id: point_id}, {"production": up, "consumption": down})

    @step(asset_id=ONE_ASSET, place=pick(*range(6)))
    def deregister(self, asset_id: str, place: int) -> None:
        """HND-REM: an asset is removed, and a limit on it stays in force."""
        operator = _operator(asset_id, place)
        if operator in self.model.registry.claims[asset_id] and operator not in self.model.cut_off:
            status, _ = self.house.send(operator, "DELETE", f"/agr/v1/flexibility-assets?id={asset_id}")
            assert status == "accepted"
            del self.model.registry.claims[asset_id][operator]

    @step(2, asset_id=ONE_ASSET, place=pick(*range(3)))
    def hand_over(self, asset_id: str, place: int) -> None:
        """HND-TWO: the next tick divides the parts of two operators again, and changes no other part."""
        holder, after = self.model.registry.holder(asset_id), OPERATORS[place]
        if holder and holder.operator != after and not {holder.operator, after} & self.model.cut_off.keys():
            self._register(after, {asset_id: holder.point_id}, holder.power_kw)
            self.deregister(asset_id, OPERATORS.index(holder.operator))

    @step(point_id=pick(*POINTS), up=pick(None, 60, 150), down=pick(None, 30))
    def set_point(self, point_id: str, up: int | None, down: int | None) -> None:
        """Set the maxima of a point, or none; existing divisions stay."""
        stated = {name: power for name, power in zip(DIRECTIONS, (up, down), strict=True) if power is not None}
        self._set_points(DSO_OF[point_id], {point_id: stated})

    @step(point_id=pick(*POINTS))
    def remove_point(self, point_id: str) -> None:
        """HND-PNT: the point's assets wait from now on, and limits on them stay in force."""
        if self.model.registry.points.pop(point_id, None):
            status, _ = self.house.send(DSO_OF[point_id], "DELETE", f"/dso/v1/connection-points?id={point_id}")
            assert status == "accepted"

    # Limits by REST

    @step(2, dso=ONE_DSO, asset_ids=SOME_ASSETS, said=FORESEEN, only_own=FLAG)
    def send_foreseen(self, dso: str, asset_ids: list[str], said: tuple[Any, ...], only_own: bool) -> None:
        """LIM-CAN: some assets have no capability in the direction, and no weight."""
        ids = self._narrowed(dso, asset_ids, only_own)
        self._put(dso, None, sayings.foreseen(self.house.clock.now, ids, said))

    @step(2, dso=ONE_DSO, asset_ids=SOME_ASSETS, said=UNFORESEEN)
    def send_unforeseen(self, dso: str, asset_ids: list[str], said: tuple[Any, ...]) -> None:
        self._put(dso, None, sayings.unforeseen(self.house.clock.now, asset_ids, said))

    @step(3, place=PLACE, asset_ids=SOME_ASSETS, foreseen=FORESEEN, unforeseen=UNFORESEEN)
    def update(self, place: int, asset_ids: list[str], foreseen: tuple[Any, ...], unforeseen: tuple[Any, ...]) -> None:
        if self.model.limits:
            limit_id, limit = self._chosen(place)
            self._put(limit.dso, limit_id, self._other(limit, place, asset_ids, (foreseen, unforeseen)))

    @step(2, place=PLACE, in_error=FLAG)
    def remove(self, place: int, in_error: bool) -> None:
        """LIF-DEL: cancelled, ended or withdrawn."""
        if not self.model.limits:
            return
        limit_id, limit = self._chosen(place)
        path = f"{LIMITS}/{limit.said.kind}/{limit_id}" + ("?sent_in_error=true" if in_error else "")
        status, body = self._say(limit.dso, "DELETE", path)
        is_open = limit.status_at(self.house.clock.now) == "active" and limit.revision < 999
        assert status == ("accepted" if is_open else "refused"), body
        if is_open:
            self.model.remove(limit_id, self.house.clock.now, in_error=in_error)
            self._decide(limit_id, "accepted")

    @step(place=PLACE, power_kw=pick(3, 80), is_overtaken=FLAG)
    def update_and_withdraw_at_once(self, place: int, power_kw: int, is_overtaken: bool) -> None:
        """REV-CLS, REV-ORD: if the higher of two revisions arrives first, the lower has no effect."""
        now = self.house.clock.now
        limit_id, limit = self._chosen(place) if self.model.limits else ("", None)
        own = sorted(self.model.registry.grid(limit.dso)) if limit else []
        is_open = limit is not None and limit.status_at(now) == "active" and limit.revision < 997
        if limit is None or not is_open or limit.said.kind != "foreseen" or not own:
            return
        said = sayings.foreseen(now, own, ("production", power_kw, 15, 120, False))
        path = f"{LIMITS}/foreseen/{limit_id}"
        first = self.house.call(limit.dso, "PUT", path, sayings.body_of(said)).json
        second = self.house.call(limit.dso, "DELETE", f"{path}?sent_in_error=true").json
        assert (first["revision"], second["revision"]) == (limit.revision + 1, limit.revision + 2)
        self.onlookers.asked[limit.dso] += 2
        self.house.settle(lambda count: 1 if is_overtaken and count == 2 else 0)
        for sent in (first, second):
            assert self.house.outcome(limit.dso, sent)[0] == "accepted"
        if not is_overtaken:
            self.model.put(limit_id, limit.dso, first["revision"], said, now)
        self.decided[(limit_id, first["revision"])] = (said, "active", "accepted")
        self.model.close(limit_id, second["revision"], "withdrawn", now)
        self.decided[(limit_id, second["revision"])] = (said, "withdrawn", "accepted")

    # Limits by documents that a DSO's own system writes

    @step(2, place=PLACE, is_same=FLAG, back=pick(*range(3)))
    def write_again(self, place: int, is_same: bool, back: int) -> None:
        """REV-SAM, REV-OTH, REV-LOW: a revision that exists already, or is lower than the revision in force."""
        if not self.model.limits:
            return
        limit_id, limit = self._chosen(place)
        revision = max(limit.revision - back, 1)
        said, status, outcome = self.decided.get((limit_id, revision), (limit.said, "active", "accepted"))
        is_decided = (limit_id, revision) in self.decided
        if not is_same:
            said, status = limit.said, "withdrawn" if status != "withdrawn" else "cancelled"
        answered, body = self._write(limit_id, limit.dso, revision, said, status)
        if is_same or not is_decided:
            assert answered == outcome, body
            self.decided.setdefault((limit_id, revision), (said, status, outcome))
        else:
            assert (answered, {each["code"] for each in body["errors"]}) == ("refused", {"A51"})

    @step(
        3,
        place=PLACE,
        asset_ids=SOME_ASSETS,
        foreseen=FORESEEN,
        unforeseen=UNFORESEEN,
        status=pick("active", "active", "cancelled", "withdrawn"),
        step=pick(1, 1, 1, 3, 1000),
    )
    def write_next(
        self,
        place: int,
        asset_ids: list[str],
        foreseen: tuple[Any, ...],
        unforeseen: tuple[Any, ...],
        status: str,
        step: int,
    ) -> None:
        """REV-HIG, REV-999, LIF-ERR: a higher revision, also with gaps; a closed limit takes no further revision."""
        if not self.model.limits:
            return
        now = self.house.clock.now
        limit_id, limit = self._chosen(place)
        revision = min(limit.revision + step, 999)
        if revision == limit.revision:
            return
        said = self._other(limit, place, asset_ids, (foreseen, unforeseen)) if status == "active" else limit.said
        if said.end <= said.start:
            return
        expected = self.model.judge(limit_id, limit.dso, said if status == "active" else None, now)
        answered, body = self._write(limit_id, limit.dso, revision, said, status)
        assert answered == expected, body
        if answered == "refused":
            return
        if status == "active":
            self.model.put(limit_id, limit.dso, revision, said, now)
        else:
            self.model.close(limit_id, revision, status, now)
        self.decided[(limit_id, revision)] = (said, status, answered)

    # Time and delivery

    @step(5, seconds=pick(20, 40, 60, 60, 900, 2700, 18000))
    def advance(self, seconds: int) -> None:
        """DST-FED, LIM-OVL, EMG-ORD: a minute ends all windows, and the feeds of changes are complete."""
        for operator in [each for each, at in self.cut_at.items() if self.house.clock.now - at > LONGEST_CUT]:
            self.cut_off_or_reconnect(operator)
        self.house.advance(timedelta(seconds=seconds))
        self.model.tick(self.house.clock.now)
        if seconds >= 60:
            self.onlookers.feeds_tell_what_the_model_says()
        for operator in OPERATORS:
            self.onlookers.bounds_are_what_the_limits_say(operator)

    @step(seed=PLACE)
    def deliver_again(self, seed: int) -> None:
        chance = Random(seed)
        letters = [each for each in self.house.bag.ever.values() if not self.house.bag.is_held(each)]
        for letter in chance.sample(letters, min(5, len(letters))):
            self.house.deliver(letter)
        self.house.settle(chance.randrange)

    @step(operator=pick(*OPERATORS))
    def cut_off_or_reconnect(self, operator: str) -> None:
        """Delayed messages arrive in order, except the first message of an emergency that has ended."""
        if operator in self.model.cut_off:
            del self.cut_at[operator]
            self.house.bag.reconnect(operator)
            self.house.settle()
            self.model.join(operator, self.house.clock.now)
        else:
            self.cut_at[operator] = self.house.clock.now
            self.house.bag.cut_off(operator)
            self.model.cut(operator)

    @step(2)
    def acknowledge(self) -> None:
        """Tell the platform which messages the operators' endpoints have taken."""
        self.house.acknowledge()
        self.model.hear()

    # The views of all parties

    def look(self, *, is_last: bool) -> None:
        self.onlookers.look(is_last=is_last)

    # Helpers

    def _register(self, operator: str, points: Mapping[str, str], power_kw: Mapping[str, int]) -> None:
        if operator in self.model.cut_off:
            return
        powers = {f"max_{direction}_kw": power for direction, power in power_kw.items() if power}
        assets = [{"id": each, "connection_point_id": point_id, **powers} for each, point_id in points.items()]
        status, _ = self.house.send(operator, "PUT", "/agr/v1/flexibility-assets", {"assets": assets})
        assert status == "accepted"
        for asset_id, point_id in points.items():
            self.model.registry.claims[asset_id][operator] = Claim(operator, point_id, power_kw)

    def _set_points(self, dso: str, stated_kw: Mapping[str, Mapping[str, int]]) -> None:
        points = [
            {"id": point_id, **{f"max_{direction}_kw": power for direction, power in stated.items()}}
            for point_id, stated in stated_kw.items()
        ]
        status, _ = self.house.send(dso, "PUT", "/dso/v1/connection-points", {"connection_points": points})
        assert status == "accepted"
        self.model.registry.points |= {point_id: Point(dso, stated) for point_id, stated in stated_kw.items()}

    def _put(self, dso: str, limit_id: str | None, said: Said) -> None:
        """Send a new limit or a replacement."""
        now, before = self.house.clock.now, self.model.limits.get(limit_id or "")
        path = f"{LIMITS}/{said.kind}" + (f"/{limit_id}" if limit_id else "")
        status, answer = self._say(dso, "PUT" if limit_id else "POST", path, sayings.body_of(said))
        is_refused = (before is not None and before.revision == 999) or said.end <= now
        assert status == ("refused" if is_refused else self.model.judge(limit_id or "", dso, said, now)), answer
        if status == "refused":
            if limit_id is None and "id" in answer:
                self.onlookers.refused[answer["id"]] = dso
            return
        self.model.put(answer["id"], dso, before.revision + 1 if before else 1, said, now)
        self._decide(answer["id"], status)

    def _decide(self, limit_id: str, outcome: str) -> None:
        """Remember the latest revision, to send it again later."""
        limit = self.model.limits[limit_id]
        status = "active" if limit.status == "ended" else limit.status
        self.decided[(limit_id, limit.revision)] = (limit.said, status, outcome)

    def _say(self, dso: str, method: str, path: str, body: Any = None) -> tuple[str, Any]:
        """Make one call, and return the platform's decision."""
        response = self.house.call(dso, method, path, body)
        if response.status_code != 202:
            return "refused", response.json
        self.onlookers.asked[dso] += 1
        self.house.settle()
        return self.house.outcome(dso, response.json)

    def _write(self, limit_id: str, dso: str, revision: int, said: Said, status: str) -> tuple[str, Any]:
        """Send one document, and return the platform's decision."""
        endpoint = self.house.services.endpoint("dso")
        header = sayings.header_of(limit_id, dso, endpoint.platform, self.house.clock.now)
        document = sayings.document_of(header, revision, said, status)
        self.onlookers.asked[dso] += 1
        return self.house.send_document(dso, MESSAGE_TYPES[said.kind], document)

    def _other(
        self, limit: Limit, place: int, asset_ids: Sequence[str], said: tuple[tuple[Any, ...], tuple[Any, ...]]
    ) -> Said:
        """Return another content for a limit, mostly about its allowed assets."""
        now = self.house.clock.now
        ids = self._narrowed(limit.dso, asset_ids, place % 4 > 0)
        if limit.said.action:
            return sayings.unforeseen(now, ids, said[1], limit.said.start)
        return sayings.foreseen(now, ids, said[0])

    def _chosen(self, place: int) -> tuple[str, Limit]:
        """Return a limit, mostly an open one."""
        now = self.house.clock.now
        open_ones = [key for key, one in self.model.limits.items() if one.status_at(now) == "active"]
        ids = open_ones if open_ones and place % 8 else list(self.model.limits)
        limit_id = ids[place % len(ids)]
        return limit_id, self.model.limits[limit_id]

    def _narrowed(self, dso: str, asset_ids: Sequence[str], only_own: bool) -> list[str]:
        """Return mostly assets of the DSO's grid, so that most limits are accepted."""
        grid = self.model.registry.grid(dso)
        own = [asset_id for asset_id in asset_ids if asset_id in grid]
        return own if only_own and own else list(asset_ids)

    def _divide(
        self, dso: str, limit_id: str, power_kw: Decimal, weights: Mapping[str, Decimal]
    ) -> Mapping[str, Decimal]:
        parts = share_limit(
            power_kw, weights, tie_key(self.house.services.endpoint("tps"), LimitName(dso, limit_id, 1))
        )
        assert sum(parts.values()) == min(power_kw, sum(weights.values()))
        return parts


def _operator(asset_id: str, place: int) -> str:
    return OPERATORS[place] if place < len(OPERATORS) else OPERATOR_OF[asset_id]


def test_who_was_away_while_an_emergency_was_cut_short_hears_of_it_after_its_end(house: Installation) -> None:
    """EMG-LNG: only the first message of an emergency becomes useless when the emergency ends."""
    stopped = {"dso": NORTH, "asset_ids": ASSET_IDS[:2]}
    changed = {"place": 1, "asset_ids": ASSET_IDS[:2], "foreseen": ("production", 0, 0, 61, False)}
    away = ("cut_off_or_reconnect", {"operator": OPERATORS[0]})

    play(
        lambda: Changes(house),
        [
            ("send_unforeseen", {**stopped, "said": ("stop", None, 300)}),
            away,
            ("update", {**changed, "unforeseen": ("stop", None, 16)}),
            ("advance", {"seconds": 2700}),
            away,
        ],
    )


@pytest.mark.timeout(3600)
def test_everybody_sees_what_the_model_says(house: Installation) -> None:
    """LIF-ACT, LIF-EXP, TLD-STY, TLD-NOT, TLD-NEW, TLD-OUT, TLD-BCK, LIM-WGT, HND-TWO, EMG-TLD, EMG-DLV, RGN-MAX."""
    run(lambda: Changes(house), steps=1200, steps_each=40)
