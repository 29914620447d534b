"""The key pair of the embedded token issuer: `keys/issuer.json` (private) and `keys/jwks.json` (public)."""

import json
from pathlib import Path

from tps.local.embedded.record import write_private

ISSUER = "tps-embedded"
AUDIENCE = "tps"


def ensure_issuer(keys: Path) -> Path:
    """Create the P-256 key pair if it is missing. Return the path of the public JWK set."""
    public = keys / "jwks.json"
    if not public.exists():
        _make(keys / "issuer.json", public)
    return public


def _make(private: Path, public: Path) -> None:
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
    write_private(private, json.dumps(key.as_dict(private=True)))
    write_private(public, json.dumps({"keys": [key.as_dict(private=False)]}))
