"""Component assertions: a JWT that a component signs with its authentication key for the Component Directory. No I/O.

Header: `kid` is the id of the component's certificate (SHA-256, hex). `typ` distinguishes the assertion from an
issuer's token. Claims: `iss` and `sub` are the component's code, `aud` is `component-directory`, then `iat`, `exp` (at
most five minutes later) and `jti`. A request with a body adds `body_sha256`, hex. An assertion can be replayed while it
is valid, so every request that uses it must be idempotent.

Source: RFC 7519; docs/mades.md, "Copies of the directory".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tps.errors import MessageRefused, Unauthenticated
from tps.mades import codes
from tps.mades.certificate import Certificate
from tps.mades.ids import new_id
from tps.mades.jose import Signed, parse_signed, sign, verify
from tps.mades.keys import SigningKey
from tps.mades.strict_json import check_fields, read_object

AUDIENCE = "component-directory"
TYPE = "component-assertion+jwt"
LIFETIME = timedelta(minutes=5)
MAXIMUM_CHARACTERS = 4_096
_LEEWAY_S = 30
_NEEDED = frozenset({"iss", "sub", "aud", "iat", "exp", "jti"})
_WITH_BODY = frozenset({"body_sha256"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """The content of an assertion before its signature is verified."""

    signed: Signed
    component: str
    claims: Mapping[str, Any]

    @property
    def certificate_id(self) -> str:
        """Return the id of the certificate that the assertion names."""
        return self.signed.certificate_id


def make_assertion(key: SigningKey, now: datetime, body: bytes = b"") -> str:
    """Return an assertion for one request.

    Args:
        key: The component's authentication key, with its certificate's id.
        now: Aware time.
        body: The request body as sent.
    """
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": key.component,
        "sub": key.component,
        "aud": AUDIENCE,
        "iat": issued_at,
        "exp": issued_at + int(LIFETIME.total_seconds()),
        "jti": new_id(),
    }
    if body:
        claims["body_sha256"] = hashlib.sha256(body).hexdigest()
    return sign(json.dumps(claims).encode(), key.jose, key.certificate_id, TYPE)


def read_assertion(token: str) -> Assertion | None:
    """Return the unverified content of a bearer token, or None if the token is not an assertion."""
    if len(token) > MAXIMUM_CHARACTERS:
        return None
    try:
        signed = parse_signed(token)
        if signed.type != TYPE:
            return None
        claims = read_object(signed.payload, "an assertion")
        check_fields(claims, "an assertion", needed=_NEEDED, allowed=_WITH_BODY)
        return Assertion(signed, codes.component_code(claims["sub"]), claims)
    except MessageRefused:
        return None


def check_assertion(assertion: Assertion, certificate: Certificate, now: datetime, body: bytes = b"") -> None:
    """Check an assertion against its certificate. The caller must check that the certificate is trusted.

    Raises:
        Unauthenticated: The assertion is invalid. The text is the same for every fault, so it reveals nothing.
    """
    expected = {"iss": certificate.component, "sub": certificate.component, "aud": AUDIENCE}
    claims = assertion.claims
    is_right = all(claims[name] == value for name, value in expected.items()) and _is_in_time(claims, now)
    digest = hashlib.sha256(body).hexdigest() if body else None
    if not is_right or claims.get("body_sha256") != digest:
        raise Unauthenticated("the token is not valid")
    try:
        verify(assertion.signed, certificate.jose)
    except MessageRefused:
        raise Unauthenticated("the token is not valid") from None


def _is_in_time(claims: Mapping[str, Any], now: datetime) -> bool:
    issued_at, expires_at, at = claims["iat"], claims["exp"], now.timestamp()
    if type(issued_at) is not int or type(expires_at) is not int:
        return False
    is_short = 0 < expires_at - issued_at <= LIFETIME.total_seconds()
    return is_short and issued_at - _LEEWAY_S <= at <= expires_at + _LEEWAY_S
