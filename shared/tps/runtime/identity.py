"""Who calls: a bearer token, verified, becomes a scope (NF3). Nothing else says who somebody is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tps.domain.scope import AgrScope, DsoScope, Scope, TpsScope
from tps.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from tps.runtime.settings import Settings

ALGORITHMS = ["ES256", "RS256", "PS256"]
_SCOPES: dict[str, type[AgrScope] | type[DsoScope] | type[TpsScope]] = {
    "agr": AgrScope,
    "brp": AgrScope,
    "dso": DsoScope,
    "tps": TpsScope,
}
_KINDS = {"agr": AgrScope, "dso": DsoScope, "tps": TpsScope}


@dataclass(frozen=True, slots=True)
class Identity:
    """Verified claims."""

    party: str
    role: str

    @property
    def scope(self) -> Scope:
        return _SCOPES[self.role](self.party)

    @property
    def kind(self) -> str:
        """The group its routes belong to: `agr`, `dso` or `tps`."""
        return "agr" if self.role == "brp" else self.role


def identify(authorization: str | None, settings: Settings) -> Identity:
    """The caller behind an Authorization header.

    Raises:
        Unauthenticated: No token, or one that does not hold; the same words whatever is wrong with it.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("a bearer token is needed")
    claims = _claims(token.strip(), settings)
    party, role = claims.get("party"), claims.get("role")
    if not isinstance(party, str) or not isinstance(role, str) or role not in _SCOPES:
        raise Unauthenticated("the token does not hold")
    return Identity(party, role)


def check_group(identity: Identity, kind: str) -> None:
    """Refuse a role that has no business on a group's routes."""
    if identity.kind != kind:
        raise Forbidden("the token's role has no business here")


def _claims(token: str, settings: Settings) -> dict[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwt import JWTClaimsRegistry

    rules = JWTClaimsRegistry(
        leeway=30,
        iss={"essential": True, "value": settings.issuer},
        aud={"essential": True, "value": settings.audience},
        exp={"essential": True},
    )
    try:
        stamp = settings.jwks_file.stat().st_mtime_ns
        decoded = jwt.decode(token, _key_set(str(settings.jwks_file), stamp), algorithms=ALGORITHMS)
        rules.validate(decoded.claims)
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        raise Unauthenticated("the token does not hold") from None
    return decoded.claims


@lru_cache(maxsize=4)
def _key_set(path: str, _stamp: int) -> KeySet:
    """The issuer's keys, read again when the file changes."""
    from pathlib import Path

    from joserfc.jwk import KeySet

    return KeySet.import_key_set(json.loads(Path(path).read_text()))
