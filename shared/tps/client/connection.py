"""HTTP calls of one party: token, retries that never send twice, lists in pages."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
from tenacity import (
    RetryCallState,
    Retrying,
    before_sleep_log,
    retry_if_exception_type,
    stop_before_delay,
    stop_never,
    wait_random_exponential,
)

from tps.client.problems import Unavailable, problem_of
from tps.client.wire import from_json, to_json

Token = str | Callable[[], str]
"""A bearer token, or a callable that returns a fresh token for every attempt."""

_TIMEOUT = httpx2.Timeout(120, connect=10)
_BACKOFF = wait_random_exponential(multiplier=0.2, max=10)
_NO_ANSWER = (httpx2.NetworkError, httpx2.TimeoutException, httpx2.RemoteProtocolError, httpx2.ProxyError)
_log = logging.getLogger("tps.client")


class Connection:
    """The calls of one party.

    Args:
        base_url: URL of the gateway; all routes are below this URL.
        group: `agr` or `dso`.
        token: Identifies the caller.
        http: Client to share connections with others; it stays open when this connection closes.
        wait_s: Longest wait of the server for the platform's answer, 0 to 55 seconds.
        patience_s: How long a call is retried without an answer, in seconds.
        page_size: Lists are fetched in pages of so many items; None for whole.
    """

    def __init__(
        self,
        base_url: str,
        group: str,
        token: Token,
        *,
        http: httpx2.Client | None,
        wait_s: int,
        patience_s: float,
        page_size: int | None,
    ):
        self._root = base_url.rstrip("/")
        self._prefix = f"/{group}/v1"
        self._token = token
        self._http = http or httpx2.Client()
        self._is_own = http is None
        self._wait_s = wait_s
        self._patience_s = patience_s
        self._page_size = page_size

    def close(self) -> None:
        """Close the HTTP client unless it is shared."""
        if self._is_own:
            self._http.close()

    def ask(self, path: str, query: Mapping[str, Any] | None = None, *, body: Any = None, forever: bool = False) -> Any:
        """Return the JSON answer of a GET, or of a POST if there is a body.

        Args:
            forever: Retry without end while nothing answers.
        """
        method = "GET" if body is None else "POST"
        return self._call(method, self._prefix + path, query=query, body=body, forever=forever)

    def text(self, path: str) -> str:
        """Return the text answer of a GET without token."""
        return self._respond("GET", self._prefix + path, is_open=True).text

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        """Send a request that becomes a message. Retries have the same key, so the message is sent at most once."""
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        return self._call(method, self._prefix + path, body=body, query=query, headers=headers)

    def listed(self, path: str, name: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the first answer of a list, with the items of all pages under `name`."""
        first = page = self.ask(path, {**(query or {}), "limit": self._page_size})
        items = list(first[name])
        while page.get("next"):
            page = self._call("GET", _path_of(page["next"]))
            items += page[name]
        return {**first, name: items}

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self._respond(method, path, **options)
        try:
            return from_json(response.content)
        except ValueError:
            raise problem_of(response.status_code, {"title": "the answer is not valid JSON"}) from None

    def _respond(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        forever: bool = False,
        is_open: bool = False,
    ) -> httpx2.Response:
        """Return the answer of a successful request. Raises `Problem` otherwise."""
        content = None if body is None else to_json(body)
        params = {name: value for name, value in (query or {}).items() if value is not None}
        url = httpx2.URL(self._root + path)
        request = self._http.build_request(
            method,
            url.copy_merge_params(params) if params else url,
            content=content,
            headers=self._headers(headers or {}, content),
            timeout=_TIMEOUT,
        )
        return self._retrying(forever)(self._attempt, request, is_open)

    def _headers(self, headers: Mapping[str, str], content: bytes | None) -> dict[str, str]:
        prefer = f"wait={self._wait_s}" if self._wait_s else "respond-async"
        media_type = {} if content is None else {"Content-Type": "application/json"}
        return {"Prefer": prefer, **media_type, **headers}

    def _attempt(self, request: httpx2.Request, is_open: bool) -> httpx2.Response:
        if not is_open:
            request.headers["Authorization"] = f"Bearer {self._token() if callable(self._token) else self._token}"
        try:
            response = self._http.send(request)
        except _NO_ANSWER as error:
            raise Unavailable("no answer", type(error).__name__) from error
        if response.is_success:
            return response
        raise problem_of(response.status_code, _problem_body(response), response.headers.get("Retry-After"))

    def _retrying(self, forever: bool) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(Unavailable),
            wait=_pause_s,
            stop=stop_never if forever else stop_before_delay(self._patience_s),
            before_sleep=before_sleep_log(_log, logging.WARNING),
            reraise=True,
        )


def _pause_s(state: RetryCallState) -> float:
    """Return the pause before the next attempt: `Retry-After`, else random exponential back-off."""
    error = state.outcome.exception() if state.outcome else None
    told_s = error.retry_after_s if isinstance(error, Unavailable) else None
    return _BACKOFF(state) if told_s is None else told_s


def _problem_body(response: httpx2.Response) -> dict[str, Any]:
    """Return the problem details; empty for answers of gateways in between."""
    try:
        body = from_json(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _path_of(url: str) -> str:
    """Return path and query only, so that the token never goes to another host."""
    return httpx2.URL(url).raw_path.decode("ascii")
