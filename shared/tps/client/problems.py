"""The exceptions that a call raises when it does not succeed.

Problem
├── Malformed          400  the request is invalid: a bug of the caller
├── NotAuthenticated   401  no token, or an invalid token
├── NotAllowed         403  the role of the token may not use this route, or its party is not onboarded
├── NotFound           404  does not exist, or belongs to another party
├── Conflict           409  the same revision with other content, or a document that takes no further revision
├── Refused            422  understood, but refused by a rule or by the platform; `errors` has the reasons
├── Failed             502  the message failed on its way to the platform; its one error has the MADES reason
└── Unavailable        503  no answer in time, after all retries; the message may still be delivered
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHOWN_ERRORS = 3


@dataclass(frozen=True, slots=True)
class FieldError:
    """One reason code for one field.

    Attributes:
        code: A code of the contract (`bad_type`, ...) or an IEC reason code (`A64`, ...).
        detail: A text for people.
        pointer: JSON pointer to the field in the request; empty for the whole request.
        subject: Id of the asset or connection point, where the error has no pointer.
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
    """A call that was answered with problem details (RFC 9457).

    Attributes:
        status: HTTP status; 503 also if there was no answer at all.
        title, detail: Texts for people.
        type: Stable name of the problem, as docs/problems.md lists them; `about:blank` if the answer had none.
        errors: At most 100 errors.
        errors_total: Number of all errors.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        errors_total: int | None = None,
        type: str = "about:blank",
    ):
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
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
    """400: the request is invalid."""


class NotAuthenticated(Problem):
    """401: no token, or an invalid token."""


class NotAllowed(Problem):
    """403: not allowed for the role or the party of this token."""


class NotFound(Problem):
    """404: does not exist, or belongs to another party; the answer does not tell which."""


class Conflict(Problem):
    """409: the same revision with other content (A51), or the id takes no further revision."""


class Refused(Problem):
    """422: understood, but refused."""


class Failed(Problem):
    """502: the message failed on its way to the platform."""


class Unavailable(Problem):
    """503, or no answer: try again later.

    Attributes:
        retry_after_s: Seconds to wait before the next attempt, if the answer had `Retry-After`.
    """

    def __init__(self, title: str, detail: str = "", *, retry_after_s: int | None = None, type: str = "about:blank"):
        super().__init__(503, title, detail, type=type)
        self.retry_after_s = retry_after_s


_URN = "urn:tps:problem:"
_BY_TYPE: dict[str, type[Problem]] = {
    f"{_URN}malformed-request": Malformed,
    f"{_URN}not-authenticated": NotAuthenticated,
    f"{_URN}bad-credentials": NotAuthenticated,
    f"{_URN}forbidden": NotAllowed,
    f"{_URN}not-found": NotFound,
    f"{_URN}conflict": Conflict,
    f"{_URN}revision-conflict": Conflict,
    f"{_URN}refused": Refused,
    f"{_URN}rule-broken": Refused,
    f"{_URN}document-refused": Refused,
    f"{_URN}idempotency-key-reused": Refused,
    f"{_URN}message-failed": Failed,
    f"{_URN}temporarily-unavailable": Unavailable,
    f"{_URN}store-unavailable": Unavailable,
    f"{_URN}platform-silent": Unavailable,
    f"{_URN}too-many-waiting": Unavailable,
}
# For types of a newer platform, and for answers of gateways, which have no type.
_BY_STATUS: dict[int, type[Problem]] = {
    400: Malformed,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    422: Refused,
    502: Failed,
    503: Unavailable,
    504: Unavailable,
}


def problem_of(status: int, body: Mapping[str, Any], retry_after: str | None = None) -> Problem:
    """Return the exception for an answer: by the type of its problem, else by its HTTP status.

    Args:
        status: HTTP status.
        body: Problem details; empty if the answer had none.
        retry_after: Value of the header Retry-After; only a number of seconds is understood.
    """
    title, detail = str(body.get("title") or "the request failed"), str(body.get("detail") or "")
    type_ = str(body.get("type") or "about:blank")
    kind = _BY_TYPE.get(type_) or _BY_STATUS.get(status, Problem)
    if kind is Unavailable or (status == 502 and not body):
        seconds = int(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        return Unavailable(title, detail, retry_after_s=seconds, type=type_)
    errors = [FieldError.from_json(error) for error in body.get("errors", [])]
    return kind(status, title, detail, errors=errors, errors_total=body.get("errors_total"), type=type_)
