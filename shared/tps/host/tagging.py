"""ETags: whoever has the answer already is told so (304), and is not sent it again.

A tag is a function of what the answer shows, of its path and of who asks, keyed by a secret of the group: it tells
nothing that the answer does not, and two parties' tags cannot be compared. It is a weak one: when a list was made
(`as_of`), and by what name it goes on (`next`), do not count.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Response

from tps.rest.json_text import to_json

if TYPE_CHECKING:
    from flask import Request

    from tps.rest.function import Answer, Call

_WITHOUT = {"as_of", "next"}
_TAG_BYTES = 18
# Only its own reader keeps it, and asks each time whether it still holds.
CACHE_CONTROL = "private, no-cache"


def tagged(request: Request, call: Call, given: Answer) -> Response:
    """An answer with its ETag, or 304 without a body if the caller has it."""
    text, shown = _written(given.body)
    tag = _tag(call, shown)
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        response.headers.remove("Content-Type")
    else:
        media_type = given.media_type if isinstance(given.body, str) else "application/json"
        response = Response(text, given.status, content_type=media_type)
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response


def _written(body: Any) -> tuple[str, list[str]]:
    """The body as text, and of it what the tag is made of."""
    if isinstance(body, str):
        return body, [body]
    parts = {name: to_json(value) for name, value in body.items()}
    text = ",".join(f"{to_json(name)}:{part}" for name, part in parts.items())
    shown = [each for name in sorted(parts) for each in (name, "" if name in _WITHOUT else parts[name])]
    return f"{{{text}}}", shown


def _tag(call: Call, shown: Iterable[str]) -> str:
    who = "" if call.scope is None else call.scope.party
    seal = hmac.new(call.endpoint.secret("tags"), digestmod=hashlib.sha256)
    for each in (who, call.path, *shown):
        piece = each.encode()
        seal.update(len(piece).to_bytes(8, "big") + piece)
    return base64.urlsafe_b64encode(seal.digest()[:_TAG_BYTES]).decode()
