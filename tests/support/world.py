"""A small world in a running stack: parties with fresh codes, their tokens, and their calls."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

import httpx2

from tps.client import DsoClient, OperatorClient
from tps.directory import entries as directory
from tps.host.settings import Settings
from tps.local import onboarding, tokens
from tps.local.embedded.stack import LocalStack

_T = TypeVar("_T")
_passwords = itertools.cycle([secrets.token_urlsafe(18) for _ in range(8)])
_onboarding = threading.Lock()
_hash_password = cache(directory.hash_password)
_numbers: Iterator[int] = itertools.count(os.getpid() % 100_000 * 10_000)


def gs1(prefix: str, length: int, number: int) -> str:
    """Return a number with its GS1 check digit: `gs1("5713131", 18, 7)` is a GSRN, `gs1("579", 13, 7)` a GLN."""
    body = prefix + str(number).zfill(length - 1 - len(prefix))
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(body)))
    return body + str(-weighted % 10)


def fresh_gln() -> str:
    """Return an unused party code."""
    return gs1("579", 13, next(_numbers))


def fresh_gsrn() -> str:
    """Return an unused id for an asset or point."""
    return gs1("5713131", 18, next(_numbers))


@dataclass(frozen=True)
class Reply:
    """An answer: status, headers, and JSON with Decimals, so that power stays exact."""

    status: int
    headers: httpx2.Headers
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)

    def codes(self) -> set[str]:
        """Return the codes of a problem."""
        return {error["code"] for error in self.json.get("errors", [])}

    def pointers(self) -> set[str]:
        return {error["pointer"] for error in self.json.get("errors", [])}


@dataclass(frozen=True)
class Member:
    """A party of the world that calls in its own name.

    `group` is the first part of its routes: `agr`, `dso` or `tps`. `password` belongs to its web service.
    """

    code: str
    role: str
    name: str
    token: str = field(repr=False)
    http: httpx2.Client = field(repr=False)
    password: str = field(default="", repr=False)

    @property
    def group(self) -> str:
        return "agr" if self.role == "brp" else self.role

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Call `/<group>/v1<path>`; pass headers by name with underscores, as in `Idempotency_Key="a"`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None
        if body is not None:
            named.setdefault("Content-Type", "application/json")
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named.setdefault("Authorization", f"Bearer {self.token}")
        response = self.http.request(method, f"/{self.group}/v1{path}", content=content, headers=named)
        return Reply(response.status_code, response.headers, response.text)

    def done(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call, expect success, and return the JSON of the answer."""
        reply = self.call(method, path, body, **headers)
        assert reply.status in (200, 201), f"{method} {path}: {reply.status} {reply.text[:2000]}"
        return reply.json

    def as_operator(self, **options: Any) -> OperatorClient:
        """Return the client for an operator."""
        return OperatorClient(str(self.http.base_url), self.token, http=self.http, **options)

    def as_dso(self, **options: Any) -> DsoClient:
        """Return the client for a DSO."""
        return DsoClient(str(self.http.base_url), self.token, http=self.http, **options)

    def register_points(self, *points: str | dict[str, Any]) -> Any:
        bodies = [point if isinstance(point, dict) else {"id": point} for point in points]
        return self.done("PUT", "/connection-points", {"connection_points": bodies})

    def register_assets(self, *assets: dict[str, Any]) -> Any:
        return self.done("PUT", "/flexibility-assets", {"assets": list(assets)})

    def send_foreseen(self, body: dict[str, Any]) -> Any:
        return self.done("POST", "/capacity-limits/foreseen", body)

    def send_unforeseen(self, body: dict[str, Any]) -> Any:
        return self.done("POST", "/capacity-limits/unforeseen", body)

    def send_schedules(self, *schedules: dict[str, Any]) -> Any:
        return self.done("POST", "/operational-schedules", {"schedules": list(schedules)})

    def active_limits(self) -> list[dict[str, Any]]:
        limits: list[dict[str, Any]] = self.done("GET", "/capacity-limits/active")["limits"]
        return limits


@dataclass
class World:
    """A running stack and its parties; every party is new."""

    stack: LocalStack
    http: httpx2.Client

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.stack.environment())

    def dso(self, name: str = "North Grid", grid: tuple[str, ...] = ()) -> Member:
        return self.member("dso", name, grid)

    def operator(self, name: str = "Alpha", role: str = "agr") -> Member:
        return self.member(role, name)

    def member(self, role: str, name: str, grid: tuple[str, ...] = ()) -> Member:
        """Onboard a party with a fresh code."""
        code = fresh_gln()
        with _few_passwords():
            added = onboarding.add_party(self.stack, role=role, code=code, name=name, grid_prefixes=grid)
        return Member(code, role, name, self.token(code, role), self.http, added["password"])

    def token(self, party: str, role: str) -> str:
        return tokens.sign(self.stack, self.settings, party, role)


def make_asset(point: str, **fields: Any) -> dict[str, Any]:
    """Return an asset at a point; by default a 600 kW generator."""
    powers = {} if {"max_production_kw", "max_consumption_kw"} & fields.keys() else {"max_production_kw": 600}
    return {"id": fresh_gsrn(), "connection_point_id": point, "kind": "generation", **powers, **fields}


def make_foreseen(asset_ids: list[str], power_kw: float = 500, **fields: Any) -> dict[str, Any]:
    """Return a foreseen limit on production for eight hours in 2099."""
    slot = {"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T14:00:00Z", "power_kw": power_kw}
    return {"asset_ids": asset_ids, "direction": "production", "available": [slot], **fields}


def make_schedule(asset_id: str, *power_kw: float, **fields: Any) -> dict[str, Any]:
    """Return a schedule of quarter-hours from 2099-04-10T06:00Z on."""
    head = {"asset_id": asset_id, "start": "2099-04-10T06:00:00Z", "resolution": "PT15M"}
    return {**head, "power_kw": list(power_kw), **fields}


def make_stop(asset_ids: list[str], **fields: Any) -> dict[str, Any]:
    """Return an emergency stop until 2099."""
    return {"asset_ids": asset_ids, "action": "stop", "expected_end": "2099-04-10T14:00:00Z", **fields}


@contextmanager
def _few_passwords() -> Iterator[None]:
    """Give the parties of a test process one of eight passwords in turn: a hash is expensive on purpose."""
    with (
        _onboarding,
        patch.object(onboarding, "secrets", SimpleNamespace(token_urlsafe=lambda _bytes: next(_passwords))),
        patch.object(directory, "hash_password", _hash_password),
    ):
        yield


class _Pause:
    """The pause of `eventually` between two looks: a sleep, or a step of the in-process installation's clock."""

    def __init__(self) -> None:
        self.looks: int | None = None
        self.between: Callable[[], object] = lambda: time.sleep(0.02)


_pause = _Pause()


@contextmanager
def waiting_by(between: Callable[[], object], looks: int) -> Iterator[None]:
    """Make `eventually` call this between its looks, at most `looks` times, instead of sleeping."""
    before = vars(_pause).copy()
    _pause.between, _pause.looks = between, looks
    try:
        yield
    finally:
        vars(_pause).update(before)


def eventually(look: Callable[[], _T], timeout_s: float = 15) -> _T:
    """Return the first truthy result of `look`; raises AssertionError after the timeout."""
    deadline, looks = time.monotonic() + timeout_s, 0
    while not (found := look()):
        looks += 1
        is_over = time.monotonic() >= deadline if _pause.looks is None else looks >= _pause.looks
        assert not is_over, "it did not happen in time"
        _pause.between()
    return found
