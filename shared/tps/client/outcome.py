"""What became of what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tps.client.problems import FieldError
from tps.client.wire import read_moment


@dataclass(frozen=True, slots=True)
class Rejected:
    """An asset that was left out of what was otherwise accepted, and why (IEC reason code)."""

    asset_id: str
    code: str
    detail: str = ""

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Rejected:
        return cls(body["asset_id"], body["code"], body.get("detail", ""))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to something sent.

    Attributes:
        status: `accepted`, `partly_accepted`, or `pending` while the platform has not answered.
        id, revision: Of the document: what updates and cancels name. Empty and 0 of a dry run.
        message_id: Of the message. Empty of a dry run.
        rejected: With `partly_accepted`: what was left out.
        warnings: Allowed, but probably a mistake.
        asset_ids: What the points or sections of a limit came to.
        answer: The whole answer, with fields that have no name here.
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
        """Sent, and not answered yet: see `wait_for` of the client."""
        return self.status == "pending"

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Outcome:
        return cls(
            status=body["status"],
            id=body.get("id", ""),
            revision=body.get("revision", 0),
            message_id=body.get("message_id", ""),
            rejected=tuple(Rejected.from_json(each) for each in body.get("rejected", ())),
            warnings=tuple(FieldError.from_json(each) for each in body.get("warnings", ())),
            asset_ids=tuple(body.get("asset_ids", ())),
            answer=body,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a message's way."""

    at: datetime
    state: str
    component: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message that this party sent or received.

    Attributes:
        direction: `sent` or `received`.
        state: Of the transport: ACCEPTED, DELIVERED, RECEIVED or FAILED.
        status: In business terms: `pending`, `accepted`, `partly_accepted`, `refused` or `failed`.
        document_id, revision: Of what it carries.
        errors: Why it was refused or failed.
        rejected: With `partly_accepted`: what was left out.
        trace: Its way, which ends at the platform or at this party.
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
            errors=tuple(FieldError.from_json(each) for each in body.get("errors", ())),
            rejected=tuple(Rejected.from_json(each) for each in body.get("rejected", ())),
            trace=tuple(Step(read_moment(step["at"]), step["state"], step["component"]) for step in body["trace"]),
            in_reply_to=body.get("in_reply_to"),
        )

    @property
    def outcome(self) -> Outcome:
        """As the call that sent it would be answered now."""
        return Outcome(self.status, self.document_id or "", self.revision, self.id, self.rejected)
