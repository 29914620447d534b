"""Valid and invalid tokens."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support.world import World, fresh_gln


def issuers_key(world: World) -> ECKey:
    """Return the embedded issuer's own key."""
    return ECKey.import_key(json.loads((world.stack.keys_dir / "issuer.json").read_text()))


def claims(world: World, party: str, role: Any, changes: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Return the claims of a valid token; None omits a claim."""
    now, settings = int(time.time()), world.settings
    good = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": party,
        "party": party,
        "role": role,
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(world: World, party: str, role: Any, changes: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return a token signed by the issuer, with these changed claims."""
    key = issuers_key(world)
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims(world, party, role, changes), key)


def forged(world: World, party: str, role: str) -> str:
    """Return a token signed by another key with the issuer's key id."""
    key = ECKey.generate_key("P-256")
    return jwt.encode({"alg": "ES256", "kid": issuers_key(world).kid}, claims(world, party, role), key)


def unsigned(world: World, party: str, role: str) -> str:
    """Return a token with `alg` none and without signature."""
    header, payload = (_encoded(each) for each in ({"alg": "none"}, claims(world, party, role)))
    return f"{header}.{payload}."


def signed_by_public_key(world: World, party: str, role: str) -> str:
    """Return a token with HS256 and the issuer's public key as the secret."""
    key = issuers_key(world)
    content = f"{_encoded({'alg': 'HS256', 'kid': key.kid})}.{_encoded(claims(world, party, role))}"
    signature = hmac.digest(key.as_pem(private=False), content.encode(), "sha256")
    return f"{content}.{_base64(signature)}"


def changed(world: World, party: str, role: str) -> str:
    """Return a valid token whose claims are replaced by another party's."""
    header, _, signature = signed(world, fresh_gln(), role).split(".")
    return f"{header}.{_encoded(claims(world, party, role))}.{signature}"


def _encoded(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


Token = Callable[[World, str, str], str]

BAD_TOKENS: dict[str, Token] = {
    "an expired token": lambda world, party, role: signed(world, party, role, {"exp": int(time.time()) - 120}),
    "a token without expiry": lambda world, party, role: signed(world, party, role, {"exp": None}),
    "a token not valid yet": lambda world, party, role: signed(world, party, role, {"nbf": int(time.time()) + 600}),
    "a token of another key": forged,
    "a token without signature": unsigned,
    "a token signed by the public key": signed_by_public_key,
    "a token with changed claims": changed,
    "a token of another issuer": lambda world, party, role: signed(world, party, role, {"iss": "https://elsewhere"}),
    "a token without issuer": lambda world, party, role: signed(world, party, role, {"iss": None}),
    "a token for another audience": lambda world, party, role: signed(world, party, role, {"aud": "market"}),
    "a token without party": lambda world, party, role: signed(world, party, role, {"party": None}),
    "a token of an unknown role": lambda world, party, _role: signed(world, party, "god"),
    "a token of many roles": lambda world, party, role: signed(world, party, [role, "tps"]),
    "no JWT at all": lambda _world, _party, _role: "abc",
    "a JWT of rubbish": lambda _world, _party, _role: "a.b.c",
    "a JWT of deep JSON": lambda _world, _party, _role: f"{base64.b64encode(b'[' * 60_000).decode()}.e30.c2ln",
}
