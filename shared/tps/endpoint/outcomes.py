"""The outcome of an event: how a function states it, and how event delivery reads it."""

from __future__ import annotations

from dataclasses import dataclass

OUTCOME_HEADER = "TPS-Outcome"
DONE, REFUSED, FAILED = "done", "refused", "failed"
_ENDED = {(204, DONE), (422, REFUSED)}
_OUTCOMES = {DONE, REFUSED, FAILED}


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a function to an event, as the platform operator sees it. It contains no error text.

    Attributes:
        status: HTTP status. None without an answer.
        outcome: Value of the header `TPS-Outcome`.
        is_lost: The connection broke before the answer. This counts as an attempt, so that a message that kills its
            function is not delivered for ever.
    """

    function: str
    status: int | None = None
    outcome: str | None = None
    is_lost: bool = False

    @property
    def is_attempt(self) -> bool:
        """True if the function itself handled the message. False if only a gateway answered."""
        return self.is_lost or self.outcome in _OUTCOMES

    @property
    def has_ended(self) -> bool:
        """True if the function stated that the message has ended."""
        return (self.status, self.outcome) in _ENDED

    def __str__(self) -> str:
        if self.status is None:
            return f"{self.function}: {'connection lost' if self.is_lost else 'not reached'}"
        outcome = self.outcome if self.outcome in _OUTCOMES else "none"
        return f"{self.function}: HTTP {self.status}, outcome {outcome}"
