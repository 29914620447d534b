"""Both sides that must be equal: the RAML files, and the functions' tables of routes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import tps.api
from tps.api.bodies import Body
from tps.host.app import load_function
from tps.host.stack import load_stack
from tps.local.rendering.raml import Method, Raml, load
from tps.rest.function import Route

FOLDER = Path(tps.api.__file__).parent
GROUPS = ("agr", "dso", "tps", "ecp")


@cache
def interface(group: str) -> Raml:
    return load(FOLDER / f"{group}.raml")


def interfaces() -> tuple[Raml, ...]:
    return tuple(interface(group) for group in GROUPS)


def methods() -> list[Method]:
    return [method for each in interfaces() for method in each.methods]


@cache
def routes() -> tuple[Route, ...]:
    """Those of every function of the set, of the groups that have an interface."""
    modules = [load_function(entry.name) for entry in load_stack()]
    found = [route for module in modules for route in getattr(module, "ROUTES", ())]
    return tuple(route for route in found if route.path.split("/")[1] in GROUPS)


def raml_path(route: Route) -> str:
    """A route's path, its placeholders written as RAML does."""
    return re.sub(r"<([^>]+)>", r"{\1}", route.path)


def described(route: Route) -> Method:
    """What the RAML says of a route."""
    return interface(route.path.split("/")[1]).method(route.method, raml_path(route))


class Told(Exception):  # noqa: N818 - a messenger, no error
    """What a handler has told of itself; it gets no further."""


class Probe:
    """A call without anything in it: asked for more than it has, it ends the handler."""

    def __init__(self, *, ends_at_parameters: bool) -> None:
        self.method = ""
        self.headers: dict[str, str] = {}
        self.query: dict[str, list[str]] = {}
        self.raw_body = b"{}"
        self._ends_at_parameters = ends_at_parameters

    def only_known(self, *names: str) -> None:
        if self._ends_at_parameters:
            raise Told(names)

    def __getattr__(self, name: str) -> NoReturn:
        raise Told(None)


def known_parameters(route: Route) -> set[str]:
    """Query parameters that a route's handler lets pass; an open one looks at none."""
    return set(_told(route, Probe(ends_at_parameters=True)) or ())


def body_model(route: Route) -> type[Body] | None:
    """The model that a route's handler reads its body into; None if it reads none."""
    given = Body.__dict__.get("model_validate")
    assert given is None
    Body.model_validate = classmethod(_tell)  # type: ignore[assignment,method-assign]
    try:
        model: type[Body] | None = _told(route, Probe(ends_at_parameters=False))
    finally:
        del Body.model_validate
    return model


def body_models() -> list[tuple[Route, type[Body]]]:
    """Routes that read a body, with its model."""
    return [(route, model) for route in routes() if (model := body_model(route)) is not None]


def _tell(model: type[Body], _value: Any, **_options: Any) -> NoReturn:
    raise Told(model)


def _told(route: Route, probe: Any) -> Any:
    try:
        route.handler(probe)
    except Told as told:
        return told.args[0]
    return None
