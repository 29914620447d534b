"""Traffic during faults: limits of a DSO, registrations and waiting calls of operators.

Clients follow the how-to pages: every sending call has an Idempotency-Key and is repeated until a final answer. Every
waiting call continues from its last cursor.
"""

import json
import random
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx2

FINAL = {200, 201, 409, 422}
_RETRY_S = 0.2
_TIMEOUT_S, _WAIT_S = 20.0, 2
# Share one context: each call would otherwise read the system's certificates, and there are thousands of calls.
_TLS = ssl.create_default_context()


@dataclass(frozen=True)
class Client:
    """The calls of one party, repeated until a final answer."""

    url: str
    token: str = field(repr=False)
    give_up: threading.Event = field(default_factory=threading.Event)

    def send(self, method: str, path: str, body: Any, key: str) -> tuple[int, Any]:
        """Send until a final answer; return status and JSON.

        Raises:
            TimeoutError: The run was given up before.
        """
        headers = {"Idempotency-Key": key, "Prefer": "wait=10"}
        while not self.give_up.is_set():
            reply = self.try_once(method, path, body, headers)
            if reply is not None and reply[0] in FINAL:
                return reply
            self.give_up.wait(_RETRY_S)
        raise TimeoutError(f"{method} {path} got no final answer")

    def try_once(self, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, Any] | None:
        """Send once; return None if the connection fails."""
        content = None if body is None else json.dumps(body).encode()
        all_headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        try:
            reply = httpx2.request(
                method, self.url + path, content=content, headers=all_headers, timeout=_TIMEOUT_S, verify=_TLS
            )
            return reply.status_code, json.loads(reply.text, parse_float=Decimal)
        except (httpx2.HTTPError, json.JSONDecodeError):
            return None


@dataclass(frozen=True)
class SentLimit:
    """A limit that the platform accepted. `text` identifies it at all parties, because ids differ."""

    text: str
    total_kw: Decimal | None
    assets: dict[str, list[str]]
    sent_at: float


class LimitSender:
    """The DSO: foreseen limits and emergencies in turn, over random assets of random operators."""

    def __init__(self, client: Client, assets: dict[str, list[str]], seed: int):
        self._client = client
        self._assets = assets
        self._random = random.Random(seed)
        self.accepted: list[SentLimit] = []
        self.refused: list[str] = []

    def send(self, number: int) -> None:
        """Send one limit until it is accepted or refused."""
        chosen = self._choose()
        text, sent_at = f"limit {number}", time.monotonic()
        is_foreseen = number % 2 == 0
        total = Decimal(self._random.randrange(1, 5000)) / 10
        ids = [asset for assets in chosen.values() for asset in assets]
        body = _foreseen(ids, total, text) if is_foreseen else _emergency(ids, text)
        path = f"/dso/v1/capacity-limits/{'foreseen' if is_foreseen else 'unforeseen'}"
        status, answer = self._client.send("POST", path, body, f"limit-{number}")
        if status == 201 and answer["status"] == "accepted":
            self.accepted.append(SentLimit(text, total if is_foreseen else None, chosen, sent_at))
        else:
            self.refused.append(f"{text}: {status} {answer}")

    def _choose(self) -> dict[str, list[str]]:
        operators = self._random.sample(sorted(self._assets), self._random.randint(1, len(self._assets)))
        return {
            operator: self._random.sample(self._assets[operator], self._random.randint(1, len(self._assets[operator])))
            for operator in operators
        }


class Registrar:
    """An operator that changes the power of one asset repeatedly, without waiting for the platform."""

    def __init__(self, client: Client, asset: dict[str, Any]):
        self._client = client
        self.asset = asset
        self.last_kw = 0

    def register(self, number: int) -> None:
        """Set the asset to `number` + 1 kW, until the backend has the message in its outbox."""
        body = {"assets": [{**self.asset, "max_production_kw": number + 1}]}
        headers = {"Idempotency-Key": f"asset-{self.asset['id']}-{number}", "Prefer": "respond-async"}
        while not self._client.give_up.is_set():
            reply = self._client.try_once("PUT", "/agr/v1/flexibility-assets", body, headers)
            if reply is not None and reply[0] in (200, 202):
                self.last_kw = number + 1
                return
            self._client.give_up.wait(_RETRY_S)


class Waiter(threading.Thread):
    """An operator that waits for limits, and always continues from its last cursor."""

    def __init__(self, client: Client, operator: str):
        super().__init__(name=f"waiter {operator}", daemon=True)
        self._client = client
        self._is_done = threading.Event()
        self.operator = operator
        self.seen: list[tuple[str, str, float]] = []

    def run(self) -> None:
        cursor = ""
        while not self._is_done.is_set():
            after = f"&after={cursor}" if cursor else ""
            reply = self._client.try_once("GET", f"/agr/v1/capacity-limits/wait?timeout={_WAIT_S}{after}&reader=faults")
            if reply is None or reply[0] != 200:
                self._is_done.wait(_RETRY_S)
                continue
            self.seen += [(limit["id"], limit["reason"]["text"], time.monotonic()) for limit in reply[1]["limits"]]
            cursor = reply[1]["cursor"]

    def end(self) -> None:
        """End after the current call."""
        self._is_done.set()


def finish(waiters: Sequence[Waiter]) -> None:
    """End all waiters together."""
    for waiter in waiters:
        waiter.end()
    for waiter in waiters:
        waiter.join(_TIMEOUT_S)


def _foreseen(ids: list[str], total_kw: Decimal, text: str) -> dict[str, Any]:
    slot = {"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T14:00:00Z", "power_kw": float(total_kw)}
    reason = {"code": "B19", "text": text}
    return {"asset_ids": ids, "direction": "production", "available": [slot], "reason": reason}


def _emergency(ids: list[str], text: str) -> dict[str, Any]:
    reason = {"code": "B18", "text": text}
    return {"asset_ids": ids, "action": "stop", "expected_end": "2099-01-01T00:00:00Z", "reason": reason}
