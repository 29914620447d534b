"""The gateway: all functions behind one port, like the gateway of OpenFaaS or the ingress of a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Response

from tps.errors import NotFound
from tps.host.app import create_app, load_function
from tps.host.http import problem
from tps.host.services import Services
from tps.host.settings import Settings
from tps.host.stack import FunctionEntry, load_stack
from tps.host.worker import main
from tps.local.gui.pages import PREFIX, Pages

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
_FUNCTION_PREFIX = "/function/"
_PROBES = ("/health/liveness", "/health/readiness", "/_/health", "/_/ready")


class Gateway:
    """Routes each request to the function of its route, or to the function that `/function/<name>` names."""

    def __init__(self, stack: Iterable[FunctionEntry], services: Services):
        entries = list(stack)
        self._apps: dict[str, WsgiApp] = {
            entry.name: create_app(load_function(entry.name), services) for entry in entries
        }
        self._routes = {route: entry.name for entry in entries for route in entry.routes}
        self._fallback = next(iter(self._apps.values()))
        self._pages = Pages(services)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in _PROBES:
            return self._fallback(environ, start_response)
        if path.startswith(_FUNCTION_PREFIX):
            return self._by_name(environ, start_response)
        if path == PREFIX or path.startswith(f"{PREFIX}/"):
            return self._pages(environ, start_response)
        app = self._by_route(path)
        return (app or _not_found)(environ, start_response)

    def _by_name(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        name, _, rest = environ["PATH_INFO"].removeprefix(_FUNCTION_PREFIX).partition("/")
        app = self._apps.get(name.replace("-", "_"))
        environ["PATH_INFO"] = f"/{rest}"
        return (app or _not_found)(environ, start_response)

    def _by_route(self, path: str) -> WsgiApp | None:
        """Return the function of the longest route that contains the path."""
        parts = path.rstrip("/").split("/")
        for length in range(len(parts), 1, -1):
            name = self._routes.get("/".join(parts[:length]))
            if name is not None:
                return self._apps[name]
        return None


def _not_found(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    response: Response = problem(NotFound("no such route"))
    return response(environ, start_response)


def all_functions(_settings: Settings, services: Services) -> Gateway:
    """Return the application that serves every function of stack.yml."""
    return Gateway(load_stack(), services)


if __name__ == "__main__":
    sys.exit(main(all_functions))
