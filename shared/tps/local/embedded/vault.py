"""Secrets of a data folder: created once, stored in `keys/`, readable by their owner only."""

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path

from tps.local.embedded.record import read_json, write_private

_FILE = "secrets.json"


class Vault:
    """Passwords and keys by name. A missing secret is created on its first use."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        self._path = folder / _FILE

    def password(self, name: str) -> str:
        """Return a password of 256 bits in characters that need no quoting."""
        return self._get(name, lambda: secrets.token_urlsafe(32))

    def key(self, name: str) -> str:
        """Return 32 random bytes in base64url."""
        return self._get(name, lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

    def _get(self, name: str, make: Callable[[], str]) -> str:
        known = read_json(self._path)
        if name not in known:
            known[name] = make()
            write_private(self._path, json.dumps(known, indent=1))
        return str(known[name])
