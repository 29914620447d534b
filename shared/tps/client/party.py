"""The common base of the clients of operators and DSOs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TypeVar

import httpx2

from tps.client.conflicts import PlanConflict
from tps.client.connection import Connection, Token
from tps.client.outcome import Message, Outcome
from tps.client.problems import Failed, Refused
from tps.client.wire import moments

_FIRST_LOOK_S, _LAST_LOOK_S = 0.1, 2.0
WAIT_S = 30


class _Batch(Protocol):
    @property
    def cursor(self) -> str: ...
    def __bool__(self) -> bool: ...


_B = TypeVar("_B", bound=_Batch)


class PartyClient:
    """The calls of one party, as a context manager. Threads may share a client.

    Args:
        base_url: URL of the gateway, for example `https://tps.example`.
        token: A bearer token, or a callable that returns a fresh token; it is called for every request.
        http: An `httpx2.Client` to share connections or set proxies and certificates; it is not closed here.
        wait_s: Longest wait for the platform's answer, 0 to 55 seconds. After it, the outcome is pending.
        patience_s: How long a call is retried without an answer (503, or no connection), in seconds.
        page_size: Number of items per page of a list, 1 to 10,000; None fetches a list in one answer.

    Every method raises `Problem` or a subclass if the request fails. Each message is sent with an
    Idempotency-Key, so a retry never sends twice. Use your own `key` if a retry may follow a restart of your program.
    """

    _GROUP: ClassVar[str]

    def __init__(
        self,
        base_url: str,
        token: Token,
        *,
        http: httpx2.Client | None = None,
        wait_s: int = 10,
        patience_s: float = 60,
        page_size: int | None = None,
    ):
        self._connection = Connection(
            base_url, self._GROUP, token, http=http, wait_s=wait_s, patience_s=patience_s, page_size=page_size
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def ping(self) -> str:
        """Return `pong` if the gateway answers. Needs no token."""
        return self._connection.text("/ping")

    def message(self, message_id: str) -> Message:
        """Return a message that this party sent or received. Raises NotFound for an unknown id."""
        return Message.from_json(self._connection.ask(f"/messages/{segment(message_id)}"))

    def conflicts(self, *, start: datetime | None = None, end: datetime | None = None) -> list[PlanConflict]:
        """Return conflicts of schedules with limits, largest energy first. By default today (UTC); at most 31 days.

        For operators: own schedules and own parts. For DSOs: all schedules in the grid and own limits.
        """
        answer = self._connection.listed("/conflicts", "conflicts", moments({"from": start, "to": end}))
        return [PlanConflict.from_json(body) for body in answer["conflicts"]]

    def wait_for(self, outcome: Outcome, timeout_s: float = 60) -> Outcome:
        """Wait for the platform's answer and return the outcome, which is still pending if the time runs out.

        Raises:
            Refused, Failed: The platform refused the message, or the message failed; `errors` has the reasons.
        """
        deadline, pause_s = time.monotonic() + timeout_s, _FIRST_LOOK_S
        while outcome.is_pending and outcome.message_id:
            outcome = _settled(self.message(outcome.message_id))
            if outcome.is_pending and time.monotonic() + pause_s > deadline:
                break
            if outcome.is_pending:
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LAST_LOOK_S)
        return outcome

    def _send(
        self, method: str, path: str, body: Any = None, *, key: str | None, query: Mapping[str, Any] | None = None
    ) -> Outcome:
        return Outcome.from_json(self._connection.send(method, path, body, key=key, query=query))

    def _own(self, path: str, name: str, ids: Iterable[str] | None) -> list[Any]:
        """Return own resources, all or by id. Ids are sent in bodies, which are never logged."""
        if ids is None:
            return list(self._connection.listed(path, name)[name])
        named = list(ids)
        return list(self._connection.ask(f"{path}/query", body={"ids": named})[name]) if named else []

    def _follow(self, look: Callable[[str | None], _B], after: str | None) -> Iterator[_B]:
        """Yield batches without end."""
        cursor = after
        while True:
            batch = look(cursor)
            if batch:
                yield batch
            if after is not None:
                cursor = batch.cursor


def waiting(after: str | None, timeout_s: int, reader: str | None) -> dict[str, Any]:
    """Return the query parameters of a waiting call."""
    return {"after": after, "timeout": timeout_s, "reader": None if after is not None else reader}


def dry(is_dry: bool) -> dict[str, Any]:
    """Return the query parameters of a call with an optional dry run."""
    return {"dry_run": "true" if is_dry else None}


def _settled(message: Message) -> Outcome:
    detail = "; ".join(error.detail for error in message.errors)
    if message.status == "refused":
        raise Refused(422, "refused by the platform", errors=message.errors)
    if message.status == "failed":
        raise Failed(502, "message failed", detail, errors=message.errors)
    return message.outcome


def segment(text: str) -> str:
    """Return an id as one segment of a path. Raises ValueError for an id that would change the path."""
    if (
        not text
        or any(character in "/?#%\\" or not character.isprintable() for character in text)
        or text in (".", "..")
    ):
        raise ValueError("an id must not be empty and must not contain / ? # % or \\")
    return text
