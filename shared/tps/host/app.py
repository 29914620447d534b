"""One function as a web application: parliament's server app, plus what it lacks.

parliament 0.1.0 serves GET and POST on `/` alone, logs a warning for every body that is no CloudEvent, and answers
with exception texts. Here it gets all verbs, sub-paths, OpenFaaS's probes, and errors as problem details.
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
    """Parliament's context, which can also answer by a function's tables."""

    def answer(self, tables: Tables) -> Response:
        """Return the response to this request or event, whatever the function raises."""
        return answer(self.request, tables)


def load_function(name: str, root: Path = ROOT) -> ModuleType:
    """Import `functions/<name>/func.py` under a name of its own, so that several fit into one process."""
    path = root / "functions" / name / "func.py"
    spec = importlib.util.spec_from_file_location(f"tps_function_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def create_app(function: ModuleType, services: Services) -> Flask:
    """The application of one function."""
    app: Flask = parliament.server.create(function)
    app.extensions["tps"] = services
    app.config["MAX_CONTENT_LENGTH"] = MAXIMUM_REQUEST_BYTES

    def invoke(**_path: str) -> Any:
        return function.main(Invocation(request))

    app.view_functions["handle_get"] = app.view_functions["handle_post"] = invoke
    for rule, name in (("/", "handle_root"), ("/<path:path>", "handle_path")):
        app.add_url_rule(rule, name, invoke, methods=METHODS, provide_automatic_options=False)
    app.register_error_handler(HTTPException, _problem_of)
    app.add_url_rule("/_/health", "openfaas_health", app.view_functions["liveness"])
    app.view_functions["readiness"] = _readiness(services)
    app.add_url_rule("/_/ready", "openfaas_ready", app.view_functions["readiness"])
    for each in app.url_map.iter_rules():
        # Parliament's own rules and Flask's for static files would answer OPTIONS, and ask nobody for a token.
        each.provide_automatic_options = False  # type: ignore[attr-defined]  # Flask's own, beside werkzeug's
    return app


def _problem_of(error: HTTPException) -> Response:
    """What no function was asked for, because the web framework had no route to it."""
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
