"""Every error the system raises on purpose.

TpsError
├── Refused                 theirs: answered with a named reason, not retried
│   ├── Malformed           400  not JSON, wrong type, unknown or missing field
│   ├── Unauthenticated     401  no token, or one that does not hold
│   │   └── BadCredentials  401  no user name and password of a component, or they do not hold
│   ├── Forbidden           403  the token's role has no business on this route
│   ├── NotFound            404  not there, or somebody else's
│   ├── MethodNotAllowed    405  the route knows other verbs
│   ├── Conflict            409  stands against something that is there: a code, a path
│   │   └── RevisionConflict 409 same revision, other content (A51)
│   ├── TooLarge            413  body above the limit
│   ├── WrongMediaType      415  not JSON (REST), not an envelope (events)
│   ├── RuleBroken          422  understood, but against the rules: one Finding per bad field
│   ├── KeyReused           422  Idempotency-Key seen with another request
│   └── MessageRefused      502  a MADES message that FAILED; `code` names why
└── Unavailable             ours: 503, retried
    ├── StoreAway           a store or the broker does not answer
    └── PlatformSilent      the platform did not answer a question in time
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One named reason against one field.

    Attributes:
        code: A code of the contract (`not_json`, `missing`, ...) or an IEC reason code (`A64`, ...).
        pointer: JSON pointer to the field, "" for the whole.
        detail: A sentence for the one who must correct it; never anybody else's data, never exception text.
        subject: Id of the thing concerned where a pointer cannot name it (a resource id in an acknowledgement).
    """

    code: str
    pointer: str = ""
    detail: str = ""
    subject: str | None = None


class TpsError(Exception):
    """Base of all errors raised on purpose."""

    http_status = 500
    title = "unexpected failure"
    retry = False

    def __init__(self, detail: str = "", findings: Iterable[Finding] = ()):
        super().__init__(detail or self.title)
        self.detail = detail
        self.findings = tuple(findings)


class Refused(TpsError):
    """Theirs: the caller must change something before trying again."""

    http_status = 422
    title = "refused"


class Malformed(Refused):
    http_status = 400
    title = "malformed request"


class Unauthenticated(Refused):
    """`challenge` says how to authenticate, as HTTP does."""

    http_status = 401
    title = "not authenticated"
    challenge = "Bearer"


class BadCredentials(Unauthenticated):
    challenge = 'Basic realm="MADES", charset="UTF-8"'


class Forbidden(Refused):
    http_status = 403
    title = "not for this role"


class NotFound(Refused):
    http_status = 404
    title = "not found"


class MethodNotAllowed(Refused):
    http_status = 405
    title = "method not allowed"


class Conflict(Refused):
    http_status = 409
    title = "conflict"


class RevisionConflict(Conflict):
    title = "revision conflict"


class TooLarge(Refused):
    http_status = 413
    title = "too large"


class WrongMediaType(Refused):
    http_status = 415
    title = "wrong media type"


class RuleBroken(Refused):
    """Understood, but against the rules; `findings` has one entry per bad field."""

    title = "refused by a rule"


class KeyReused(Refused):
    title = "idempotency key reused"


class MessageRefused(Refused):
    """A MADES message that fails for good.

    Attributes:
        code: Why, in one word of `tps.mades.states.FAILURES`; goes to the sender in a failure acknowledgement.
    """

    http_status = 502
    title = "message failed"

    def __init__(self, code: str, detail: str = ""):
        super().__init__(detail, [Finding(code, "", detail)])
        self.code = code


class Unavailable(TpsError):
    """Ours: try again later; nothing was lost."""

    http_status = 503
    title = "temporarily unavailable"
    retry = True


class StoreAway(Unavailable):
    title = "a store is away"


class PlatformSilent(Unavailable):
    title = "the platform did not answer in time"
