"""A stand-in for the Component Directory that can give any answer, also answers that the real one never gives."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tps.host.services import utc_now
from tps.mades.assertion import check_assertion, read_assertion
from tps.mades.certificates import Authority, Certificate, CertificateUse, issue, load_public_key
from tps.mades.directory import ComponentEntry


@dataclass
class StandIn:
    """The stand-in's answers, and a record of its requests.

    Attributes:
        views: Entries that each component sees.
        content_id: Tests raise it when they change `views`.
        status: Answers with this HTTP status instead of 200.
        refused: Components that get a 401.
        meanwhile: Called while a caller waits for an answer.
        looks: Components that pulled, with their content ids.
        asked: Bodies of requests for certificates.
        spoil: Changes certificates before they are answered.
    """

    authority: Authority
    views: dict[str, list[ComponentEntry]]
    content_id: int = 1
    ttl_s: float = 28 * 24 * 3600
    status: int = 200
    refused: set[str] = field(default_factory=set)
    meanwhile: Callable[[], None] = lambda: None
    clock: Callable[[], datetime] = utc_now
    looks: list[tuple[str, int | None]] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)
    spoil: Callable[[list[str]], list[str]] = lambda certificates: certificates
    url: str = ""
    _issued: dict[bytes, list[Certificate]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def certificates(self) -> list[Certificate]:
        """All issued certificates."""
        return [each for certificates in self._issued.values() for each in certificates]

    def answer(self, token: str, target: str, body: bytes) -> tuple[int, Any]:
        component = self._component_behind(token, body)
        if component is None or component in self.refused:
            return 401, {}
        self.meanwhile()
        url = urlsplit(target)
        given = self._listing(component, url.query) if not body else self._certified(component, url.path, body)
        return self.status, given

    def _component_behind(self, token: str, body: bytes) -> str | None:
        """Return the component that signed a request, by a known certificate, as the real directory does."""
        said = read_assertion(token)
        assert said is not None
        own = next((each for each in self.views.get(said.component, []) if each.code == said.component), None)
        found = own and own.certificate_by_id(CertificateUse.AUTHENTICATION, said.certificate_id)
        if not found:
            return None
        check_assertion(said, found, self.clock(), body)
        return said.component

    def _listing(self, component: str, query: str) -> dict[str, Any]:
        known = parse_qs(query).get("contentId")
        with self._lock:
            self.looks.append((component, int(known[0]) if known else None))
        metadata = {"directory": "DIRECTORY", "content_id": self.content_id, "ttl_s": self.ttl_s}
        if known == [str(self.content_id)]:
            return {"metadata": metadata, "unchanged": True}
        return {"metadata": metadata, "components": [each.to_json() for each in self.views[component]]}

    def _certified(self, component: str, path: str, body: bytes) -> dict[str, Any]:
        assert path == f"/ecp/v1/components/{component}/certificates"
        with self._lock:
            self.asked.append(body)
            if body not in self._issued:
                self._issued[body] = [self._issue(component, use, body) for use in CertificateUse]
            return {"certificates": self.spoil([each.pem for each in self._issued[body]])}

    def _issue(self, component: str, use: CertificateUse, body: bytes) -> Certificate:
        key = load_public_key(json.loads(body)["keys"][use].encode())
        return issue(self.authority, component, "Renewed", use, public_key=key, now=self.clock())


@contextmanager
def serving(directory: StandIn) -> Iterator[StandIn]:
    """Serve the stand-in at `directory.url`."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, given = directory.answer(self.headers["Authorization"].removeprefix("Bearer "), self.path, body)
            data = json.dumps(given).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the server calls

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    directory.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield directory
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
