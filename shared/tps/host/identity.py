"""Authentication by bearer token: a verified token becomes a scope (NF3). Nothing else identifies a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tps.domain.scope import AgrScope, DsoScope, Scope, TpsScope
from tps.errors import Forbidden, Unauthenticated
from tps.host.issuer_keys import IssuerKeys

ALGORITHMS = ["ES256", "RS256", "PS256"]
_SCOPES: dict[str, type[AgrScope] | type[DsoScope] | type[TpsScope]] = {
    "agr": AgrScope,
    "brp": AgrScope,
    "dso": DsoScope,
    "tps": TpsScope,
}
_LEEWAY_S = 30


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
        """Return the group of the role's routes: `agr`, `dso` or `tps`."""
        return "agr" if self.role == "brp" else self.role


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Verifies tokens of one issuer for one audience, with the issuer's keys and the allowed algorithms.

    `party_claim` and `role_claim` are the issuer's names of the two claims that identify the caller.
    """

    issuer: str
    audience: str
    keys: IssuerKeys
    party_claim: str = "party"
    role_claim: str = "role"

    def identify(self, authorization: str | None) -> Identity:
        """Return the caller behind an Authorization header.

        Raises:
            Unauthenticated: No valid token. The text is the same for every fault.
            StoreAway: The keys of the issuer are unavailable.
        """
        claims = self.claims(authorization)
        party, role = claims.get(self.party_claim), _role_in(claims.get(self.role_claim))
        if not isinstance(party, str) or role is None:
            raise Unauthenticated("the token is not valid")
        return Identity(party, role)

    def claims(self, authorization: str | None) -> dict[str, Any]:
        """Return the verified claims of the token in an Authorization header; raises as `identify`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("a bearer token is required")
        return self._claims(token.strip())

    def _claims(self, token: str) -> dict[str, Any]:
        from joserfc import jws, jwt
        from joserfc.errors import JoseError
        from joserfc.jwt import JWTClaimsRegistry

        rules = JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
        )
        try:
            key_id = jws.extract_compact(token.encode()).headers()["kid"]
            decoded = jwt.decode(token, self.keys.for_key_id(key_id), algorithms=ALGORITHMS)
            rules.validate(decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise Unauthenticated("the token is not valid") from None
        return decoded.claims


def _role_in(claim: Any) -> str | None:
    """Return the role in a claim: a string, or a list with exactly one known role among roles of other systems."""
    names = claim if isinstance(claim, list) else [claim]
    known = [name for name in names if isinstance(name, str) and name in _SCOPES]
    return known[0] if len(known) == 1 else None


def check_group(identity: Identity, kind: str) -> None:
    """Refuse a role that may not use the routes of a group."""
    if identity.kind != kind:
        raise Forbidden("the role of the token may not use this interface")
