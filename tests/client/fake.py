"""A fake platform that returns prepared answers and records requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2

from tps.client import DsoClient, OperatorClient

URL = "https://tps.example"
ACCEPTED = {"id": "d1", "revision": 1, "status": "accepted", "message_id": "m1"}


class FakePlatform:
    """Returns the answers in order; an exception among them simulates a broken connection."""

    def __init__(self, *answers: httpx2.Response | Exception):
        self._answers: Iterator[httpx2.Response | Exception] = iter(answers)
        self.requests: list[httpx2.Request] = []
        self.authorizations: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.authorizations.append(request.headers.get("Authorization", ""))
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def http(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self))

    def operator(self, **options: Any) -> OperatorClient:
        return OperatorClient(URL, options.pop("token", "t0ken"), http=self.http(), **options)

    def dso(self, **options: Any) -> DsoClient:
        return DsoClient(URL, options.pop("token", "t0ken"), http=self.http(), **options)

    @property
    def keys(self) -> list[str]:
        return [request.headers["Idempotency-Key"] for request in self.requests]

    @property
    def paths(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.requests]

    def body(self, index: int = 0) -> Any:
        return json.loads(self.requests[index].content)


def answer(body: Any, status: int = 200, **headers: str) -> httpx2.Response:
    return httpx2.Response(
        status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def problem(status: int, *errors: dict[str, str], **headers: str) -> httpx2.Response:
    return answer({"title": "no", "status": status, "detail": "because", "errors": list(errors)}, status, **headers)


def away(retry_after_s: int = 0) -> httpx2.Response:
    return problem(503, Retry_After=str(retry_after_s))
