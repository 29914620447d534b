"""Whatever is registered, limited, changed and ended, in whatever order: everybody sees what the model says."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stateful.histories import Lengths, run
from tests.stateful.installation import DSOS, NORTH, OPERATORS, SOUTH, Installation
from tests.stateful.model import Asset, Limit, Model
from tests.support.world import gs1
from tps.backend.limit_relay import tie_key
from tps.domain.fairness import share_limit
from tps.stores.limits import LimitName

POINTS = {gs1("5713131", 18, 900_000_000 + number): dso for number, dso in enumerate((NORTH, NORTH, SOUTH))}
ASSET_IDS = [gs1("5713131", 18, 910_000_000 + number) for number in range(6)]
POINT_OF = {asset_id: list(POINTS)[number % 3] for number, asset_id in enumerate(ASSET_IDS)}
OPERATOR_OF = {asset_id: OPERATORS[number // 2 % 3] for number, asset_id in enumerate(ASSET_IDS)}
DIRECTIONS = ("production", "consumption")

some_asset = st.sampled_from(ASSET_IDS)
some_assets = st.lists(st.sampled_from(ASSET_IDS), min_size=1, max_size=6, unique=True)
some_dso = st.sampled_from(DSOS)
some_seed = st.integers(0, 2**16)
some_foreseen = st.tuples(
    st.sampled_from(DIRECTIONS), st.sampled_from([0, 7, 50, 333, 5000]), st.sampled_from([-60, 15, 240]), st.booleans()
)
some_unforeseen = st.tuples(st.sampled_from(["stop", "hold"]), st.sampled_from([30, 300]))


class Changes(RuleBasedStateMachine):
    """Two DSOs, three operators, six assets."""

    house: Installation

    @initialize()
    def empty_world(self) -> None:
        self.house.empty()
        self.model = Model(self._divide)
        self.refused: dict[str, str] = {}
        self.known: dict[str, dict[str, tuple[Any, ...]]] = {dso: {} for dso in DSOS}
        for dso in DSOS:
            points = [{"id": point_id} for point_id, owner in POINTS.items() if owner == dso]
            status, _ = self.house.send(dso, "PUT", "/dso/v1/connection-points", {"connection_points": points})
            assert status == "accepted"
        for asset_id in ASSET_IDS[:5]:
            self.register(asset_id, 5, 100, 40)

    @rule(
        asset_id=some_asset, place=st.integers(0, 5), up=st.sampled_from([10, 100, 250]), down=st.sampled_from([0, 40])
    )
    def register(self, asset_id: str, place: int, up: int, down: int) -> None:
        """By its usual operator, mostly."""
        operator, point_id = _operator(asset_id, place), POINT_OF[asset_id]
        powers = {"max_production_kw": up} | ({"max_consumption_kw": down} if down else {})
        body = {"assets": [{"id": asset_id, "connection_point_id": point_id, **powers}]}
        status, _ = self.house.send(operator, "PUT", "/agr/v1/flexibility-assets", body)
        assert status == "accepted"
        self.model.claim(asset_id, Asset(operator, POINTS[point_id], {"production": up, "consumption": down}))

    @rule(asset_id=some_asset, place=st.integers(0, 5))
    def deregister(self, asset_id: str, place: int) -> None:
        operator = _operator(asset_id, place)
        if operator in self.model.claims.get(asset_id, {}):
            status, _ = self.house.send(operator, "DELETE", f"/agr/v1/flexibility-assets?id={asset_id}")
            assert status == "accepted"
            self.model.release(asset_id, operator)

    @rule(dso=some_dso, asset_ids=some_assets, said=some_foreseen, only_own=st.booleans())
    def send_foreseen(self, dso: str, asset_ids: list[str], said: tuple[Any, ...], only_own: bool) -> None:
        """LIM-CAN: some have nothing in the direction, and weigh nothing."""
        self._put("POST", dso, self._narrowed(dso, asset_ids, only_own), said, None)

    @rule(dso=some_dso, asset_ids=some_assets, said=some_unforeseen)
    def send_unforeseen(self, dso: str, asset_ids: list[str], said: tuple[Any, ...]) -> None:
        self._put("POST", dso, asset_ids, said, None)

    @rule(place=some_seed, asset_ids=some_assets, foreseen=some_foreseen, unforeseen=some_unforeseen)
    def update(self, place: int, asset_ids: list[str], foreseen: tuple[Any, ...], unforeseen: tuple[Any, ...]) -> None:
        if self.model.limits:
            limit_id, limit = self._chosen(place)
            said = foreseen if limit.kind == "foreseen" else unforeseen
            self._put("PUT", limit.dso, self._narrowed(limit.dso, asset_ids, place % 4 > 0), said, limit_id)

    @rule(place=some_seed, in_error=st.booleans())
    def remove(self, place: int, in_error: bool) -> None:
        if not self.model.limits:
            return
        limit_id, limit = self._chosen(place)
        path = f"/dso/v1/capacity-limits/{limit.kind}/{limit_id}" + ("?sent_in_error=true" if in_error else "")
        status, body = self.house.send(limit.dso, "DELETE", path)
        is_open = limit.status_at(self.house.clock.now) == "active"
        assert status == ("accepted" if is_open else "refused"), body
        if is_open:
            self.model.remove(limit_id, self.house.clock.now, in_error=in_error)

    @rule(place=some_seed, power_kw=st.sampled_from([3, 80]), is_overtaken=st.booleans())
    def update_and_withdraw_at_once(self, place: int, power_kw: int, is_overtaken: bool) -> None:
        """Two revisions under way; if the higher one comes first, the lower has no effect and nobody is told of it."""
        now = self.house.clock.now
        open_ones = [key for key, one in self.model.limits.items() if one.status_at(now) == "active"]
        limit_id = open_ones[place % len(open_ones)] if open_ones else ""
        limit = self.model.limits.get(limit_id)
        own = sorted(self.model.of_grid(limit.dso)) if limit else []
        if limit is None or limit.kind != "foreseen" or not own:
            return
        body, update = _foreseen(limit.dso, now, ("production", power_kw, 15, False))
        path = f"/dso/v1/capacity-limits/foreseen/{limit_id}"
        first = self.house.call(limit.dso, "PUT", path, {**body, "asset_ids": own}).json
        second = self.house.call(limit.dso, "DELETE", f"{path}?sent_in_error=true").json
        assert (first["revision"], second["revision"]) == (limit.revision + 1, limit.revision + 2)
        self.house.settle(lambda count: 1 if is_overtaken and count == 2 else 0)
        for sent in (first, second):
            assert self.house.outcome(limit.dso, sent)[0] == "accepted"
        update.revision = first["revision"]
        if is_overtaken:
            limit.revision += 1
        else:
            self.model.put(limit_id, update, own)
        self.model.remove(limit_id, now, in_error=True)

    @rule(minutes=st.sampled_from([1, 15, 45, 300]))
    def advance(self, minutes: int) -> None:
        """Every window is over then, so that the DSOs' feeds of changes have told all."""
        self.house.advance(timedelta(minutes=minutes))
        self.model.tick(self.house.clock.now)
        for dso in DSOS:
            self._follow(dso)
            expected = {asset_id: _listed(self.model.assets[asset_id]) for asset_id in self.model.of_grid(dso)}
            assert self.known[dso] == expected

    @rule(seed=some_seed)
    def deliver_again(self, seed: int) -> None:
        chance = Random(seed)
        letters = list(self.house.bag.ever.values())
        for letter in chance.sample(letters, min(5, len(letters))):
            self.house.deliver(letter)
        self.house.settle(chance.randrange)

    @invariant()
    def operators_see_what_the_model_says(self) -> None:
        for operator in OPERATORS:
            seen = self.house.ask(operator, "/agr/v1/capacity-limits")["limits"]
            expected = self.model.seen_by_operator(operator, self.house.clock.now)
            assert _sorted(_seen(each) for each in seen) == _sorted(_told(*each) for each in expected)

    @invariant()
    def dsos_see_what_the_model_says(self) -> None:
        now = self.house.clock.now
        for dso in DSOS:
            seen = self.house.ask(dso, "/dso/v1/capacity-limits")["limits"]
            expected = {key: one for key, one in self.model.limits.items() if one.dso == dso}
            statuses = {limit_id: (one.revision, one.status_at(now)) for limit_id, one in expected.items()}
            refused = {limit_id: (1, "refused") for limit_id, owner in self.refused.items() if owner == dso}
            assert {each["id"]: (each["revision"], each["status"]) for each in seen} == statuses | refused

    def _put(self, method: str, dso: str, asset_ids: list[str], said: tuple[Any, ...], limit_id: str | None) -> None:
        before, now = self.model.limits.get(limit_id or ""), self.house.clock.now
        kind = "foreseen" if len(said) == 4 else "unforeseen"
        body, limit = (_foreseen if kind == "foreseen" else _unforeseen)(dso, now, said)
        path = f"/dso/v1/capacity-limits/{kind}" + (f"/{limit_id}" if limit_id else "")
        status, answer = self.house.send(dso, method, path, {**body, "asset_ids": asset_ids})
        is_open = before is None or before.status_at(now) == "active"
        expected = self.model.expected(kind, dso, asset_ids) if is_open else "refused"
        assert status == expected, (answer, asset_ids)
        if status == "refused":
            if before is None:
                self.refused[answer["id"]] = dso
            return
        if before is not None:
            limit.revision = before.revision + 1
            limit.start = before.start if kind == "unforeseen" else limit.start
        self.model.put(answer["id"], limit, asset_ids)

    def _follow(self, dso: str) -> None:
        """What a DSO knows of its grid by its feed of changes alone."""
        while True:
            told = self.house.ask(dso, "/dso/v1/flexibility-assets/changes?timeout=0")
            if not told["assets"] and not told["removed_ids"]:
                return
            for asset_id in told["removed_ids"]:
                del self.known[dso][asset_id]
            for each in told["assets"]:
                self.known[dso][each["id"]] = (each.get("max_production_kw"), each.get("max_consumption_kw"))

    def _chosen(self, place: int) -> tuple[str, Limit]:
        open_ones = [key for key, one in self.model.limits.items() if one.status_at(self.house.clock.now) == "active"]
        ids = open_ones if open_ones and place % 8 else list(self.model.limits)
        limit_id = ids[place % len(ids)]
        return limit_id, self.model.limits[limit_id]

    def _narrowed(self, dso: str, asset_ids: Sequence[str], only_own: bool) -> list[str]:
        """Mostly assets that the limit may be about, so that most limits stand."""
        own = [asset_id for asset_id in asset_ids if asset_id in self.model.of_grid(dso)]
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


def _listed(asset: Asset) -> tuple[Any, ...]:
    return asset.power_kw["production"], asset.power_kw["consumption"] or None


def _foreseen(dso: str, now: datetime, said: tuple[Any, ...]) -> tuple[dict[str, Any], Limit]:
    direction, power_kw, start_in, has_two = said
    first = now + timedelta(minutes=start_in)
    slots = [(first, first + timedelta(minutes=120), Decimal(power_kw))]
    if has_two:
        slots.append((first + timedelta(minutes=135), first + timedelta(minutes=180), Decimal(power_kw + 1)))
    available = [{"start": _text(start), "end": _text(end), "power_kw": int(power)} for start, end, power in slots]
    limit = Limit(
        dso, "foreseen", 1, "active", {"direction": direction, "available": slots}, {}, slots[0][0], slots[-1][1]
    )
    return {"direction": direction, "available": available}, limit


def _unforeseen(dso: str, now: datetime, said: tuple[Any, ...]) -> tuple[dict[str, Any], Limit]:
    action, minutes = said
    end = now + timedelta(minutes=minutes)
    content = {"direction": "both", "action": action, "expected_end": end}
    limit = Limit(dso, "unforeseen", 1, "active", content, {}, now, end)
    return {"action": action, "expected_end": _text(end)}, limit


def _seen(limit: dict[str, Any]) -> tuple[Any, ...]:
    """What an operator read of a limit; what is over for it is compared by revision and status alone."""
    if limit["status"] in ("cancelled", "withdrawn"):
        return limit["revision"], limit["status"]
    slots = [(each["start"], each["end"], Decimal(str(each["power_kw"]))) for each in limit.get("available", ())]
    further = (limit["direction"], tuple(sorted(limit["asset_ids"])), limit.get("action"), limit.get("expected_end"))
    return limit["revision"], limit["status"], *further, tuple(slots)


def _told(revision: int, status: str, content: dict[str, Any]) -> tuple[Any, ...]:
    """What the model says of it, in the same form."""
    if status in ("cancelled", "withdrawn"):
        return revision, status
    slots = [(_text(start), _text(end), power) for start, end, power in content.get("available", ())]
    end = content.get("expected_end")
    further = (content["direction"], tuple(content["asset_ids"]), content.get("action"), _text(end) if end else None)
    return revision, status, *further, tuple(slots)


def _sorted(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.timeout(3600)
def test_everybody_sees_what_the_model_says(house: Installation) -> None:
    run(Changes, house, Lengths(each=30, all=1200))
