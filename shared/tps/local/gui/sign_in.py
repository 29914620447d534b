"""Signing in to the GUI of one machine: a code that opens once, and short tokens that are renewed while a page is open.

A code is 256 random bits, told to a person only; what lies on disk is a file named by its hash, good for an hour and
gone when used. It is exchanged for a token of the platform operator's role by the embedded issuer's key. A cluster has
an OIDC issuer instead, and none of this (docs/adr/0020).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tps.errors import Unauthenticated
from tps.local.embedded.record import write_private
from tps.local.tokens import encode

CODE_LIFETIME_S = 3600
TOKEN_LIFETIME_S = 900
SESSION_LIFETIME_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class SignIn:
    """Whose token it gives, for whom, by which key; `folder` holds the codes."""

    folder: Path
    key_file: Path
    issuer: str
    audience: str
    platform: str

    def exchange(self, code: str) -> dict[str, Any]:
        """A token for a code, which then opens nothing any more.

        Raises:
            Unauthenticated: No such code, used, or too old; the same words for each.
        """
        if not redeem(self.folder, code):
            raise Unauthenticated("the code does not hold")
        return self._session(int(time.time()))

    def renew(self, claims: dict[str, Any]) -> dict[str, Any]:
        """The next token of a session, for the verified claims of the last one.

        Raises:
            Unauthenticated: The token is of no session, or the session has lasted its time.
        """
        began = claims.get("auth_time")
        if claims.get("role") != "tps" or not isinstance(began, int):
            raise Unauthenticated("the token does not hold")
        if began + SESSION_LIFETIME_S <= time.time():
            raise Unauthenticated("the session is over")
        return self._session(began)

    def _session(self, began: int) -> dict[str, Any]:
        now = int(time.time())
        expires = min(now + TOKEN_LIFETIME_S, began + SESSION_LIFETIME_S)
        claims = {"iss": self.issuer, "aud": self.audience, "sub": self.platform, "party": self.platform, "role": "tps"}
        token = encode(self.key_file, {**claims, "iat": now, "exp": expires, "auth_time": began})
        return {"token": token, "expires_in_s": expires - now}


def new_code(folder: Path) -> str:
    """A code that opens once within the hour; forgets those that are over."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in folder.iterdir():
        if _end_of(path) < time.time():
            path.unlink(missing_ok=True)
    code = secrets.token_urlsafe(32)
    write_private(folder / _name(code), str(int(time.time()) + CODE_LIFETIME_S))
    return code


def redeem(folder: Path, code: str) -> bool:
    """True for the one who comes first with this code in time."""
    path = folder / _name(code)
    end = _end_of(path)
    try:
        # Of two at once only one removes it.
        path.unlink()
    except FileNotFoundError:
        return False
    return time.time() < end


def _end_of(path: Path) -> float:
    with suppress(FileNotFoundError, ValueError):
        return float(path.read_text())
    return 0.0


def _name(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
