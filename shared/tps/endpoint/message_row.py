"""A message of the ledger and the steps of its trace, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tps.mades.states import State


class Status(StrEnum):
    """Business outcome of a message, for its receiver and, once acknowledged, for its sender."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message of one component, without its content.

    Attributes:
        component: The component whose ledger holds the message: its sender or its receiver.
        direction: `in` or `out`, as that component sees it.
        peer: The component at the other end.
        sequence: Number of the message among those of its sender to its receiver.
        in_reply_to: Id of the message that this one answers.
        state: MADES state.
        status: Business outcome.
        answer: Content of the answer as JSON: `errors` or `rejected`.
        is_handled: An incoming message was decided on.
        sent_at: When the sender sent it, as the sender says. None for outgoing messages.
        by_application: A business application sent it through the web service.
        is_proven: The signature of the sender was valid. Otherwise all values are unverified.
    """

    component: str
    message_id: str
    direction: str
    type: str
    peer: str
    sequence: int
    in_reply_to: str | None
    ba_message_id: str | None
    document_id: str | None
    revision: int | None
    state: State
    status: Status
    answer: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime | None
    is_handled: bool
    sent_at: datetime | None
    sender_application: str | None
    by_application: bool
    is_proven: bool


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of a trace: the state that a message reached, the component, and the time."""

    at: datetime
    state: State
    at_component: str
    details: str | None
