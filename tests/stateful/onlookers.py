"""The views of all parties on limits and assets (operators, DSOs and their feeds), compared with the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

from tests.stateful import sayings
from tests.stateful.model import Limit, Model
from tests.stateful.registry_model import DIRECTIONS, Claim
from tests.stateful.sayings import MESSAGE_TYPES, text
from tests.support.installation import DSOS, NORTH, OPERATORS, SOUTH, Installation
from tests.support.world import gs1
from tps.mades.types import acknowledgement_of

DSO_OF = {gs1("5713131", 18, 900_000_000 + number): dso for number, dso in enumerate((NORTH, NORTH, SOUTH))}
POINTS = list(DSO_OF)
ASSET_IDS = [gs1("5713131", 18, 910_000_000 + number) for number in range(6)]
OPERATOR_OF = {asset_id: OPERATORS[number // 2 % 3] for number, asset_id in enumerate(ASSET_IDS)}
LIMITS, OWN_LIMITS = "/dso/v1/capacity-limits", "/agr/v1/capacity-limits"


class Onlookers:
    """All parties and their knowledge.

    `refused` has limits refused from the beginning, with their owners. `asked` counts the messages about limits of each
    DSO. `known` is each DSO's knowledge of its grid from its feed of changes alone.
    """

    def __init__(self, house: Installation, model: Model) -> None:
        self.house, self.model = house, model
        self.looked: dict[str, tuple[Any, ...]] = {}
        self.refused: dict[str, str] = {}
        self.asked: dict[str, int] = dict.fromkeys(DSOS, 0)
        self.known: dict[str, dict[str, tuple[Any, ...]]] = {dso: {} for dso in DSOS}

    def look(self, *, is_last: bool) -> None:
        """Check every party that sent or received something since the last check, or all parties if time has passed."""
        for party in (*OPERATORS, *DSOS):
            news = (self.house.clock.now, self.house.done[party], self.house.got[party])
            if is_last or self.looked.get(party) != news:
                look = self._operator_sees_it if party in OPERATORS else self._dso_sees_it
                look(party)
                self.looked[party] = news
        for operator in OPERATORS:
            assert self.house.bag.count(MESSAGE_TYPES.values(), operator) == self.model.letters(operator)
        for dso in DSOS:
            answers = self.house.bag.count(map(acknowledgement_of, MESSAGE_TYPES.values()), dso)
            assert answers == self.asked[dso] + self.model.notices_sent[dso]

    def _operator_sees_it(self, operator: str) -> None:
        """Check an operator's limits and registrations."""
        seen = self.house.ask(operator, OWN_LIMITS)["limits"]
        expected = self.model.seen_by(operator, self.house.clock.now)
        assert _sorted(map(sayings.read, seen)) == _sorted(sayings.told(*each) for each in expected)
        registry = self.model.registry
        if operator not in self.model.cut_off:
            assets = self.house.ask(operator, "/agr/v1/flexibility-assets")["assets"]
            own = [asset_id for asset_id in ASSET_IDS if operator in registry.claims[asset_id]]
            states = {asset_id: registry.state(asset_id, operator) for asset_id in own}
            capped = {key: (state, state == "active" and registry.is_capped(key)) for key, state in states.items()}
            assert {each["id"]: (each["state"], each.get("is_weight_capped", False)) for each in assets} == capped

    def _dso_sees_it(self, dso: str) -> None:
        """Check the status, reach and notices of each of the DSO's limits."""
        seen = self.house.ask(dso, LIMITS)["limits"]
        own = {key: one for key, one in self.model.limits.items() if one.dso == dso}
        expected = {limit_id: self._shown(limit) for limit_id, limit in own.items()}
        refused = {limit_id: (1, "refused", None, [], []) for limit_id, at in self.refused.items() if at == dso}
        assert {each["id"]: _read_own(each) for each in seen} == expected | refused

    def _shown(self, limit: Limit) -> tuple[Any, ...]:
        reached_at = limit.all_reached_at
        unreached = sorted(limit.unreached) if reached_at is None else []
        notices = [(code, text(at)) for code, at in limit.notices]
        status = limit.status_at(self.house.clock.now)
        return limit.revision, status, text(reached_at) if reached_at else None, unreached, notices

    def bounds_are_what_the_limits_say(self, operator: str) -> None:
        """Check the bounds of each asset, now and later: all limits hold, in the order stop, hold, start, foreseen."""
        answer = self.house.ask(operator, f"{OWN_LIMITS}/active?per_asset=true")
        for limit in answer["limits"]:
            for place, slot in enumerate(limit.get("available", ())):
                offered = sum(Decimal(str(part["available"][place]["power_kw"])) for part in limit["per_asset"])
                assert offered <= Decimal(str(slot["power_kw"]))
        for minutes in (0, 20, 250):
            moment = self.house.clock.now + timedelta(minutes=minutes)
            pieces = [each for each in answer["bounds"] if each["start"] <= text(moment) < each["end"]]
            told = {
                (each["asset_id"], each["direction"]): (each.get("power_kw"), each.get("action")) for each in pieces
            }
            assert len(told) == len(pieces)
            for asset_id, direction in product(ASSET_IDS, DIRECTIONS):
                expected = sayings.binding(answer["limits"], asset_id, direction, moment)
                assert told.get((asset_id, direction), (None, None)) == expected

    def feeds_tell_what_the_model_says(self) -> None:
        for dso in DSOS:
            self._follow(dso)
            grid = self.model.registry.grid(dso)
            assert self.known[dso] == {asset_id: _listed(claim) for asset_id, claim in grid.items()}

    def _follow(self, dso: str) -> None:
        """Update the DSO's knowledge of its grid from its feed of changes alone."""
        while True:
            told = self.house.ask(dso, "/dso/v1/flexibility-assets/changes?timeout=0")
            if not told["assets"] and not told["removed_ids"]:
                return
            for asset_id in told["removed_ids"]:
                self.known[dso].pop(asset_id, None)  # The asset may have appeared and disappeared since the last check.
            for each in told["assets"]:
                powers = each.get("max_production_kw"), each.get("max_consumption_kw")
                self.known[dso][each["id"]] = (each["connection_point_id"], *powers)


def _listed(claim: Claim) -> tuple[Any, ...]:
    return claim.point_id, claim.power_kw["production"], claim.power_kw["consumption"] or None


def _read_own(limit: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a DSO's own limit in the form of the model."""
    delivery = limit["delivery"]
    notices = [(each["code"], each["at"]) for each in limit["notices"]]
    unreached = sorted(delivery.get("unreached_asset_ids", []))
    return limit["revision"], limit["status"], delivery["all_reached_at"], unreached, notices


def _sorted(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)
