"""Sign-in to the GUI of one machine: a code that works once, and short-lived tokens that an open page renews.

A code has 256 random bits. On disk there is only a file named by the hash of the code, valid for one hour and removed
on use. The code is exchanged for a token of the platform operator, signed by the embedded issuer. A cluster has an OIDC
issuer instead (docs/adr/0020).
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
    """Issues tokens of the platform operator; `folder` has the codes."""

    folder: Path
    key_file: Path
    issuer: str
    audience: str
    platform: str

    def exchange(self, code: str) -> dict[str, Any]:
        """Return a token for a code, and invalidate the code.

        Raises:
            Unauthenticated: The code is unknown, used or expired; the text is the same for all three.
        """
        if not redeem(self.folder, code):
            raise Unauthenticated("the code is not valid")
        return self._session(int(time.time()))

    def renew(self, claims: dict[str, Any]) -> dict[str, Any]:
        """Return the next token of a session, from the verified claims of the last token.

        Raises:
            Unauthenticated: The token does not belong to a session, or the session has expired.
        """
        began = claims.get("auth_time")
        if claims.get("role") != "tps" or not isinstance(began, int):
            raise Unauthenticated("the token is not valid")
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
    """Return a new code, which works once within one hour, and remove expired codes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in folder.iterdir():
        if _end_of(path) < time.time():
            path.unlink(missing_ok=True)
    code = secrets.token_urlsafe(32)
    write_private(folder / _name(code), str(int(time.time()) + CODE_LIFETIME_S))
    return code


def redeem(folder: Path, code: str) -> bool:
    """Remove the code; return True for exactly one caller, and only before the code expires."""
    path = folder / _name(code)
    end = _end_of(path)
    try:
        # Of two simultaneous callers, only one can remove the file.
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
