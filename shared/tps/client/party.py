"""What clients of operators and of DSOs have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TypeVar

import httpx

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
    """One party's calls; a context manager. Safe to share between threads.

    Args:
        base_url: Of the gateway, as in `https://tps.example`.
        token: A bearer token, or a callable that gives a fresh one; it is asked for every call.
        http: An `httpx.Client` to share connections or set proxies and certificates; it is not closed here.
        wait_s: How long a call waits for the platform's answer, 0 to 55 seconds; then an outcome is pending.
        patience_s: How long a call is retried while nothing answers (503, or no connection).
        page_size: Fetch lists in pages of so many items, 1 to 10,000; None for whole.

    Every method raises `Problem`, or a kind of it, for whatever is not a success. Everything sent carries an
    Idempotency-Key, so that a retry never sends twice; give your own `key` to be safe beyond a restart of yours.
    """

    _GROUP: ClassVar[str]

    def __init__(
        self,
        base_url: str,
        token: Token,
        *,
        http: httpx.Client | None = None,
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
        """`pong`, if the platform's edge answers; asked without token."""
        return self._connection.text("/ping")

    def message(self, message_id: str) -> Message:
        """What became of a message that this party sent or received; NotFound if there is none."""
        return Message.from_json(self._connection.ask(f"/messages/{segment(message_id)}"))

    def conflicts(self, *, start: datetime | None = None, end: datetime | None = None) -> list[PlanConflict]:
        """Where known plans do not go with known limits, the most kWh first; today (UTC) unless told, 31 days at most.

        An operator's own plans with its own parts; all that is planned in a DSO's grid with its own limits.
        """
        found = self._connection.listed("/conflicts", "conflicts", moments({"from": start, "to": end}))
        return [PlanConflict.from_json(each) for each in found["conflicts"]]

    def wait_for(self, outcome: Outcome, timeout_s: float = 60) -> Outcome:
        """The outcome once the platform has answered; still pending when the time is up.

        Raises:
            Refused, Failed: What the platform's answer was, with its reasons.
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
        """Own resources, all or those named; ids travel in bodies, which nobody logs."""
        if ids is None:
            return list(self._connection.listed(path, name)[name])
        named = list(ids)
        return list(self._connection.ask(f"{path}/query", body={"ids": named})[name]) if named else []

    def _follow(self, look: Callable[[str | None], _B], after: str | None) -> Iterator[_B]:
        """Batches, as they come, for ever."""
        cursor = after
        while True:
            batch = look(cursor)
            if batch:
                yield batch
            if after is not None:
                cursor = batch.cursor


def waiting(after: str | None, timeout_s: int, reader: str | None) -> dict[str, Any]:
    """The query of a waiting call."""
    return {"after": after, "timeout": timeout_s, "reader": None if after is not None else reader}


def dry(is_dry: bool) -> dict[str, Any]:
    """The query of a call that may send nothing."""
    return {"dry_run": "true" if is_dry else None}


def _settled(message: Message) -> Outcome:
    detail = "; ".join(error.detail for error in message.errors)
    if message.status == "refused":
        raise Refused(422, "refused by the platform", errors=message.errors)
    if message.status == "failed":
        raise Failed(502, "message failed", detail, errors=message.errors)
    return message.outcome


def segment(text: str) -> str:
    """An id as one segment of a path; raises ValueError for what would be another path."""
    if not text or any(each in "/?#%\\" or not each.isprintable() for each in text) or text in (".", ".."):
        raise ValueError("an id must not be empty and must not contain / ? # % or \\")
    return text
