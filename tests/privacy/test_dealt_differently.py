"""DSO-ALL of docs/privacy.md in one process, with many more stories than test_what_a_dso_learns.py can play.

Functions, Postgres and cryptography are real; the broker is a post bag, and the clock advances window by window.
`TPS_DEALT_STORIES=2000` plays that many stories. `TPS_DEALT_FIRST=17` begins with that story.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import pytest

from tests.privacy.guards import differences
from tests.privacy.stories import Knowledge, Playing, Story, knowledge_of, make_story
from tests.privacy.wiretap import Opened, Packet, opened
from tests.support.installation import NORTH, OPERATORS, PARTIES, WINDOW_S, Installation, installation
from tests.support.world import Member
from tps.host.stack import load_stack
from tps.local.gateway import Gateway
from tps.stores.mailbox import Letter

ASSETS = 6
TELLING = ("process_registration", "relay_limit", "relay_schedule")
STORIES = int(os.environ.get("TPS_DEALT_STORIES", "2"))
FIRST = int(os.environ.get("TPS_DEALT_FIRST", "100"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("dealt")) as made:
        yield made


class Delivering(httpx2.BaseTransport):
    """A transport to the gateway in this process. All consequences of a call have happened when it is answered.

    With `is_leaking`, each call has its own window.
    """

    def __init__(self, house: Installation, is_leaking: bool):
        self._house, self._is_leaking = house, is_leaking
        self._gateway = httpx2.WSGITransport(Gateway(load_stack(), house.services))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._gateway.handle_request(request)
        response.read()
        self._house.settle()
        if self._is_leaking:
            self._house.clock.now += timedelta(seconds=WINDOW_S)
        if self._is_leaking or (request.method == "POST" and "/capacity-limits/" in request.url.path):
            spread(self._house)
        return response


@dataclass(frozen=True)
class Windows:
    """A step is one window: the clock does not move during the step."""

    house: Installation

    @contextmanager
    def one(self, _assets: Sequence[str]) -> Iterator[None]:
        yield
        self.house.clock.now += timedelta(seconds=WINDOW_S)

    @contextmanager
    def one_of_plans(self, _dso: str, _assets: Sequence[str]) -> Iterator[None]:
        yield

    def wait_until_told(self, _dso: str, _assets: Sequence[str]) -> None:
        spread(self.house)


@dataclass(frozen=True)
class Bag:
    """All messages that were ever published, opened."""

    house: Installation

    def settled(self, *_components: str) -> list[Opened]:
        return [self._opened(letter) for letter in self.house.bag.ever.values()]

    def _opened(self, letter: Letter) -> Opened:
        packet = Packet(letter.subject, {**letter.headers, "Nats-Msg-Id": letter.unique_id}, letter.data)
        return opened(self.house.services, packet, lambda _way, envelope: envelope)


def spread(house: Installation) -> None:
    """Deliver and acknowledge all letters, and all resulting messages to DSOs."""
    house.settle()
    house.acknowledge()
    house.tick(functions=TELLING)
    house.acknowledge()


def known(house: Installation, story: Story, deal: list[int], *, is_leaking: bool = False) -> Knowledge:
    """Return the DSO's knowledge after a story in an empty installation."""
    house.empty()
    with httpx2.Client(transport=Delivering(house, is_leaking), base_url="http://in-process") as http:
        members = {code: Member(code, role, code[-3:], house.tokens[code], http) for code, role in PARTIES}
        operators = [members[code] for code in OPERATORS]
        playing = Playing(story, Windows(house), members[NORTH], operators, deal)  # type: ignore[arg-type]
        return knowledge_of(Bag(house), playing)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", range(FIRST, FIRST + STORIES))
@pytest.mark.timeout(300)
def test_a_dso_knows_the_same_however_assets_are_dealt(house: Installation, number: int) -> None:
    """DSO-ALL, DST-GRP: limits, lists, changes and plans, by answers and documents."""
    story, shuffled = make_story(number, ASSETS), random.Random(number).sample(range(ASSETS), ASSETS)

    by_deal = {"one": known(house, story, [0] * ASSETS), "three": known(house, story, [each % 3 for each in shuffled])}

    assert "<GL_MarketDocument" in str(by_deal["one"])
    assert differences(by_deal) == []


def test_who_sends_in_a_window_of_its_own_shows_its_assets_together(house: Installation) -> None:
    """docs/privacy.md describes this leak of an operator that sends alone. The comparison finds it."""
    steps = (("points", (range(3),)), ("assets", (range(ASSETS), 0)), ("schedules", (range(ASSETS), 1)))
    story = Story((None, None, None), (0, 1, 2, 0, 1, 2), steps)

    by_deal = {
        name: known(house, story, deal, is_leaking=True) for name, deal in (("one", [0] * 6), ("two", [0, 1] * 3))
    }

    assert any("GL_MarketDocument" in line for line in differences(by_deal))
