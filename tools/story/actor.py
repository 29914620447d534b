"""Parties as outsiders, which act only by REST, with their own client and token."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import httpx2

from tools.story.grid import GridAsset, points_of
from tps.client import CapacityLimit, ConnectionPoint, DsoClient, OperatorClient, Outcome
from tps.errors import NotFound, TpsError
from tps.local import onboarding, tokens

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_WAIT_S = 55
_SETTLE_S = 0.3
_C = TypeVar("_C", OperatorClient, DsoClient)
_T = TypeVar("_T")


class NotReachedError(TpsError):
    """A party of the story did not receive something in time."""

    title = "a party was not reached"


@dataclass(frozen=True, slots=True)
class Part:
    """A party of the story: a DSO (role `dso`) or an operator (`agr`, `brp`), with code and name."""

    role: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Actor(Generic[_C]):
    """A party with its client."""

    code: str
    name: str
    client: _C


Dso = Actor[DsoClient]
Operator = Actor[OperatorClient]


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit as a waiting operator received it, with the seconds since the start of the DSO's call."""

    operator: Operator
    limit: CapacityLimit
    after_s: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """A call of a DSO, the duration until its answer, and when each operator was reached."""

    outcome: Outcome
    answered_after_s: float
    reached: tuple[Reached, ...]

    @property
    def last_after_s(self) -> float:
        """Return the seconds until the last operator was reached."""
        return max(reached.after_s for reached in self.reached)


def open_http() -> httpx2.Client:
    """Return an HTTP client for many parallel waiting calls."""
    return httpx2.Client(limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=200))


def enter_dso(stack: LocalStack, http: httpx2.Client, part: Part) -> Dso:
    """Return the DSO as an actor; onboard it first if it is new."""
    client = DsoClient(stack.gateway_url, _token(stack, part), http=http, wait_s=_WAIT_S)
    return Actor(part.code, part.name, client)


def enter_operator(stack: LocalStack, http: httpx2.Client, part: Part) -> Operator:
    """Return the operator as an actor; onboard it first if it is new."""
    client = OperatorClient(stack.gateway_url, _token(stack, part), http=http, wait_s=_WAIT_S)
    return Actor(part.code, part.name, client)


def settle_in(dso: Dso, operators: Sequence[Operator], hands: Sequence[Sequence[GridAsset]]) -> None:
    """Register all points with their sections, and each operator's assets."""
    register_points(dso, (asset for hand in hands for asset in hand))
    for operator, hand in zip(operators, hands, strict=True):
        operator.client.set_assets(asset.to_asset() for asset in hand)


def register_points(dso: Dso, assets: Iterable[GridAsset]) -> None:
    """Register the connection points of these assets."""
    dso.client.set_points(ConnectionPoint(point, sections=(section,)) for point, section in points_of(assets).items())


def deliver(operators: Sequence[Operator], send: Callable[[], Outcome]) -> Delivery:
    """Let each operator wait for its next limit, send a limit, and measure when each operator gets it.

    Raises:
        NotReachedError: An operator did not receive the limit in time.
    """
    with ThreadPoolExecutor(len(operators)) as pool:
        cursors = list(pool.map(_cursor, operators))
        waiting = [
            pool.submit(_timed, partial(_next_limit, operator, cursor))
            for operator, cursor in zip(operators, cursors, strict=True)
        ]
        time.sleep(_SETTLE_S)  # so that all calls wait before the limit is sent
        started = time.perf_counter()
        outcome, answered = _timed(send)
        results = [future.result() for future in waiting]
    reached = (Reached(operator, limit, at - started) for operator, (limit, at) in zip(operators, results, strict=True))
    return Delivery(outcome, answered - started, tuple(reached))


def _token(stack: LocalStack, part: Part) -> str:
    try:
        return tokens.issue(stack, part.code)
    except NotFound:
        onboarding.add_party(stack, role=part.role, code=part.code, name=part.name, grid_prefixes=())
        return tokens.issue(stack, part.code)


def _cursor(operator: Operator) -> str:
    """Return the cursor after the newest limit."""
    return operator.client.wait_limits(timeout_s=0).cursor


def _next_limit(operator: Operator, cursor: str) -> CapacityLimit:
    batch = operator.client.wait_limits(after=cursor, timeout_s=_WAIT_S)
    if not batch:
        raise NotReachedError(f"{operator.name} was not reached within {_WAIT_S} s")
    return batch.limits[0]


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    result = work()
    return result, time.perf_counter()
