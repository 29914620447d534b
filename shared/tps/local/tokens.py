"""The embedded issuer: bearer tokens for one machine. A cluster has its own OIDC issuer."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tps.directory import entries as directory
from tps.errors import NotFound
from tps.host.settings import Settings
from tps.stores.database import one_transaction

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

LIFETIME_S = 12 * 3600


def issue(stack: LocalStack, party: str) -> str:
    """Return a token for an onboarded party or for the platform, valid for twelve hours.

    Raises:
        NotFound: The party is unknown; onboard it first.
    """
    settings = Settings.from_env(stack.environment())
    if party == settings.platform_party:
        return sign(stack, settings, party, "tps")
    with one_transaction(settings.groups["ecp"].database_url) as tx:
        registered = directory.registered(tx, party)
    if registered is None or registered.component.role == directory.ECP_ROLE:
        raise NotFound(f"unknown party {party}; onboard it with ./tps party add")
    return sign(stack, settings, party, registered.component.role)


def sign(stack: LocalStack, settings: Settings, party: str, role: str) -> str:
    """Return a token with these claims, signed by the embedded issuer."""
    now = int(time.time())
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": party,
        "party": party,
        "role": role,
        "iat": now,
        "exp": now + LIFETIME_S,
    }
    return encode(stack.keys_dir / "issuer.json", claims)


def encode(key_file: Path, claims: dict[str, Any]) -> str:
    """Return a token with these claims, signed with the private key in this file."""
    from joserfc import jwt
    from joserfc.jwk import ECKey

    key = ECKey.import_key(json.loads(key_file.read_text()))
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
