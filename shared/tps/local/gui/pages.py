"""`/gui/` at the gateway of one machine: the pages of the bucket under the gateway's origin, and sign-in.

Pages are served unchanged from the bucket. Security headers restrict them to their own origin. In a cluster the ingress
does the same (k8s/overlays/knative/gui.yaml).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from werkzeug.wrappers import Request, Response

from tps.errors import (
    Forbidden,
    Malformed,
    MethodNotAllowed,
    NotFound,
    StoreAway,
    TooLarge,
    TpsError,
    WrongMediaType,
)
from tps.host.http import problem
from tps.local.gui.sign_in import SignIn
from tps.rest.json_text import to_json

if TYPE_CHECKING:
    import httpx2

    from tps.host.services import Services
    from tps.host.settings import Settings

PREFIX = "/gui"
PATHS = ("/gui/", "/gui/session")
_OWN = "connect-src 'self'"
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"{_OWN}; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*")
_PASSED_ON = ("Content-Type", "Content-Encoding", "Cache-Control", "ETag", "Last-Modified")
_MAX_BODY_BYTES = 4096
_TIMEOUT_S = 5.0
_NOT_YET = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3"><title>Trade Permission System</title>
<h1>The GUI is not published yet</h1>
<p>Publishing takes a moment after a start. This page reloads by itself.
If the GUI does not appear, the last lines of <code>./tps up</code> name the cause. To try again, run
<code>./tps gui publish</code>. The platform works without the GUI.</p></html>
"""


class Pages:
    """The WSGI application below `/gui`."""

    def __init__(self, services: Services):
        self._services = services
        self._pages = services.settings.gui
        self._sign_in = _sign_in(services.settings)
        self._security = security_of(services.settings)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            response = self._answer(Request(environ))
        except TpsError as error:
            response = problem(error)
        response.headers.update(self._security)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == f"{PREFIX}/session":
            return self._session(request)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("verbs known here: GET, HEAD")
        if request.path == PREFIX:
            return Response(status=308, headers={"Location": f"{PREFIX}/"})
        return self._page(request, request.path.removeprefix(f"{PREFIX}/") or "index.html")

    def _page(self, request: Request, name: str) -> Response:
        import httpx2

        if not _NAME.fullmatch(name):
            raise NotFound("no such page")
        tag = request.headers.get("If-None-Match")
        try:
            status, headers, body = self._read(name, {"If-None-Match": tag} if tag else {})
        except httpx2.HTTPError:
            return (
                _not_yet()
                if name == "index.html"
                else problem(StoreAway("the object store of the pages cannot be reached"))
            )
        if status == 304:
            return Response(status=304, headers=headers)
        if status != 200:
            if name == "index.html":
                return _not_yet()
            raise NotFound("no such page")
        if headers.get("Content-Encoding") == "gzip" and "gzip" not in request.headers.get("Accept-Encoding", ""):
            body = gzip.decompress(body)
            del headers["Content-Encoding"]
        return Response(body, 200, headers={**headers, "Vary": "Accept-Encoding"})

    def _read(self, name: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Read a page from the bucket, compressed: status, headers, body."""
        with self._http.stream("GET", f"/{quote(name)}", headers={**headers, "Accept-Encoding": "gzip"}) as answer:
            passed_on = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            return answer.status_code, passed_on, b"".join(answer.iter_raw())

    @cached_property
    def _http(self) -> httpx2.Client:
        import httpx2

        return httpx2.Client(base_url=f"{self._services.settings.s3_url}/{self._pages.bucket}", timeout=_TIMEOUT_S)

    def _session(self, request: Request) -> Response:
        """Return the next token for a code, or for a valid token of a session."""
        sign_in = self._sign_in
        if sign_in is None:
            raise NotFound("no such route")
        if request.method != "POST":
            raise MethodNotAllowed("verbs known here: POST")
        code = _code_in(request)
        authorization = request.headers.get("Authorization")
        token = sign_in.exchange(code) if code else sign_in.renew(self._services.tokens.claims(authorization))
        return Response(to_json(token), content_type="application/json", headers={"Cache-Control": "no-store"})


def security_of(settings: Settings) -> dict[str, str]:
    """Return the security headers of every answer. With an OIDC issuer, pages may also call its origin."""
    if settings.gui.client_id is None:
        return SECURITY
    issuer = urlsplit(settings.issuer)
    policy = SECURITY["Content-Security-Policy"].replace(_OWN, f"{_OWN} {issuer.scheme}://{issuer.netloc}")
    return {**SECURITY, "Content-Security-Policy": policy}


def _sign_in(settings: Settings) -> SignIn | None:
    gui = settings.gui
    if gui.client_id or gui.sign_in_dir is None or gui.issuer_key_file is None:
        return None
    return SignIn(gui.sign_in_dir, gui.issuer_key_file, settings.issuer, settings.audience, settings.platform_party)


def _code_in(request: Request) -> str | None:
    """Return the code in a request of our own pages, None if the request has a token instead."""
    if request.mimetype != "application/json":
        raise WrongMediaType("Content-Type must be application/json")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("only pages of this origin may sign in")
    if (request.content_length or 0) > _MAX_BODY_BYTES:
        raise TooLarge(f"the body must not exceed {_MAX_BODY_BYTES} bytes")
    try:
        body = json.loads(request.get_data() or b"{}")
        code = body.get("code")
    except (ValueError, AttributeError, RecursionError):
        raise Malformed("the body must be a JSON object") from None
    if code is not None and not isinstance(code, str):
        raise Malformed("code must be a string")
    return code


def _not_yet() -> Response:
    return Response(_NOT_YET, 503, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})
