"""Rows of the message ledger for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tps.endpoint.message_row import MessageRow, Status, TraceStep
from tps.mades.states import State

AT = datetime(2026, 4, 10, 8, 0, 0, 250_000, tzinfo=UTC)


def make_message_row(**changes: Any) -> MessageRow:
    """Return a sent limit that was accepted."""
    columns: dict[str, Any] = {
        "component": "c",
        "message_id": "m",
        "direction": "out",
        "type": "TPS-LIMIT-FORESEEN",
        "peer": "p",
        "sequence": 1,
        "in_reply_to": None,
        "ba_message_id": None,
        "document_id": "d",
        "revision": None,
        "state": State.RECEIVED,
        "status": Status.ACCEPTED,
        "answer": {},
        "created_at": AT,
        "expires_at": AT,
        "is_handled": False,
        "sent_at": AT,
        "sender_application": None,
        "by_application": False,
        "is_proven": True,
    }
    return MessageRow(**(columns | changes))


def make_trace_step(state: State, details: str | None = None) -> TraceStep:
    """Return a step at component `c`."""
    return TraceStep(AT, state, "c", details)
