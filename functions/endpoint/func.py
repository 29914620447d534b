"""Endpoint (F1): the MADES web service for business applications, and the state of a party's messages.

Wakes on: HTTP: the web service with a component's credentials, messages with a token; connectivity tests; ticks.
Reads:    the ledger of the caller's own component; on a tick the Component Directory, as each own component sees it.
Decides:  nothing. The receiver judges what an application sends.
Writes:   the group's copy of the directory; new keys of own components whose certificates end soon.
Emits:    messages of applications; receive acknowledgements once they confirm; connectivity tests.
The trace of a sent message ends at the platform: what the platform sends on is another message.
Privacy:  OPR-404, FLD-01, PTH-01, BAS-01, DIR-04 (docs/privacy.md).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from tps.api.types import moment_json
from tps.dso import sent_documents as dso_documents
from tps.endpoint import applications, ledger
from tps.endpoint.applications import Keep
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.message_row import MessageRow, TraceStep
from tps.endpoint.renewing import renew_due
from tps.endpoint.synchronising import synchronise
from tps.errors import Malformed, NotFound, Refused, TpsError, Unavailable
from tps.mades import web_service
from tps.mades.ids import new_id
from tps.mades.states import shown_to_application
from tps.mades.types import CONNECTIVITY_TEST
from tps.mades.web_service import ECP, MADES, Fault, NotUnderstood, Operation, Request
from tps.operator import sent_documents as operator_documents
from tps.rest.function import Answer, Call, Invocation, Route, ServiceCall, ServiceRoute, serve

_log = structlog.get_logger()
DIRECTIONS = {"out": "sent", "in": "received"}


def read_message(call: Call) -> Answer:
    """Return state, business status, reasons and trace of one message."""
    call.only_known()
    message_id = call.path_values["message_id"]
    # A database refuses characters such as NUL, and no message id has them.
    if not message_id.isprintable():
        raise NotFound("the caller has no message with this id")
    with call.endpoint.database.transaction() as tx:
        own = call.own_component(tx)
        row = ledger.find(tx, own.code, message_id)
        if row is None:
            raise NotFound("the caller has no message with this id")
        trace = ledger.trace_of(tx, own.code, message_id)
    return Answer(message_json(row, trace))


def message_json(row: MessageRow, trace: Sequence[TraceStep]) -> dict[str, Any]:
    """Return a message as the contract shows it."""
    body = {
        "message_id": row.message_id,
        "direction": DIRECTIONS[row.direction],
        "type": row.type,
        "state": shown_to_application(row.state),
        "status": row.status,
        "document": {"id": row.document_id, "revision": row.revision or 1},
        "errors": [error_json(error) for error in row.answer.get("errors", [])],
        "trace": [step_json(step) for step in trace],
    }
    if row.in_reply_to:
        body["in_reply_to"] = row.in_reply_to
    if "rejected" in row.answer:
        body["rejected"] = row.answer["rejected"]
    return body


def error_json(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return one reason of an answer. `subject` is the id of the resource that the reason is about."""
    body = {"code": error["code"], "detail": error["detail"]}
    return {**body, "subject": error["subject"]} if error.get("subject") else body


def step_json(step: TraceStep) -> dict[str, Any]:
    """Return one step of a trace."""
    body = {
        "at": moment_json(step.at),
        "state": step.state,
        "component": step.at_component,
    }
    return {**body, "details": step.details} if step.details else body


def answer_request(call: ServiceCall) -> Answer:
    """Answer one SOAP request of an application. Every failure becomes a fault."""
    request = None
    try:
        request = web_service.read_request(call.read_body())
        return _soap(OPERATIONS[request.operation](call, request))
    except Exception as error:
        return answer_failure(error, request)


def answer_failure(error: Exception, request: Request | None = None) -> Answer:
    """Return a fault whose id is in the log. The fault of an unexpected failure shows nothing but this id."""
    fault_id = new_id()
    if not isinstance(error, TpsError):
        _log.error("unexpected failure", incident=fault_id, exc_info=error)
        error = TpsError(f"unexpected failure, reported as {fault_id}")
    fault = _fault(error, fault_id)
    _log.info("fault", incident=fault_id, code=fault.code)
    return _soap(web_service.fault_response(request, fault), _fault_status(error))


def send_message(call: ServiceCall, request: Request) -> bytes:
    """Send a message, once for each conversation."""
    sending = applications.Sending(
        receiver=request.needed("receiverCode"),
        type=request.needed("businessType"),
        content=request.content,
        ba_message_id=request.fields.get("baMessageID"),
        sender_application=request.fields.get("senderApplication"),
        conversation_id=request.fields.get("conversationID"),
    )
    message_id = applications.send_message(call.endpoint, call.own, sending, KEEPS.get(call.endpoint.kind))
    return web_service.message_id_response(request, message_id)


def receive_message(call: ServiceCall, request: Request) -> bytes:
    """Return the oldest message that the application has not confirmed."""
    message, remaining = applications.next_message(
        call.endpoint, call.own, request.fields.get("businessType"), with_content=request.downloads
    )
    return web_service.received_response(request, message, remaining)


def confirm_message(call: ServiceCall, request: Request) -> bytes:
    """Note that the application has a message."""
    message_id = request.needed("messageID")
    applications.confirm_message(call.endpoint, call.own, message_id)
    return web_service.message_id_response(request, message_id)


def check_status(call: ServiceCall, request: Request) -> bytes:
    """Return state and trace of a message."""
    status = applications.status_of(call.endpoint, call.own, request.needed("messageID"))
    return web_service.status_response(request, status)


def test_connectivity(call: ServiceCall, request: Request) -> bytes:
    """Send a connectivity test, which ends at the endpoint of another component."""
    message_id = applications.send_test(
        call.endpoint, call.own, request.needed("receiverCode"), request.fields.get("businessType")
    )
    return web_service.message_id_response(request, message_id)


def keep_up(endpoint: Endpoint) -> None:
    """Renew the certificates of the group's components, and bring its copy of the directory up to date."""
    renew_due(endpoint)
    synchronise(endpoint)


def _soap(body: bytes, status: int = 200) -> Answer:
    return Answer(body, status, media_type=f"{web_service.MEDIA_TYPE}; charset=utf-8")


def _fault(error: TpsError, fault_id: str) -> Fault:
    code = error.findings[0].code if error.findings else _fault_code(error)
    side = "Sender" if isinstance(error, Refused) else "Receiver"
    soap_code = error.code if isinstance(error, NotUnderstood) else side
    return Fault(code, error.detail or error.title, fault_id, soap_code)


def _fault_code(error: TpsError) -> str:
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), "failed")


def _fault_status(error: TpsError) -> int:
    """Return the HTTP status of a fault, as SOAP 1.2 binds faults to HTTP."""
    return 400 if isinstance(error, Refused) else error.http_status


def _describing(namespace: str) -> Callable[[str, str], Answer]:
    def describe(address: str, query: str) -> Answer:
        if not address.endswith(".wsdl") and query.lower() != "wsdl":
            raise NotFound("a GET request needs ?wsdl or a path that ends with .wsdl")
        text = web_service.wsdl(namespace, address.removesuffix(".wsdl"))
        return Answer(text, media_type="text/xml; charset=utf-8")

    return describe


def _refuse_post(_call: ServiceCall) -> Answer:
    raise NotFound("no such route")


def _service(path: str, namespace: str) -> Iterator[ServiceRoute]:
    """Yield the web service at one path and at the same path below a component, each with its description."""
    describe = _describing(namespace)
    for prefix in ("", "/ecp/<component>"):
        yield ServiceRoute(prefix + path, answer_request, describe, answer_failure)
        yield ServiceRoute(f"{prefix}{path}.wsdl", _refuse_post, describe, answer_failure)


OPERATIONS: Mapping[Operation, Callable[[ServiceCall, Request], bytes]] = {
    Operation.SEND: send_message,
    Operation.RECEIVE: receive_message,
    Operation.CONFIRM: confirm_message,
    Operation.STATUS: check_status,
    Operation.TEST: test_connectivity,
}
KEEPS: Mapping[str, Keep] = {"agr": operator_documents.keep_sent, "dso": dso_documents.keep_sent}
CODES: Mapping[type[TpsError], str] = {
    Malformed: "malformed",
    NotFound: "not_found",
    Refused: "refused",
    Unavailable: "unavailable",
}
SERVICE = (
    *_service("/ECP_MODULE/services/MadesEndpoint", MADES),
    *_service("/ECP_MODULE/services/ECPEndpointService", ECP),
    *_service("/ws/madesInWSInterface", MADES),
)
TOPICS = {(group, CONNECTIVITY_TEST): applications.answer_test for group in ("agr", "dso", "tps")}
ROUTES = (
    Route("GET", "/agr/v1/messages/<message_id>", read_message),
    Route("GET", "/dso/v1/messages/<message_id>", read_message),
)


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(
        context, routes=ROUTES, service=SERVICE, topics=TOPICS, on_tick=dict.fromkeys(("agr", "dso", "tps"), keep_up)
    )
