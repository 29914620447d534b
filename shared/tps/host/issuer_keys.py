"""The public keys of a token issuer: from a file of the embedded stack, or from an external issuer's JWKS address."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from tps.errors import StoreAway

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

FRESH_S = 300.0
RETRY_S = 10.0
STALE_S = 24 * 3600.0
_TIMEOUT_S = 5.0
_log = structlog.get_logger()


class IssuerKeys(Protocol):
    """A source of public keys."""

    def for_key_id(self, key_id: str | None) -> KeySet:
        """Return the issuer's current keys. An unknown key id makes the source fetch them again, at a limited rate.

        Raises:
            StoreAway: No keys are available.
        """
        ...


class FileKeys:
    """A JWK set in a file, read again when the file changes."""

    def __init__(self, path: Path):
        self._path = path
        self._stamp = -1
        self._keys: KeySet | None = None

    def for_key_id(self, _key_id: str | None) -> KeySet:
        try:
            stamp = self._path.stat().st_mtime_ns
            if self._keys is None or stamp != self._stamp:
                self._keys, self._stamp = _parse(json.loads(self._path.read_text())), stamp
        except (OSError, ValueError) as error:
            raise StoreAway("the keys of the token issuer are temporarily unavailable") from error
        return self._keys


class RemoteKeys:
    """A JWK set at an address, cached for five minutes. An unknown key id fetches it again, at most every 10 s.

    If the issuer cannot be reached, its last keys stay valid for a day.

    Args:
        url: https, as `jwks_uri` of an OIDC issuer.
        now: Monotonic seconds.
    """

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic):
        self._url = url
        self._now = now
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")

    def for_key_id(self, key_id: str | None) -> KeySet:
        with self._lock:
            if self._must_fetch(key_id):
                self._fetch()
            if self._keys is None or self._now() - self._fetched_at > STALE_S:
                raise StoreAway("the keys of the token issuer are temporarily unavailable")
            return self._keys

    def _must_fetch(self, key_id: str | None) -> bool:
        if self._now() - self._tried_at < RETRY_S:
            return False
        is_old = self._now() - self._fetched_at > FRESH_S
        return is_old or self._keys is None or key_id not in {key.kid for key in self._keys.keys}

    def _fetch(self) -> None:
        import httpx2

        self._tried_at = self._now()
        try:
            answer = httpx2.get(self._url, timeout=_TIMEOUT_S, headers={"Accept": "application/json"})
            self._keys, self._fetched_at = _parse(answer.raise_for_status().json()), self._now()
        except (httpx2.HTTPError, ValueError) as error:
            _log.warning("keys of the token issuer not fetched", error=type(error).__name__)


def _parse(value: Any) -> KeySet:
    """Return a JWK set; raises ValueError if the value is not a JWK set."""
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        return KeySet.import_key_set(value)
    except (JoseError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a JWK set") from error
