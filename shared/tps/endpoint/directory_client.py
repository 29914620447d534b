"""The endpoint's HTTP client of the Component Directory. It authenticates as one of the group's components."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tps.endpoint.directory_copy import Seen
from tps.errors import Malformed, StoreAway, Unauthenticated
from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    import httpx2

_CONNECT_S = 5.0
_READ_S = 20.0
_CONNECT_RETRIES = 2
LONGEST_CALL_S = (_CONNECT_RETRIES + 1) * _CONNECT_S + 2 * _READ_S
"""Upper bound of the duration of a call, in seconds. Responses that trickle in can take longer."""

Assert = Callable[[bytes], str]
"""Signs a component's assertion over a request body."""


class DirectoryClient:
    """A client of one directory. It connects at first use.

    Args:
        url: Address of the directory: `https://...`, without a path.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._lock = threading.Lock()
        self._http: httpx2.Client | None = None

    def look(self, assertion: str, content_id: int | None) -> Seen:
        """Return the part of the directory that a component may see.

        Args:
            assertion: Signed assertion of the component.
            content_id: Content id of the component's last answer. None for the first call.

        Raises:
            StoreAway: The directory is unavailable. Try again later.
            Unauthenticated: The directory does not accept the component. Renew it, or ask the platform operator.
            Malformed, RuleBroken: The answer is unreadable. No part of it may be used.
        """
        query = {} if content_id is None else {"contentId": str(content_id)}
        answer = self._ask("GET", "/ecp/v1/components", assertion, params=query)
        return _seen(answer)

    def certify(self, code: str, keys: Mapping[str, str], prove: Assert) -> list[str]:
        """Return certificates (PEM) for a component's new public keys. The same keys get the same certificates.

        Args:
            keys: Public key (PEM) by use.

        Raises:
            StoreAway, Unauthenticated, Malformed: As in `look`.
        """
        body = json.dumps({"keys": dict(keys)}).encode()
        answer = self._ask("POST", f"/ecp/v1/components/{code}/certificates", prove(body), content=body)
        certificates = answer.get("certificates")
        if not isinstance(certificates, list) or not all(isinstance(certificate, str) for certificate in certificates):
            raise Malformed("the directory's answer has no certificates")
        return certificates

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

    def _ask(self, method: str, path: str, assertion: str, **more: Any) -> dict[str, Any]:
        import httpx2

        headers = {"Authorization": f"Bearer {assertion}", "Content-Type": "application/json"}
        try:
            response = self._opened().request(method, self._url + path, headers=headers, **more)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise StoreAway(f"the Component Directory does not answer ({type(error).__name__})") from error
        return _body(response)

    def _opened(self) -> httpx2.Client:
        import httpx2

        with self._lock:
            if self._http is None:
                timeout = httpx2.Timeout(_READ_S, connect=_CONNECT_S)
                self._http = httpx2.Client(timeout=timeout, transport=httpx2.HTTPTransport(retries=_CONNECT_RETRIES))
            return self._http


def _body(response: httpx2.Response) -> dict[str, Any]:
    if response.status_code in (401, 403):
        raise Unauthenticated("the Component Directory does not accept the certificate of this component")
    if response.status_code != 200:
        raise StoreAway(f"the Component Directory answered {response.status_code}")
    try:
        body = response.json()
    except ValueError as error:
        raise Malformed("the directory's answer is not JSON") from error
    if not isinstance(body, dict):
        raise Malformed("the directory's answer is not a JSON object")
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
