"""The outcome of an event: how a function says it, and how event delivery reads it."""

from __future__ import annotations

from dataclasses import dataclass

OUTCOME_HEADER = "TPS-Outcome"
DONE, REFUSED, FAILED = "done", "refused", "failed"
_ENDED = {(204, DONE), (422, REFUSED)}
_OUTCOMES = {DONE, REFUSED, FAILED}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a function made of an event, in words for the platform operator: no text of an error is in it.

    Attributes:
        status: HTTP status; None if there was no answer.
        outcome: What it said by `TPS-Outcome`.
        is_lost: The connection broke before the answer: a message that kills its function must not come for ever.
    """

    function: str
    status: int | None = None
    outcome: str | None = None
    is_lost: bool = False

    @property
    def is_attempt(self) -> bool:
        """True if the function itself took the message in hand, and not only a gateway in between."""
        return self.is_lost or self.outcome in _OUTCOMES

    @property
    def has_ended(self) -> bool:
        """True if the function said that the message has ended."""
        return (self.status, self.outcome) in _ENDED

    def __str__(self) -> str:
        if self.status is None:
            return f"{self.function}: {'connection lost' if self.is_lost else 'not reached'}"
        said = self.outcome if self.outcome in _OUTCOMES else "none"
        return f"{self.function}: HTTP {self.status}, outcome {said}"
