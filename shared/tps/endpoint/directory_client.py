"""The Component Directory, as an endpoint asks it: over HTTP, as one of its own components."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tps.endpoint.directory_copy import Seen
from tps.errors import Malformed, StoreAway, Unauthenticated
from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    import httpx

_CONNECT_S = 5.0
_READ_S = 20.0
_CONNECT_RETRIES = 2
LONGEST_CALL_S = (_CONNECT_RETRIES + 1) * _CONNECT_S + 2 * _READ_S
"""No call takes longer, answers that trickle aside."""

Assert = Callable[[bytes], str]
"""Makes a component's assertion for a body."""


class DirectoryClient:
    """One directory; connects at first use.

    Args:
        url: Where it is: `https://...`, without a path.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

    def look(self, assertion: str, content_id: int | None) -> Seen:
        """What a component sees.

        Args:
            assertion: Who asks.
            content_id: Of what it saw last.

        Raises:
            StoreAway: The directory is away; try again later.
            Unauthenticated: It does not take the component for one of its own: renew it, or ask the platform operator.
            Malformed, RuleBroken: Its answer cannot be read; nothing of it is to be used.
        """
        query = {} if content_id is None else {"contentId": str(content_id)}
        answer = self._ask("GET", "/ecp/v1/components", assertion, params=query)
        return _seen(answer)

    def certify(self, code: str, keys: Mapping[str, str], prove: Assert) -> list[str]:
        """Certificates for a component's new public keys, as PEMs; again for the same keys, the same ones.

        Raises:
            As `look`.
        """
        body = json.dumps({"keys": dict(keys)}).encode()
        answer = self._ask("POST", f"/ecp/v1/components/{code}/certificates", prove(body), content=body)
        certificates = answer.get("certificates")
        if not isinstance(certificates, list) or not all(isinstance(each, str) for each in certificates):
            raise Malformed("the directory's answer holds no certificates")
        return certificates

    def close(self) -> None:
        """Give back the connections."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

    def _ask(self, method: str, path: str, assertion: str, **more: Any) -> dict[str, Any]:
        import httpx

        headers = {"Authorization": f"Bearer {assertion}", "Content-Type": "application/json"}
        try:
            response = self._opened().request(method, self._url + path, headers=headers, **more)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise StoreAway(f"the Component Directory does not answer ({type(error).__name__})") from error
        return _body(response)

    def _opened(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._http is None:
                timeout = httpx.Timeout(_READ_S, connect=_CONNECT_S)
                self._http = httpx.Client(timeout=timeout, transport=httpx.HTTPTransport(retries=_CONNECT_RETRIES))
            return self._http


def _body(response: httpx.Response) -> dict[str, Any]:
    if response.status_code in (401, 403):
        raise Unauthenticated("the Component Directory does not accept the certificate of this component")
    if response.status_code != 200:
        raise StoreAway(f"the Component Directory answered {response.status_code}")
    try:
        body = response.json()
    except ValueError as error:
        raise Malformed("the directory's answer is not JSON") from error
    if not isinstance(body, dict):
        raise Malformed("the directory's answer is no object")
    return body


def _seen(answer: Mapping[str, Any]) -> Seen:
    try:
        content_id, ttl_s = answer["metadata"]["content_id"], answer["metadata"]["ttl_s"]
        if type(content_id) is not int or type(ttl_s) not in (int, float) or not ttl_s > 0:
            raise Malformed("the directory's metadata cannot be read")
        is_unchanged = answer.get("unchanged") is True
        entries = None if is_unchanged else tuple(map(ComponentEntry.from_json, answer["components"]))
        return Seen(content_id, float(ttl_s), entries)
    except (KeyError, TypeError) as error:
        raise Malformed("invalid answer of the directory") from error
