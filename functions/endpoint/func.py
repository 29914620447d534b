"""Endpoint (F1): what became of a message that this party sent or received.

Wakes on: HTTP.   Reads: the caller's own component's ledger.   Decides and emits nothing.
The trace of a sent message ends at the platform: what the platform sends on is another message.
Privacy:  OPR-404, FLD-01, PTH-01 (docs/privacy.md).
"""

from tps.api.types import moment_json
from tps.errors import NotFound
from tps.mades.states import State, shown_to_application
from tps.runtime.function import Answer, Route, serve
from tps.stores import components, ledger

DIRECTIONS = {"out": "sent", "in": "received"}


def read_message(call):
    """State, business status, reasons and trace of one message."""
    call.only_known()
    message_id = call.path_values["message_id"]
    if not message_id.isprintable():
        raise NotFound("no such message")
    with call.endpoint.database.transaction() as tx:
        own = components.component_of_party(tx, call.party)
        row = ledger.find(tx, own.code, message_id)
        if row is None:
            raise NotFound("no such message")
        trace = ledger.trace_of(tx, own.code, message_id)
    return Answer(message_json(row, trace))


def message_json(row, trace):
    """A message as the contract shows it."""
    body = {
        "message_id": row["message_id"],
        "direction": DIRECTIONS[row["direction"]],
        "type": row["type"],
        "state": shown_to_application(State(row["state"])),
        "status": row["status"],
        "document": {"id": row["document_id"], "revision": row["revision"] or 1},
        "errors": [error_json(each) for each in row["answer"].get("errors", [])],
        "trace": [step_json(step) for step in trace],
    }
    if row["in_reply_to"]:
        body["in_reply_to"] = row["in_reply_to"]
    if "rejected" in row["answer"]:
        body["rejected"] = row["answer"]["rejected"]
    return body


def error_json(error):
    """One named reason; `subject` is the id of the resource it is about."""
    return {"code": error["code"], "detail": error["detail"]} | (
        {"subject": error["subject"]} if error.get("subject") else {}
    )


def step_json(step):
    """One step of a trace."""
    body = {
        "at": moment_json(step["at"]),
        "state": shown_to_application(State(step["state"])),
        "component": step["at_component"],
    }
    return body | {"details": step["details"]} if step["details"] else body


ROUTES = (
    Route("GET", "/agr/v1/messages/<message_id>", read_message),
    Route("GET", "/dso/v1/messages/<message_id>", read_message),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
