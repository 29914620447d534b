"""What a call can end in other than its answer, as exceptions.

Problem
├── Malformed          400  the call itself is wrong: a bug of the caller
├── NotAuthenticated   401  no token, or one that does not hold
├── NotAllowed         403  the token's role has no business there, or its party is not onboarded
├── NotFound           404  not there, or somebody else's
├── Conflict           409  the same revision with other content, or a document that takes no further revision
├── Refused            422  understood, but refused by the rules or by the platform; `errors` says why
├── Failed             502  the message failed on its way; the one error is the MADES reason
└── Unavailable        503  no answer in time, after all retries; what was sent may still arrive
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHOWN_ERRORS = 3


@dataclass(frozen=True, slots=True)
class FieldError:
    """One named reason.

    Attributes:
        code: A code of the contract (`bad_type`, ...) or an IEC reason code (`A64`, ...).
        detail: A sentence for people.
        pointer: JSON pointer to the field in what was sent; empty for the whole.
        subject: Id of the asset or point concerned, where the reason comes without a pointer.
    """

    code: str
    detail: str = ""
    pointer: str = ""
    subject: str | None = None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> FieldError:
        return cls(
            code=str(body.get("code", "")),
            detail=str(body.get("detail", "")),
            pointer=str(body.get("pointer", "")),
            subject=body.get("subject"),
        )


class Problem(Exception):
    """A call that was answered with a problem (RFC 9457).

    Attributes:
        status: HTTP status; 503 also where there was no answer at all.
        title, detail: For people.
        errors: Named reasons, at most 100.
        errors_total: How many there were.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        errors_total: int | None = None,
    ):
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.errors_total = len(self.errors) if errors_total is None else errors_total
        super().__init__(status, title, detail)

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all errors."""
        return frozenset(error.code for error in self.errors)

    def __str__(self) -> str:
        reasons = [f"{error.pointer or error.subject or ''} {error.code}: {error.detail}" for error in self.errors]
        shown = [reason.strip() for reason in reasons[:_SHOWN_ERRORS]]
        more = [f"and {self.errors_total - len(shown)} more"] if self.errors_total > len(shown) else []
        return "; ".join([f"{self.status} {self.title}", *([self.detail] if self.detail else []), *shown, *more])


class Malformed(Problem):
    """400: the call itself is wrong."""


class NotAuthenticated(Problem):
    """401: no token, or one that does not hold."""


class NotAllowed(Problem):
    """403: not for this token's role or party."""


class NotFound(Problem):
    """404: not there, or somebody else's; nobody learns which."""


class Conflict(Problem):
    """409: the same revision with other content (A51), or nothing may follow under this id."""


class Refused(Problem):
    """422: understood, but refused."""


class Failed(Problem):
    """502: the message failed on its way."""


class Unavailable(Problem):
    """503, or no answer: come again later.

    Attributes:
        retry_after_s: Seconds to stay away, if the answer said so.
    """

    def __init__(self, title: str, detail: str = "", *, retry_after_s: int | None = None):
        super().__init__(503, title, detail)
        self.retry_after_s = retry_after_s


_BY_STATUS: dict[int, type[Problem]] = {
    400: Malformed,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    422: Refused,
    502: Failed,
}
_AWAY = (503, 504)


def problem_of(status: int, body: Mapping[str, Any], retry_after: str | None = None) -> Problem:
    """The exception for an answer.

    Args:
        status: HTTP status.
        body: Problem details, empty if the answer had none.
        retry_after: The header, as it came; only seconds are understood.
    """
    title, detail = str(body.get("title") or "no success"), str(body.get("detail") or "")
    if status in _AWAY or (status == 502 and not body):
        seconds = int(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        return Unavailable(title, detail, retry_after_s=seconds)
    errors = [FieldError.from_json(each) for each in body.get("errors", [])]
    kind = _BY_STATUS.get(status, Problem)
    return kind(status, title, detail, errors=errors, errors_total=body.get("errors_total"))
