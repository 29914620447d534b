"""ETags: a caller that already has the current answer gets 304 without a body.

A tag depends on the answer's content, its path and the caller, keyed by a secret of the group. So a tag reveals nothing
beyond the answer, and tags of two parties cannot be compared. Tags are weak: the time of a list (`as_of`) and the link
to the next page (`next`) do not count.
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
# Only the caller may cache the answer, and must revalidate it for each use.
CACHE_CONTROL = "private, no-cache"


def tagged(request: Request, call: Call, given: Answer) -> Response:
    """Return the answer with its ETag, or 304 without a body if the caller has the current answer."""
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
    """Return the body as text, and the parts of it that the tag covers."""
    if isinstance(body, str):
        return body, [body]
    parts = {name: to_json(value) for name, value in body.items()}
    text = ",".join(f"{to_json(name)}:{part}" for name, part in parts.items())
    shown = [part for name in sorted(parts) for part in (name, "" if name in _WITHOUT else parts[name])]
    return f"{{{text}}}", shown


def _tag(call: Call, shown: Iterable[str]) -> str:
    caller = "" if call.scope is None else call.scope.party
    seal = hmac.new(call.endpoint.secret("tags"), digestmod=hashlib.sha256)
    for part in (caller, call.path, *shown):
        content = part.encode()
        seal.update(len(content).to_bytes(8, "big") + content)
    return base64.urlsafe_b64encode(seal.digest()[:_TAG_BYTES]).decode()
