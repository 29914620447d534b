"""Ids taken out of what is logged.

Nothing of ours logs one (NF4); this is for what slips through, of libraries above all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MASK = "***"
_IDS = re.compile(
    r"""(?x)
    (?<=\?)[^\s"'<>?]*=[^\s"'<>]*               # the query of a URL, whatever is in it
    | \b(?:A01|A10|NDK):[^\s"'&,;)\]}]+         # an id with its scheme
    | \bey[\w-]{8,}\.[\w-]+\.[\w-]*             # a token
    | (?<![0-9A-Za-z])(?:
          \d{18} | \d{13}                       # GSRN, GLN
          | \d{2}[A-Z][0-9A-Z-]{13}             # EIC
      )(?![0-9A-Za-z])
    """
)


def masked(text: str) -> str:
    """The text with every query, token, and id of a known form replaced."""
    return _IDS.sub(MASK, text)


def mask_event(_logger: object, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """A processor of structlog: masks values at any depth."""
    return {name: _masked_value(value) for name, value in event.items()}


def _masked_value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if masked(str(value)) == str(value) else MASK
    if isinstance(value, Mapping):
        return {masked(str(name)): _masked_value(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_masked_value(each) for each in value]
    return masked(str(value))
