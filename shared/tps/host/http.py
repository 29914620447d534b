"""HTTP in and out: turns a web request into a call or an event, and an error into a response."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import structlog
from flask import Request, Response, current_app
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed
from werkzeug.routing import Map, Rule

from tps.api.bodies import MAX_ERRORS, pointer_of
from tps.endpoint.components import component_of_party
from tps.endpoint.message_row import Status
from tps.endpoint.outcomes import DONE, FAILED, OUTCOME_HEADER, REFUSED
from tps.endpoint.receiving import Arrival
from tps.errors import (
    Finding,
    Forbidden,
    Malformed,
    MessageRefused,
    MethodNotAllowed,
    NotFound,
    Refused,
    TooLarge,
    TpsError,
    Unauthenticated,
    Unavailable,
    WrongMediaType,
)
from tps.host.credentials import component_behind
from tps.host.directory_callers import viewer_behind
from tps.host.identity import check_group
from tps.host.tagging import tagged
from tps.mades.subjects import TICK
from tps.mades.web_service import MAXIMUM_REQUEST_BYTES
from tps.mades.web_service import MEDIA_TYPE as SOAP_MEDIA_TYPE
from tps.rest.function import Answer, Call, Route, ServiceCall, ServiceRoute, Tables
from tps.rest.json_text import to_json

if TYPE_CHECKING:
    from tps.domain.scope import Scope
    from tps.host.services import Services

_BODIED = {"POST", "PUT", "PATCH", "DELETE"}
_log = structlog.get_logger()


def answer(request: Request, tables: Tables) -> Response:
    """Answer one invocation of a function, also if the function raises."""
    is_event = "ce-type" in request.headers
    try:
        return _take_event(request, tables) if is_event else _take_call(request, tables)
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> Response:
    if isinstance(error, TpsError):
        return problem(error)
    if isinstance(error, HTTPException):
        return problem(_from_werkzeug(error))
    incident = secrets.token_hex(8)
    _log.exception("unexpected failure", incident=incident)
    return problem(TpsError(f"unexpected failure, reported as {incident}"))


def problem(error: TpsError) -> Response:
    """Return an error as RFC 9457 problem details, with at most 100 of its findings."""
    body: dict[str, Any] = {
        "type": error.problem_type,
        "title": error.title,
        "status": error.http_status,
        "detail": error.detail or error.title,
    }
    if error.findings:
        body["errors"] = [
            {"pointer": finding.pointer, "code": finding.code, "detail": finding.detail}
            for finding in error.findings[:MAX_ERRORS]
        ]
        body["errors_total"] = len(error.findings)
    response = _json(body, error.http_status, "application/problem+json")
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = "2"
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = error.challenge
    return response


def _json(body: Any, status: int, media_type: str = "application/json") -> Response:
    return Response(to_json(body), status, content_type=media_type)


def _services() -> Services:
    services: Services = current_app.extensions["tps"]
    return services


def _take_call(request: Request, tables: Tables) -> Response:
    service = _service_route(tables, request)
    if service is not None:
        return _plain_response(_served(request, *service))
    route, path_values = _match(tables.routes, request.path, request.method)
    call = _call(request, route, path_values)
    given = route.handler(call)
    response = tagged(request, call, given) if given.is_tagged and call.method == "GET" else _plain_response(given)
    response.headers.update(dict(given.headers))
    _after_hand_over(response, call, given)
    return response


def _plain_response(given: Answer) -> Response:
    if isinstance(given.body, str | bytes):
        return Response(given.body, given.status, content_type=given.media_type)
    return _json(given.body, given.status)


def _after_hand_over(response: Response, call: Call, given: Answer) -> None:
    handed_over = given.on_handed_over
    if handed_over is None:
        return

    def closed() -> None:
        try:
            if call.is_connected():
                handed_over()
        except TpsError as error:
            _log.warning("hand-over not stored", error=type(error).__name__)

    response.call_on_close(closed)


def _call(request: Request, route: Route, path_values: Mapping[str, str]) -> Call:
    services, kind = _services(), request.path.split("/")[1]
    request.max_content_length = route.max_body_bytes
    scope = None if route.is_open else _caller(request, services, kind)
    query = {name: request.args.getlist(name) for name in request.args}
    if not route.is_open:
        _refuse_nul(query, path_values)
    endpoint = services.endpoint(kind)
    return Call(
        scope=scope,
        method=request.method,
        path=request.path,
        query=query,
        path_values=path_values,
        headers=dict(request.headers.items()),
        raw_body=_body(request),
        endpoint=endpoint,
        waits=services.waits[endpoint.group],
        platform_party=services.settings.platform_party,
        is_connected=_connection_check(request),
        known_directory=services.directory if kind == "ecp" else None,
    )


def _refuse_nul(query: Mapping[str, Sequence[str]], path_values: Mapping[str, str]) -> None:
    """Refuse NUL characters, which no store can hold."""
    if any("\0" in value for value in path_values.values()):
        raise NotFound("unknown id")
    bad = [name for name, values in query.items() if any("\0" in value for value in values)]
    if bad:
        raise Malformed(
            "invalid query", [Finding("bad_type", pointer_of([name]), "NUL characters are not allowed") for name in bad]
        )


def _caller(request: Request, services: Services, kind: str) -> Scope:
    """Return the caller's scope. Needs a valid token with a role of this group, and a party onboarded in that role."""
    if kind == "ecp":
        return viewer_behind(services, request.headers.get("Authorization"), request.get_data)
    identity = services.tokens.identify(request.headers.get("Authorization"))
    check_group(identity, kind)
    with services.endpoint(kind).database.transaction() as tx:
        known = component_of_party(tx, identity.party)
    if known is None or known.role != identity.role:
        raise Forbidden("the party of the token is not onboarded in this role; ask the platform operator")
    return identity.scope


def _body(request: Request) -> bytes:
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _too_large(f"the body may have at most {request.max_content_length} bytes on this route") from None
    is_json = request.mimetype == "application/json" or request.mimetype.endswith("+json")
    if body and request.method in _BODIED and not is_json:
        raise WrongMediaType("the body must be application/json")
    return body


def _service_route(tables: Tables, request: Request) -> tuple[ServiceRoute, Mapping[str, str]] | None:
    if not tables.service:
        return None
    try:
        index, values = _service_map(tables.service).bind("").match(request.path)
    except HTTPException:
        return None
    return tables.service[index], values


@lru_cache(maxsize=4)
def _service_map(routes: tuple[ServiceRoute, ...]) -> Map:
    return Map([Rule(route.path, endpoint=index) for index, route in enumerate(routes)], merge_slashes=False)


def _served(request: Request, route: ServiceRoute, path_values: Mapping[str, str]) -> Answer:
    """Answer a call of the MADES web service; a GET requests its description."""
    if request.method == "GET":
        return route.describe(request.base_url, request.query_string.decode("latin-1"))
    if request.method != "POST":
        raise MethodNotAllowed("allowed methods: GET, POST")
    try:
        endpoint, own = component_behind(
            _services(), request.headers.get("Authorization"), path_values.get("component")
        )
    except Refused:
        raise
    except Exception as error:
        return route.fail(error)
    if (request.content_length or 0) > MAXIMUM_REQUEST_BYTES:
        raise _too_large("a request may have at most 75 MB")
    if request.mimetype != SOAP_MEDIA_TYPE:
        raise WrongMediaType("the body must be SOAP 1.2 (application/soap+xml)")
    return route.handler(ServiceCall(endpoint, own, lambda: _service_body(request)))


def _service_body(request: Request) -> bytes:
    try:
        return request.get_data(cache=False)
    except HTTPException as error:
        raise _from_werkzeug(error) from None


def _connection_check(request: Request) -> Any:
    """Return a function that returns True while the client is connected, as far as the server knows."""
    is_gone = request.environ.get("waitress.client_disconnected")
    return (lambda: not is_gone()) if is_gone else (lambda: True)


def _take_event(request: Request, tables: Tables) -> Response:
    services = _services()
    _check_delivery(request, services.settings.delivery_token)
    try:
        status = _handle_event(request, tables, services)
    except MessageRefused as error:
        _log.warning("message refused", code=error.code, message_id=request.headers.get("ce-id"))
        status = Status.FAILED
    except Exception as error:
        # Event delivery counts FAILED as an attempt. A response without an outcome would look like a gateway's.
        response = _failure(error)
        response.headers[OUTCOME_HEADER] = FAILED
        return response
    is_refused = status in (Status.REFUSED, Status.FAILED)
    response = Response(status=422 if is_refused else 204)
    response.headers[OUTCOME_HEADER] = REFUSED if is_refused else DONE
    return response


def _check_delivery(request: Request, token: str) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not hmac.compare_digest(given.encode(), token.encode()):
        raise Unauthenticated("only event delivery may send events")


def _handle_event(request: Request, tables: Tables, services: Services) -> Status:
    if request.headers["ce-type"] == TICK:
        return _tick(tables, services)
    arrival = Arrival(request.headers.get("ce-subject", ""), request.get_data(cache=False))
    endpoint = services.endpoint(arrival.group)
    handler = tables.topics.get((endpoint.kind, arrival.type))
    if handler is None:
        raise NotFound("this function does not process this message type")
    return handler(endpoint, arrival)


def _tick(tables: Tables, services: Services) -> Status:
    for endpoint in services.endpoints.values():
        handler = tables.on_tick.get(endpoint.kind)
        if handler is not None:
            handler(endpoint)
    return Status.ACCEPTED


def _match(routes: tuple[Route, ...], path: str, method: str) -> tuple[Route, Mapping[str, str]]:
    try:
        index, values = _map(routes).bind("").match(path, method)
    except WerkzeugMethodNotAllowed as error:
        raise MethodNotAllowed(f"allowed methods: {', '.join(sorted(error.valid_methods or ()))}") from None
    except HTTPException:
        raise NotFound("no such route") from None
    if method == "HEAD":
        raise MethodNotAllowed("HEAD is not supported; use GET")
    return routes[index], values


@lru_cache(maxsize=64)
def _map(routes: tuple[Route, ...]) -> Map:
    return Map(
        [Rule(route.path, methods=[route.method], endpoint=index) for index, route in enumerate(routes)],
        strict_slashes=False,
        redirect_defaults=False,
        merge_slashes=False,
    )


def _from_werkzeug(error: HTTPException) -> TpsError:
    if isinstance(error, RequestEntityTooLarge):
        return _too_large("the body is larger than this route accepts")
    return NotFound("no such route")


def _too_large(detail: str) -> TooLarge:
    return TooLarge(detail, [Finding("too_large", "", detail)])
