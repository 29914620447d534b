"""Outcomes of requests, and messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tps.client.problems import FieldError
from tps.client.wire import read_moment


@dataclass(frozen=True, slots=True)
class Rejected:
    """An asset that was not accepted while the others were, with an IEC reason code."""

    asset_id: str
    code: str
    detail: str = ""

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Rejected:
        return cls(body["asset_id"], body["code"], body.get("detail", ""))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a request that sends a message.

    Attributes:
        status: `accepted`, `partly_accepted`, or `pending` while the platform has not answered.
        id, revision: Id and revision of the document, for updates and removals. Empty and 0 after a dry run.
        message_id: Id of the message. Empty after a dry run.
        rejected: With `partly_accepted`: the assets that were not accepted.
        warnings: Allowed, but probably a mistake.
        asset_ids: Assets at the connection points or sections of a limit.
        answer: The whole answer, including fields that this class does not have.
    """

    status: str
    id: str = ""
    revision: int = 0
    message_id: str = ""
    rejected: tuple[Rejected, ...] = ()
    warnings: tuple[FieldError, ...] = ()
    asset_ids: tuple[str, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_pending(self) -> bool:
        """True if the platform has not answered yet; `wait_for` of the client waits for the answer."""
        return self.status == "pending"

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Outcome:
        return cls(
            status=body["status"],
            id=body.get("id", ""),
            revision=body.get("revision", 0),
            message_id=body.get("message_id", ""),
            rejected=tuple(Rejected.from_json(item) for item in body.get("rejected", ())),
            warnings=tuple(FieldError.from_json(item) for item in body.get("warnings", ())),
            asset_ids=tuple(body.get("asset_ids", ())),
            answer=body,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the trace of a message."""

    at: datetime
    state: str
    component: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message that this party sent or received.

    Attributes:
        direction: `sent` or `received`.
        state: State in MADES: ACCEPTED, DELIVERED, RECEIVED or FAILED.
        status: Outcome: `pending`, `accepted`, `partly_accepted`, `refused` or `failed`.
        document_id, revision: Id and revision of the document in the message.
        errors: Why the message was refused or failed.
        rejected: With `partly_accepted`: the assets that were not accepted.
        trace: Steps of the message; the trace ends at the platform or at this party.
    """

    id: str
    direction: str
    type: str
    state: str
    status: str
    document_id: str | None
    revision: int
    errors: tuple[FieldError, ...]
    rejected: tuple[Rejected, ...]
    trace: tuple[Step, ...]
    in_reply_to: str | None = None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Message:
        return cls(
            id=body["message_id"],
            direction=body["direction"],
            type=body["type"],
            state=body["state"],
            status=body["status"],
            document_id=body["document"]["id"],
            revision=body["document"]["revision"],
            errors=tuple(FieldError.from_json(item) for item in body.get("errors", ())),
            rejected=tuple(Rejected.from_json(item) for item in body.get("rejected", ())),
            trace=tuple(Step(read_moment(step["at"]), step["state"], step["component"]) for step in body["trace"]),
            in_reply_to=body.get("in_reply_to"),
        )

    @property
    def outcome(self) -> Outcome:
        """Return the outcome that a repetition of the request would have now."""
        return Outcome(self.status, self.document_id or "", self.revision, self.id, self.rejected)
