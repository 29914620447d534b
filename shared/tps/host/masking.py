"""Masking of ids in log events.

Our own code logs no ids (NF4). Masking covers mistakes and texts of libraries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MASK = "***"
_IDS = re.compile(
    r"""(?x)
    (?<=\?)[^\s"'<>?]*=[^\s"'<>]*               # the query of a URL
    | \b(?:A01|A10|NDK):[^\s"'&,;)\]}]+         # an id with its scheme
    | \bey[\w-]{8,}\.[\w-]+\.[\w-]*             # a token
    | (?<![0-9A-Za-z])(?:
          \d{18} | \d{13}                       # GSRN, GLN
          | \d{2}[A-Z][0-9A-Z-]{13}             # EIC
      )(?![0-9A-Za-z])
    """
)


def masked(text: str) -> str:
    """Return the text with every query, token, and id of a known form replaced."""
    return _IDS.sub(MASK, text)


def mask_event(_logger: object, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Mask the values of a log event at any depth; a processor of structlog."""
    return {name: _masked_value(value) for name, value in event.items()}


def _masked_value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if masked(str(value)) == str(value) else MASK
    if isinstance(value, Mapping):
        return {masked(str(name)): _masked_value(child) for name, child in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_masked_value(child) for child in value]
    return masked(str(value))
