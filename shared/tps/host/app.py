"""One function as a web application: the server of parliament with extensions.

parliament 0.1.0 serves only GET and POST on `/`, logs a warning for every body that is not a CloudEvent, and sends
exception texts to callers. This module adds all verbs, sub-paths, the probes of OpenFaaS, and problem details.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import parliament
import werkzeug.exceptions
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from tps.errors import MethodNotAllowed, NotFound
from tps.host.http import answer, problem
from tps.host.services import Services
from tps.host.stack import ROOT
from tps.mades.web_service import MAXIMUM_REQUEST_BYTES
from tps.rest.function import Tables

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Invocation(parliament.Context):  # type: ignore[misc]  # parliament has no types
    """The context of parliament, which can also answer by a function's tables."""

    def answer(self, tables: Tables) -> Response:
        """Return the response to this request or event, also if the function raises."""
        return answer(self.request, tables)


def load_function(name: str, root: Path = ROOT) -> ModuleType:
    """Import `functions/<name>/func.py` under a unique name, so that one process can load several functions."""
    path = root / "functions" / name / "func.py"
    spec = importlib.util.spec_from_file_location(f"tps_function_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def create_app(function: ModuleType, services: Services) -> Flask:
    """Return the application of one function."""
    app: Flask = parliament.server.create(function)
    app.extensions["tps"] = services
    app.config["MAX_CONTENT_LENGTH"] = MAXIMUM_REQUEST_BYTES

    def invoke(**_path: str) -> Any:
        return function.main(Invocation(request))

    app.view_functions["handle_get"] = app.view_functions["handle_post"] = invoke
    for path, name in (("/", "handle_root"), ("/<path:path>", "handle_path")):
        app.add_url_rule(path, name, invoke, methods=METHODS, provide_automatic_options=False)
    app.register_error_handler(HTTPException, _problem_of)
    app.add_url_rule("/_/health", "openfaas_health", app.view_functions["liveness"])
    app.view_functions["readiness"] = _readiness(services)
    app.add_url_rule("/_/ready", "openfaas_ready", app.view_functions["readiness"])
    for rule in app.url_map.iter_rules():
        # The rules of parliament, and Flask's rule for static files, would answer OPTIONS without a token.
        rule.provide_automatic_options = False  # type: ignore[attr-defined]  # Flask's own, beside werkzeug's
    return app


def _problem_of(error: HTTPException) -> Response:
    """Return the problem for a request that the web framework could not route."""
    if isinstance(error, werkzeug.exceptions.MethodNotAllowed):
        return problem(MethodNotAllowed(f"allowed methods: {', '.join(METHODS)}"))
    return problem(NotFound("no such route"))


def _readiness(services: Services) -> Any:
    def readiness() -> Response:
        is_ready = services.readiness.is_ready()
        return Response(
            "OK" if is_ready else "a store is unavailable", 200 if is_ready else 503, content_type="text/plain"
        )

    return readiness
