"""Every error that the system raises on purpose.

TpsError                     500  an unexpected failure of the platform
├── Refused                       the caller must change the request; not retried
│   ├── Malformed            400  not JSON, wrong type, unknown or missing field
│   ├── Unauthenticated      401  no token, or an invalid token
│   │   └── BadCredentials   401  no user name and password of a component, or wrong ones
│   ├── Forbidden            403  the role of the token may not use this route
│   ├── NotFound             404  does not exist, or belongs to another party
│   ├── MethodNotAllowed     405  the route serves other methods
│   ├── Conflict             409  contradicts existing data: a component code, a message path
│   │   └── RevisionConflict 409  same revision with other content (A51)
│   ├── TooLarge             413  request body above the limit
│   ├── WrongMediaType       415  not JSON (REST), not an envelope (events)
│   ├── RuleBroken           422  understood, but breaks a rule: one Finding per invalid field
│   ├── KeyReused            422  Idempotency-Key already used for another request
│   └── MessageRefused       502  a MADES message that FAILED; `code` names the reason
└── Unavailable              503  the platform's side; the caller retries
    ├── StoreAway            503  a store or the broker does not answer
    └── PlatformSilent       503  the platform did not answer a query in time

Each class states its problem type, which callers may rely on: it stays when the class gets another name.
`docs/problems.md` lists all types.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason code for one field.

    Attributes:
        code: A code of the contract (`not_json`, `missing`, ...) or an IEC reason code (`A64`, ...).
        pointer: JSON pointer to the field; "" for the whole request.
        detail: A text for the caller: what is wrong, and what to do. Never another party's data or an exception's text.
        subject: Id of the asset or connection point where a pointer cannot name it (in an acknowledgement).
    """

    code: str
    pointer: str = ""
    detail: str = ""
    subject: str | None = None


class TpsError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        http_status: Status of the HTTP answer.
        problem_type: `type` of the problem details (RFC 9457); part of the API, so never renamed.
        title: `title` of the problem details; the same for all problems of a type.
        retry: Whether the same request may succeed later.
    """

    http_status = 500
    problem_type = "urn:tps:problem:unexpected-failure"
    title = "unexpected failure"
    retry = False

    def __init__(self, detail: str = "", findings: Iterable[Finding] = ()):
        super().__init__(detail or self.title)
        self.detail = detail
        self.findings = tuple(findings)


class Refused(TpsError):
    """The caller must change the request before trying again."""

    http_status = 422
    problem_type = "urn:tps:problem:refused"
    title = "refused"


class Malformed(Refused):
    http_status = 400
    problem_type = "urn:tps:problem:malformed-request"
    title = "malformed request"


class Unauthenticated(Refused):
    """No valid token; `challenge` is the value of the header WWW-Authenticate."""

    http_status = 401
    problem_type = "urn:tps:problem:not-authenticated"
    title = "not authenticated"
    challenge = "Bearer"


class BadCredentials(Unauthenticated):
    problem_type = "urn:tps:problem:bad-credentials"
    title = "bad credentials"
    challenge = 'Basic realm="MADES", charset="UTF-8"'


class Forbidden(Refused):
    http_status = 403
    problem_type = "urn:tps:problem:forbidden"
    title = "not allowed for this role"


class NotFound(Refused):
    http_status = 404
    problem_type = "urn:tps:problem:not-found"
    title = "not found"


class MethodNotAllowed(Refused):
    http_status = 405
    problem_type = "urn:tps:problem:method-not-allowed"
    title = "method not allowed"


class Conflict(Refused):
    http_status = 409
    problem_type = "urn:tps:problem:conflict"
    title = "conflict"


class RevisionConflict(Conflict):
    problem_type = "urn:tps:problem:revision-conflict"
    title = "revision conflict"


class TooLarge(Refused):
    http_status = 413
    problem_type = "urn:tps:problem:too-large"
    title = "request body too large"


class WrongMediaType(Refused):
    http_status = 415
    problem_type = "urn:tps:problem:unsupported-media-type"
    title = "unsupported media type"


class RuleBroken(Refused):
    """Understood, but breaks a rule; `findings` has one entry per invalid field."""

    problem_type = "urn:tps:problem:rule-broken"
    title = "the request breaks a rule"


class KeyReused(Refused):
    problem_type = "urn:tps:problem:idempotency-key-reused"
    title = "Idempotency-Key already used"


class MessageRefused(Refused):
    """A MADES message that fails for good.

    Attributes:
        code: The reason, a key of `tps.mades.states.FAILURES`; the failure acknowledgement tells it to the sender.
    """

    http_status = 502
    problem_type = "urn:tps:problem:message-failed"
    title = "message failed"

    def __init__(self, code: str, detail: str = ""):
        super().__init__(detail, [Finding(code, "", detail)])
        self.code = code


class Unavailable(TpsError):
    """The platform cannot answer now; the caller tries again later. Nothing was lost."""

    http_status = 503
    problem_type = "urn:tps:problem:temporarily-unavailable"
    title = "temporarily unavailable"
    retry = True


class StoreAway(Unavailable):
    problem_type = "urn:tps:problem:store-unavailable"
    title = "a store or the message broker is temporarily unavailable"


class PlatformSilent(Unavailable):
    problem_type = "urn:tps:problem:platform-silent"
    title = "the platform did not answer in time"
