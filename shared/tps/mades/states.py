"""The states of a MADES message, and why it may fail: two tables next to their prose.

A message keeps its state at each component that saw it, with time and details per step. Acknowledgements come in any
order (MADES promises none), so a message may skip states forward, and never goes back. docs/mades.md tells who writes
which step when.

Source: IEC 62325-503; STANDARDS.md section 3, "States".
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tps.errors import MessageRefused


class State(StrEnum):
    """Where a message is on its way."""

    VERIFYING = "VERIFYING"  # taken from the application and stored; nothing is checked yet
    ACCEPTED = "ACCEPTED"  # checked: there is a path and a certificate; signed and encrypted
    DELIVERING = "DELIVERING"  # handed to the broker
    TRANSPORTED = "TRANSPORTED"  # stored at a component on the way, or come to its receiver's, not read; in traces only
    DELIVERED = "DELIVERED"  # the receiver's endpoint decrypted and verified it
    RECEIVED = "RECEIVED"  # the receiver's application confirmed it; final
    FAILED = "FAILED"  # never will be delivered; FAILURES says why; final


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

FINAL: frozenset[State] = frozenset(state for state, following in TRANSITIONS.items() if not following)

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


def is_final(state: State) -> bool:
    """Whether nothing follows this state."""
    return state in FINAL


def is_allowed(before: State, after: State) -> bool:
    """Whether a message may go from one state to the other."""
    return after in TRANSITIONS[before]


def predecessors(state: State) -> frozenset[State]:
    """The states from which this one may be entered: `UPDATE ... WHERE state = ANY(predecessors)` guards a change."""
    return frozenset(before for before, following in TRANSITIONS.items() if state in following)


def shown_to_application(state: State) -> State:
    """The state as applications may see it, by web service and REST: ACCEPTED, DELIVERED, RECEIVED or FAILED."""
    return _SHOWN[state]


FAILURES: Mapping[str, str] = MappingProxyType(
    {
        # before anything is known for sure; nobody may be answered
        "malformed": "The message does not have the form of a message.",
        "unknown_sender": "No component has the sender's code.",
        "certificate_unknown": "The certificate is not one of the component's for this use.",
        "certificate_expired": "The certificate is not valid at this time.",
        "certificate_untrusted": "The certificate was not issued by the platform's authority.",
        "certificate_revoked": "The certificate was revoked.",
        "directory_stale": "The copy of the directory is too old to be believed.",
        "bad_signature": "The signature does not hold.",
        # after the signature held; the sender is answered
        "sent_in_future": "The time of sending lies in the future: a clock is wrong.",
        "expired": "The message was not delivered within its time to live.",
        "wrong_sender": "The sender's code is not that of the component that sent or signed it.",
        "wrong_receiver": "The message is for another component.",
        "wrong_subject": "The message came by a way that is not its own.",
        "type_not_allowed": "This message type is not for this sender and receiver.",
        "unknown_receiver": "No such receiver.",
        "no_path": "The receiver has no message path that is valid now.",
        "not_decryptable": "The content cannot be decrypted with a key of the receiver.",
        "content_damaged": "The content is not what the sender signed.",
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
    """Whether the sender is known for sure when this failure is found, so that a failure acknowledgement may go out."""
    return code not in UNANSWERABLE


def refusal(code: str, detail: str = "") -> MessageRefused:
    """The error for a failure of the table; without a detail its text is the table's sentence, the same for all."""
    sentence = FAILURES[code]
    return MessageRefused(code, detail or sentence)
