"""Parties as outsiders: whatever they do, they do by REST and with a token of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from tps.errors import NotFound, TpsError
from tps.runtime import onboarding, tokens
from tps.runtime.story.grid import GridAsset, points_of

if TYPE_CHECKING:
    from tps.runtime.local.stack import LocalStack

_CALL_TIMEOUT_S = 120.0
_WAIT_S = 50
_SETTLE_S = 0.3
_PATIENT = {"Prefer": "wait=55"}


class CallFailedError(TpsError):
    """A call of the story was not answered as it should be; says what was asked, and the answer."""

    title = "a call failed"


@dataclass(frozen=True, slots=True)
class Part:
    """Who takes part: a DSO (role `dso`) or an operator (`agr`, `brp`), by its code and name."""

    role: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Actor:
    """A party that can call."""

    code: str
    name: str
    group: str
    token: str = field(repr=False)
    http: httpx.Client = field(repr=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call `/<group>/v1<path>`; the answer's JSON, powers as Decimal.

        Raises:
            CallFailedError: Not answered, or not with 200 or 201.
        """
        headers = {"Authorization": f"Bearer {self.token}", **_PATIENT}
        try:
            response = self.http.request(method, f"/{self.group}/v1{path}", json=body, headers=headers)
        except httpx.HTTPError as error:
            raise CallFailedError(f"{method} {path}: {type(error).__name__}") from error
        if response.status_code not in (200, 201):
            raise CallFailedError(f"{method} {path}: {response.status_code} {response.text[:500]}")
        return json.loads(response.content, parse_float=Decimal)

    def register_points(self, points: dict[str, str]) -> Any:
        """Register connection points, given the section of each by its id."""
        bodies = [{"id": point, "sections": [section]} for point, section in points.items()]
        return self.call("PUT", "/connection-points", {"connection_points": bodies})

    def register_assets(self, assets: Iterable[GridAsset]) -> Any:
        return self.call("PUT", "/flexibility-assets", {"assets": [asset.to_json() for asset in assets]})

    def list_assets(self) -> list[dict[str, Any]]:
        """As a DSO: every asset in its grid."""
        listed: list[dict[str, Any]] = self.call("GET", "/flexibility-assets")["assets"]
        return listed

    def cursor(self) -> str:
        """As an operator: the place behind the newest limit; whatever came until now counts as read."""
        cursor: str = self.call("GET", "/capacity-limits/wait?timeout=0")["cursor"]
        return cursor

    def next_limit(self, cursor: str) -> dict[str, Any]:
        """As an operator: the first limit after a cursor, as soon as it is there."""
        limits = self.call("GET", f"/capacity-limits/wait?timeout={_WAIT_S}&after={cursor}")["limits"]
        if not limits:
            raise CallFailedError(f"{self.name} was not reached within {_WAIT_S} s")
        first: dict[str, Any] = limits[0]
        return first


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit as one waiting operator got it, and how long after the DSO's call began."""

    operator: Actor
    limit: dict[str, Any]
    after_s: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call of a DSO, how long its answer took, and when each operator was reached."""

    answer: dict[str, Any]
    answered_after_s: float
    reached: tuple[Reached, ...]

    @property
    def last_after_s(self) -> float:
        """Seconds until the last operator had it."""
        return max(one.after_s for one in self.reached)


def open_http(url: str) -> httpx.Client:
    """A client for many waiting calls at once."""
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=200)
    return httpx.Client(base_url=url, timeout=_CALL_TIMEOUT_S, limits=limits)


def enter(stack: LocalStack, http: httpx.Client, part: Part) -> Actor:
    """The party as an actor; onboarded first if it is not known yet."""
    try:
        token = tokens.issue(stack, part.code)
    except NotFound:
        onboarding.add_party(stack, role=part.role, code=part.code, name=part.name, grid_prefixes=())
        token = tokens.issue(stack, part.code)
    return Actor(part.code, part.name, onboarding.GROUP_OF_ROLE[part.role], token, http)


def settle_in(dso: Actor, operators: Sequence[Actor], hands: Sequence[Sequence[GridAsset]]) -> None:
    """Register all points, and each operator's hand of assets."""
    dso.register_points(points_of(asset for hand in hands for asset in hand))
    for operator, hand in zip(operators, hands, strict=True):
        operator.register_assets(hand)


def deliver(operators: Sequence[Actor], send: Callable[[], dict[str, Any]]) -> Delivery:
    """Let each operator wait for its next limit, send one, and clock who gets it when."""
    with ThreadPoolExecutor(len(operators)) as pool:
        cursors = list(pool.map(Actor.cursor, operators))
        waiting = [
            pool.submit(_timed, partial(operator.next_limit, cursor))
            for operator, cursor in zip(operators, cursors, strict=True)
        ]
        time.sleep(_SETTLE_S)  # so that they wait, and do not just come in time
        started = time.perf_counter()
        answer, answered = _timed(send)
        results = [future.result() for future in waiting]
    reached = (Reached(operator, limit, at - started) for operator, (limit, at) in zip(operators, results, strict=True))
    return Delivery(answer, answered - started, tuple(reached))


def _timed(work: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], float]:
    done = work()
    return done, time.perf_counter()
