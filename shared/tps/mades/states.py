"""The states of a MADES message and the reasons for failure, as tables.

A message has a state at each component that has it, with time and details per step. Acknowledgements arrive in any
order, because MADES promises none. So a message may skip states, and it never goes back.

Source: IEC 62325-503; docs/mades.md, "States".
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tps.errors import MessageRefused


class State(StrEnum):
    """The position of a message in its delivery."""

    VERIFYING = "VERIFYING"  # accepted from the application and stored; nothing is checked yet
    ACCEPTED = "ACCEPTED"  # checked: path and certificate exist; signed and encrypted
    DELIVERING = "DELIVERING"  # given to the broker
    TRANSPORTED = "TRANSPORTED"  # stored by the broker, or at the receiver but not processed; in traces only
    DELIVERED = "DELIVERED"  # the receiver's endpoint decrypted and verified the message
    RECEIVED = "RECEIVED"  # the receiver's application confirmed the message; final
    FAILED = "FAILED"  # will never be delivered; FAILURES has the reasons; final


_VERIFYING, _ACCEPTED, _DELIVERING, _TRANSPORTED, _DELIVERED, _RECEIVED, _FAILED = State

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        _VERIFYING: frozenset({_ACCEPTED, _DELIVERING, _TRANSPORTED, _DELIVERED, _RECEIVED, _FAILED}),
        _ACCEPTED: frozenset({_DELIVERING, _TRANSPORTED, _DELIVERED, _RECEIVED, _FAILED}),
        _DELIVERING: frozenset({_TRANSPORTED, _DELIVERED, _RECEIVED, _FAILED}),
        _TRANSPORTED: frozenset({_DELIVERED, _RECEIVED, _FAILED}),
        _DELIVERED: frozenset({_RECEIVED}),
        _RECEIVED: frozenset(),
        _FAILED: frozenset(),
    }
)

_SHOWN: Mapping[State, State] = MappingProxyType(
    {
        _VERIFYING: _ACCEPTED,
        _ACCEPTED: _ACCEPTED,
        _DELIVERING: _ACCEPTED,
        _TRANSPORTED: _ACCEPTED,
        _DELIVERED: _DELIVERED,
        _RECEIVED: _RECEIVED,
        _FAILED: _FAILED,
    }
)


def is_allowed(before: State, after: State) -> bool:
    """Return True if a message may go from one state to the other."""
    return after in TRANSITIONS[before]


def predecessors(state: State) -> frozenset[State]:
    """Return the states before this one. `UPDATE ... WHERE state = ANY(predecessors)` guards a change."""
    return frozenset(before for before, following in TRANSITIONS.items() if state in following)


def shown_to_application(state: State) -> State:
    """Return the state that web service and REST show: ACCEPTED, DELIVERED, RECEIVED or FAILED."""
    return _SHOWN[state]


FAILURES: Mapping[str, str] = MappingProxyType(
    {
        # Found before the signature is verified: the sender is only claimed, so it gets no answer.
        "malformed": "The envelope is not a valid message.",
        "unknown_sender": "No component has the sender's code.",
        "certificate_unknown": "The certificate does not belong to this component and use.",
        "certificate_expired": "The certificate is not valid at this time.",
        "certificate_untrusted": "The platform's authority did not issue the certificate.",
        "certificate_revoked": "The certificate was revoked.",
        "directory_stale": "The copy of the directory is too old.",
        "bad_signature": "The signature is wrong.",
        # Found after the signature is verified: the sender gets an answer.
        "sent_in_future": "The time of sending is in the future: a clock is wrong.",
        "expired": "The message was not delivered within its time to live.",
        "wrong_sender": "The sender's code is not the code of the component that signed or sent it.",
        "wrong_receiver": "The message is for another component.",
        "wrong_subject": "The message arrived on a subject that is not its own.",
        "type_not_allowed": "This pair of roles does not use this message type.",
        "unknown_receiver": "No such receiver.",
        "no_path": "The receiver has no message path that is valid now.",
        "not_decryptable": "No key of the receiver decrypts the content.",
        "content_damaged": "The content differs from the signed content.",
        "content_missing": "The content did not arrive with the message.",
        "content_too_large": "The content is larger than declared or allowed.",
    }
)

UNANSWERABLE: frozenset[str] = frozenset(
    {
        "malformed",
        "unknown_sender",
        "certificate_unknown",
        "certificate_expired",
        "certificate_untrusted",
        "certificate_revoked",
        "directory_stale",
        "bad_signature",
        "wrong_subject",
    }
)


def is_answerable(code: str) -> bool:
    """Return True if the sender is proven when this failure occurs, so that a failure acknowledgement may be sent."""
    return code not in UNANSWERABLE


def refusal(code: str, detail: str = "") -> MessageRefused:
    """Return the error for a failure code. Without a detail, its text is the sentence of the table."""
    sentence = FAILURES[code]
    return MessageRefused(code, detail or sentence)
