"""Authentication at the MADES web service: HTTP basic credentials, checked in the component's own group (NF3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from functools import cache
from typing import TYPE_CHECKING

from cachetools import TTLCache

from tps.directory.entries import hash_password, is_password
from tps.endpoint.components import OwnComponent, component_by_code, password_hash_of
from tps.errors import BadCredentials, MessageRefused, Unavailable
from tps.mades.codes import component_code

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.host.services import Services

_REFUSAL = "the user name and password of a component are required"
_REMEMBER_S = 300
_MAXIMUM_CHARACTERS = 512
_WAIT_S = 5
# A check takes 16 MB and tens of milliseconds, by design. Limit parallel checks, which anybody can cause.
_CHECKING = threading.BoundedSemaphore(2)
_KEY = secrets.token_bytes(32)
_REMEMBERED: TTLCache[bytes, bool] = TTLCache(1024, _REMEMBER_S)
_LOCK = threading.Lock()


def component_behind(
    services: Services, authorization: str | None, wanted: str | None
) -> tuple[Endpoint, OwnComponent]:
    """Return the component of the credentials and the endpoint of its group.

    Args:
        authorization: The header. The user name is the code of the component.
        wanted: The component that the path names, or None.

    Raises:
        BadCredentials: The credentials are missing or wrong. Text and response time are the same for every cause.
        Unavailable: Too many logins at the same time.
    """
    code, password = _read(authorization)
    known = _find_component(services, code)
    password_hash = known[2] if known else _decoy_hash()
    if not _is_right(password, password_hash) or known is None or wanted not in (None, code):
        raise BadCredentials(_REFUSAL)
    return known[0], known[1]


def _read(authorization: str | None) -> tuple[str, str]:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _MAXIMUM_CHARACTERS:
        raise BadCredentials(_REFUSAL)
    try:
        code, separator, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        component_code(code)
    except (binascii.Error, UnicodeDecodeError, MessageRefused):
        raise BadCredentials(_REFUSAL) from None
    if not separator:
        raise BadCredentials(_REFUSAL)
    return code, password


def _find_component(services: Services, code: str) -> tuple[Endpoint, OwnComponent, str] | None:
    for endpoint in services.endpoints.values():
        if endpoint.kind == "ecp":
            continue
        with endpoint.database.transaction() as tx:
            own, password_hash = component_by_code(tx, code), password_hash_of(tx, code)
        if own is not None and password_hash is not None:
            return endpoint, own, password_hash
    return None


def _is_right(password: str, password_hash: str) -> bool:
    """Return True if the password is right. Successful checks are cached, because applications send many requests."""
    digest = hmac.digest(_KEY, f"{password_hash}:{password}".encode(), hashlib.sha256)
    with _LOCK:
        if digest in _REMEMBERED:
            return True
    if not _CHECKING.acquire(timeout=_WAIT_S):
        raise Unavailable("too many logins at the same time; try again")
    try:
        is_held = is_password(password, password_hash)
    finally:
        _CHECKING.release()
    if is_held:
        with _LOCK:
            _REMEMBERED[digest] = True
    return is_held


@cache
def _decoy_hash() -> str:
    """Return a hash to check for unknown components, so that the response time is the same."""
    return hash_password(secrets.token_urlsafe(18))
