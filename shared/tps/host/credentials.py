"""Who calls the MADES web service: HTTP basic credentials, checked by the hash in the component's own group (NF3)."""

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
# Each check takes 16 MB and tens of milliseconds, on purpose: strangers may not have many done at once.
_CHECKING = threading.BoundedSemaphore(2)
_KEY = secrets.token_bytes(32)
_REMEMBERED: TTLCache[bytes, bool] = TTLCache(1024, _REMEMBER_S)
_LOCK = threading.Lock()


def component_behind(
    services: Services, authorization: str | None, wanted: str | None
) -> tuple[Endpoint, OwnComponent]:
    """The component that the credentials belong to, and its group's endpoint.

    Args:
        authorization: The header; user name is the component's code.
        wanted: The component that the path names, if it names one.

    Raises:
        BadCredentials: None, or not that component's; the same words, after the same time, whatever is wrong.
        Unavailable: Too many are knocking.
    """
    code, password = _read(authorization)
    found = _found(services, code)
    password_hash = found[2] if found else _nobodys_hash()
    if not _holds(password, password_hash) or found is None or wanted not in (None, code):
        raise BadCredentials(_REFUSAL)
    return found[0], found[1]


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


def _found(services: Services, code: str) -> tuple[Endpoint, OwnComponent, str] | None:
    for endpoint in services.endpoints.values():
        if endpoint.kind == "ecp":
            continue
        with endpoint.database.transaction() as tx:
            own, password_hash = component_by_code(tx, code), password_hash_of(tx, code)
        if own is not None and password_hash is not None:
            return endpoint, own, password_hash
    return None


def _holds(password: str, password_hash: str) -> bool:
    """What held a moment ago is not computed anew: applications ask again and again."""
    known = hmac.digest(_KEY, f"{password_hash}:{password}".encode(), hashlib.sha256)
    with _LOCK:
        if known in _REMEMBERED:
            return True
    if not _CHECKING.acquire(timeout=_WAIT_S):
        raise Unavailable("too many logins at the same time; try again")
    try:
        is_held = is_password(password, password_hash)
    finally:
        _CHECKING.release()
    if is_held:
        with _LOCK:
            _REMEMBERED[known] = True
    return is_held


@cache
def _nobodys_hash() -> str:
    """To be compared with where there is nothing to compare with, so that it takes as long."""
    return hash_password(secrets.token_urlsafe(18))
