"""The world of the end-to-end tests in one process: the gateway without a socket, and a clock instead of waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2

from tests.support.installation import WINDOW_S, Installation
from tests.support.world import World, waiting_by
from tps.host.services import Services
from tps.host.stack import load_stack
from tps.local.gateway import Gateway

_LOOKS, _WINDOWS_OF_A_WAIT = 8, 2


class Delivering(httpx2.WSGITransport):
    """Calls the gateway, and delivers letters before and after each call."""

    def __init__(self, house: Installation) -> None:
        super().__init__(Gateway(load_stack(), house.services))
        self._house = house
        self._ahead = timedelta(0)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self._set_clock()
        self._house.settle()
        response = super().handle_request(request)
        response.read()
        self._house.settle()
        return response

    def pass_window(self) -> None:
        """Move the clock by a batching window, then tick."""
        self._ahead += timedelta(seconds=WINDOW_S)
        self._set_clock()
        self._house.tick()
        self._house.acknowledge()

    def _set_clock(self) -> None:
        """Set the clock to the machine's time plus the windows that have passed."""
        self._house.clock.now = datetime.now(UTC) + self._ahead


@dataclass
class InProcessWorld(World):
    """A world whose services the test may use, because there is no second process."""

    services: Services


@contextmanager
def _waits_by(house: Installation, step: Callable[[], None]) -> Iterator[None]:
    """Make waiting calls pass windows instead of time."""
    before = list(house.waits.steps)
    house.waits.steps += [step] * _WINDOWS_OF_A_WAIT
    try:
        yield
    finally:
        house.waits.steps[:] = before


@contextmanager
def in_process_world(house: Installation) -> Iterator[InProcessWorld]:
    """Return an empty world in this installation; `eventually` passes windows between its looks."""
    house.empty()
    gateway = Delivering(house)
    with (
        _waits_by(house, gateway.pass_window),
        waiting_by(gateway.pass_window, _LOOKS),
        httpx2.Client(base_url="http://gateway", transport=gateway) as http,
    ):
        yield InProcessWorld(house.stack, http, house.services)
