"""The interface between a function and its host: calls, answers, events, and `serve`. It hides the web framework.

A function module has `main(context)` in parliament's form, and passes its tables:

    def main(context: Invocation) -> object:
        return serve(context, routes=ROUTES, topics=TOPICS)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from tps.api.bodies import SMALL_BODY_BYTES, pointer_of
from tps.directory.directory import Directory
from tps.domain.scope import AgrScope, DirectoryScope, DsoScope, Scope, TpsScope
from tps.endpoint.components import OwnComponent, component_of_party
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.message_row import Status
from tps.endpoint.receiving import Arrival
from tps.errors import Finding, Forbidden, Malformed, NotFound, RuleBroken

if TYPE_CHECKING:
    from tps.rest.waiting import Waits
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call.

    Attributes:
        body: A value for JSON (Decimals become numbers), or text or bytes of `media_type`.
        is_tagged: The answer gets an ETag, so that a client that has it already gets 304. For lists that are polled.
        on_handed_over: Runs after the answer went to a client that is still connected.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/plain; charset=utf-8"
    is_tagged: bool = False
    on_handed_over: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated REST call, or an open one (`scope` None).

    Attributes:
        scope: The caller, by its token only.
        query: Values by name, in the order given.
        path_values: Values of the placeholders in the route, by name.
        raw_body: As it came, at most as large as the route allows.
        endpoint: The endpoint of the caller's group.
        is_connected: False once the client has gone.
        known_directory: The Component Directory, for calls of its own group.
    """

    scope: Scope | None
    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    path_values: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    endpoint: Endpoint
    waits: Waits
    platform_party: str
    is_connected: Callable[[], bool]
    known_directory: Directory | None = None

    @property
    def now(self) -> datetime:
        return self.endpoint.clock()

    @property
    def agr(self) -> AgrScope:
        """The caller as an operator. The host has already checked the role."""
        if not isinstance(self.scope, AgrScope):
            raise Forbidden("only aggregators and balance responsible parties may do this")
        return self.scope

    @property
    def dso(self) -> DsoScope:
        """The caller as a DSO. The host has already checked the role."""
        if not isinstance(self.scope, DsoScope):
            raise Forbidden("only distribution system operators may do this")
        return self.scope

    @property
    def tps(self) -> TpsScope:
        """The caller as the platform operator. The host has already checked the role."""
        if not isinstance(self.scope, TpsScope):
            raise Forbidden("only the platform operator may do this")
        return self.scope

    @property
    def viewer(self) -> DirectoryScope:
        """The caller as a reader of the Component Directory. The host has already checked the caller."""
        if not isinstance(self.scope, DirectoryScope):
            raise Forbidden("only components and their parties may do this")
        return self.scope

    @property
    def directory(self) -> Directory:
        """The Component Directory. Only its own group serves it."""
        if self.known_directory is None:
            raise NotFound("this deployment does not serve this group")
        return self.known_directory

    @property
    def party(self) -> str:
        """The caller's code."""
        if self.scope is None:
            raise Forbidden("the route needs a token")
        return self.scope.party

    def own_component(self, tx: Transaction) -> OwnComponent:
        """Return the caller's component.

        Raises:
            Forbidden: The party of the token has no component yet.
        """
        own = component_of_party(tx, self.party)
        if own is None:
            raise Forbidden("the party of the token is not onboarded; ask the platform operator")
        return own

    def text(self, name: str) -> str | None:
        """Return a query value, the last one if the query has several."""
        values = self.query.get(name)
        return values[-1] if values else None

    def flag(self, name: str) -> bool:
        """Return a query value that is `true` or `false` (the default)."""
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise Malformed("invalid query", [Finding("bad_type", f"/{name}", f"{name} must be true or false")])
        return value == "true"

    def only_known(self, *names: str) -> None:
        """Refuse query parameters that this route does not know."""
        unknown = [
            Finding("unknown_field", pointer_of([name]), "unknown query parameter")
            for name in self.query
            if name not in names
        ]
        if unknown:
            raise Malformed("unknown parameter", unknown)


@dataclass(frozen=True, slots=True)
class Route:
    """One verb on one path; `<name>` is a placeholder. An open route needs no token.

    Attributes:
        max_body_bytes: A larger body is refused unread.
    """

    method: str
    path: str
    handler: Callable[[Call], Answer]
    is_open: bool = False
    max_body_bytes: int = SMALL_BODY_BYTES


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A call of the MADES web service.

    Attributes:
        own: The component of the credentials, in the group of `endpoint`.
        read_body: Returns the raw body, at most 75 MB. Call it once, so that no variable holds the body during sending.
    """

    endpoint: Endpoint
    own: OwnComponent
    read_body: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """One path of the MADES web service, and of its description.

    `handler` answers a POST, which needs the user name and password of a component. `describe` answers a GET by
    address and query, without a password. `fail` turns a failure before the call into a fault of the service.
    """

    path: str
    handler: Callable[[ServiceCall], Answer]
    describe: Callable[[str, str], Answer]
    fail: Callable[[Exception], Answer]


TopicHandler = Callable[[Endpoint, Arrival], Status]
TickHandler = Callable[[Endpoint], None]


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything a function answers to: routes, web service, message types by (group kind, type), ticks by kind."""

    routes: tuple[Route, ...] = ()
    service: tuple[ServiceRoute, ...] = ()
    topics: Mapping[tuple[str, str], TopicHandler] = field(default_factory=dict)
    on_tick: Mapping[str, TickHandler] = field(default_factory=dict)


class Invocation(Protocol):
    """One invocation of a function, as a host hands it over: parliament's context, which can answer by tables."""

    def answer(self, tables: Tables) -> Any:
        """Return the host's response to this invocation."""


def serve(
    context: Invocation,
    *,
    routes: tuple[Route, ...] = (),
    service: tuple[ServiceRoute, ...] = (),
    topics: Mapping[tuple[str, str], TopicHandler] | None = None,
    on_tick: Mapping[str, TickHandler] | None = None,
) -> object:
    """Answer one invocation by a function's tables."""
    return context.answer(Tables(routes, service, topics or {}, on_tick or {}))


def pong(_call: Call) -> Answer:
    """Answer that the function runs (F2)."""
    return Answer("pong")


def refuse(findings: Sequence[Finding]) -> None:
    """Raise the findings of rules, if there are any."""
    if findings:
        raise RuleBroken(findings[0].detail, findings)
