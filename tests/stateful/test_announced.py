"""The first announcements of assets sum to those of their operator, after any messages, changes and cancellations."""

from collections import defaultdict
from datetime import timedelta
from random import Random
from typing import Any

from tests.support.installation import ALPHA, BETA, DSOS, Installation
from tests.support.world import gs1
from tps.local.tokens import issue

PATH = "/agr/v1/operational-schedules"
QUARTERS, CHANGES = 8, 24


class Story:
    """Two operators with two assets each, one asset in each grid; the story records the first plan of each quarter."""

    def __init__(self, house: Installation, chance: Random):
        house.empty()
        self.house, self.chance = house, chance
        self.day = (house.clock.now + timedelta(days=30)).replace(hour=0, minute=0)
        self.token = issue(house.stack, house.services.settings.platform_party)
        self.owned: dict[str, list[str]] = {}
        self.first: dict[str, dict[int, float]] = defaultdict(dict)
        self.sent: list[tuple[str, str]] = []
        points = [gs1("5713131", 18, 940_000_000 + number) for number in range(2)]
        for dso, point in zip(DSOS, points, strict=True):
            house.send(dso, "PUT", "/dso/v1/connection-points", {"connection_points": [{"id": point}]})
        for operator in (ALPHA, BETA):
            self.owned[operator] = [gs1("5713131", 18, 950_000_000 + len(self.owned) * 2 + each) for each in range(2)]
            assets = [
                {"id": asset, "connection_point_id": point, "max_production_kw": 100, "max_consumption_kw": 100}
                for asset, point in zip(self.owned[operator], points, strict=True)
            ]
            assert house.send(operator, "PUT", "/agr/v1/flexibility-assets", {"assets": assets})[0] == "accepted"

    def change(self) -> None:
        """Send a new schedule, a new revision, or a cancellation."""
        if self.sent and self.chance.random() < 0.5:
            operator, document = self.chance.choice(self.sent)
            if self.chance.random() < 0.4:
                self.sent.remove((operator, document))
                self.house.send(operator, "DELETE", f"{PATH}/{document}")
            else:
                self._send(operator, "PUT", f"{PATH}/{document}")
            return
        operator = self.chance.choice([*self.owned])
        self.sent.append((operator, self._send(operator, "POST", PATH)))

    def _send(self, operator: str, method: str, path: str) -> str:
        bodies = []
        for asset in self.chance.sample(self.owned[operator], self.chance.randint(1, 2)):
            start = self.chance.randrange(QUARTERS)
            powers = [self.chance.choice((-7, 0, 5, 9)) for _ in range(self.chance.randint(1, QUARTERS - start))]
            at = self.day + start * timedelta(minutes=15)
            bodies.append(
                {"asset_id": asset, "start": f"{at:%Y-%m-%dT%H:%M:%SZ}", "resolution": "PT15M", "power_kw": powers}
            )
            for quarter, power in enumerate(powers, start):
                self.first[asset].setdefault(quarter, power)
        status, answer = self.house.send(operator, method, path, {"schedules": bodies})
        assert status == "accepted", answer
        return str(answer["id"])

    def ask(self, query: str) -> Any:
        window = f"from={self.day:%Y-%m-%dT%H:%M:%SZ}&to={self.day + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
        response = self.house.clients["overview"].get(
            f"/tps/v1/schedules?{window}&{query}", headers={"Authorization": f"Bearer {self.token}"}
        )
        assert response.status_code == 200, response.text
        return response.json


def by_quarter(steps: Any, column: str) -> list[Any]:
    """Return a column's value in each quarter."""
    pairs = list(zip(steps["minutes"], steps[column], strict=True))
    return [[value for minute, value in pairs if minute <= 15 * quarter][-1] for quarter in range(QUARTERS)]


def test_what_assets_announced_first_is_what_they_sent_first_and_adds_up_to_the_total(house: Installation) -> None:
    story = Story(house, Random(5))
    differing = 0
    for _ in range(CHANGES):
        story.change()
    for party in (f"party={ALPHA}", f"party={BETA}", *(f"party={ALPHA}&party={dso}" for dso in DSOS)):
        (total,) = story.ask(party)["schedules"]
        assets = story.ask(f"{party}&per_asset=true")["assets"]
        announced = {each["asset_id"]: by_quarter(each.get("announced", each), "power_kw") for each in assets}

        differing += sum("announced" in each for each in assets)
        for asset, powers in announced.items():
            assert powers == [story.first[asset].get(quarter) for quarter in range(QUARTERS)]
        whole = total.get("announced", total["current"])
        for quarter, powers in enumerate(zip(*announced.values(), strict=True)):
            known = [power for power in powers if power is not None]
            assert by_quarter(whole, "planned_assets")[quarter] == len(known)
            assert by_quarter(whole, "production_kw")[quarter] == sum(max(0, power) for power in known)
            assert by_quarter(whole, "consumption_kw")[quarter] == sum(max(0, -power) for power in known)
    assert differing >= 4
