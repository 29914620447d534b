"""The message types: who sends what to whom, what answers what, how urgent it is and how long it lives.

Source: STANDARDS.md sections 1 and 2; SEMANTICS.md, "Emergencies".
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from tps.domain.limit import LimitKind
from tps.mades.message import ACKNOWLEDGEMENT_TYPE
from tps.mades.states import refusal

ASSET = "TPS-ASSET"
POINT = "TPS-POINT"
ASSET_LIST = "TPS-ASSET-LIST"
STATUS_REQUEST = "TPS-STATUSREQUEST"
LIMIT_FORESEEN = "TPS-LIMIT-FORESEEN"
LIMIT_UNFORESEEN = "TPS-LIMIT-UNFORESEEN"
SCHEDULE = "TPS-SCHEDULE"
CONNECTIVITY_TEST = "MADES-TEST"

# Emergencies have a message type of their own, so that they have their own priority and consumer.
LIMIT_TYPES: Mapping[LimitKind, str] = MappingProxyType(
    {LimitKind.FORESEEN: LIMIT_FORESEEN, LimitKind.UNFORESEEN: LIMIT_UNFORESEEN}
)

BUSINESS_TYPES = (ASSET, POINT, ASSET_LIST, STATUS_REQUEST, LIMIT_FORESEEN, LIMIT_UNFORESEEN, SCHEDULE)


def acknowledgement_of(type: str) -> str:
    """The type of the Acknowledgement document that answers a business document: its own, with `-ACK`."""
    return f"{type}-ACK"


def is_acknowledgement(type: str) -> bool:
    """Whether a message type carries an Acknowledgement document (not to be confused with MADES-ACK)."""
    return type.endswith("-ACK") and type != ACKNOWLEDGEMENT_TYPE


_AGR, _DSO, _TPS = "agr", "dso", "tps"

_BUSINESS_ROUTES: Mapping[str, frozenset[tuple[str, str]]] = {
    ASSET: frozenset({(_AGR, _TPS)}),
    POINT: frozenset({(_DSO, _TPS)}),
    ASSET_LIST: frozenset({(_TPS, _DSO)}),
    STATUS_REQUEST: frozenset({(_DSO, _TPS)}),
    LIMIT_FORESEEN: frozenset({(_DSO, _TPS), (_TPS, _AGR)}),
    LIMIT_UNFORESEEN: frozenset({(_DSO, _TPS), (_TPS, _AGR)}),
    SCHEDULE: frozenset({(_AGR, _TPS), (_TPS, _DSO)}),
}


def _turned(routes: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((receiver, sender) for sender, receiver in routes)


# Type -> (sender's role, receiver's role). A BRP has the role of an AGR. No pair joins AGR and DSO (F1).
ROUTES: Mapping[str, frozenset[tuple[str, str]]] = MappingProxyType(
    {
        **_BUSINESS_ROUTES,
        **{acknowledgement_of(type): _turned(routes) for type, routes in _BUSINESS_ROUTES.items()},
        # Any component to the platform, the platform to any; answered by the endpoint itself.
        CONNECTIVITY_TEST: frozenset({(_AGR, _TPS), (_DSO, _TPS), (_TPS, _AGR), (_TPS, _DSO)}),
    }
)

# Type -> types that answer it.
ANSWERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {type: frozenset({acknowledgement_of(type)}) for type in BUSINESS_TYPES}
    | {STATUS_REQUEST: frozenset({ASSET_LIST, SCHEDULE, acknowledgement_of(STATUS_REQUEST)})}
)


def check_route(type: str, sender_role: str, receiver_role: str) -> None:
    """Refuse a business message whose type is not for this pair of roles (`agr`, `dso`, `tps`).

    Raises:
        MessageRefused: `type_not_allowed`.
    """
    if (sender_role, receiver_role) not in ROUTES.get(type, frozenset()):
        raise refusal("type_not_allowed")


def types_received_by(role: str) -> tuple[str, ...]:
    """All types that a role receives, sorted: the consumers its group needs beside the one for MADES-ACK."""
    return tuple(sorted(type for type, routes in ROUTES.items() if any(receiver == role for _, receiver in routes)))


DEFAULT_PRIORITY = 4
_PRIORITIES: Mapping[str, int] = MappingProxyType({LIMIT_UNFORESEEN: 9, acknowledgement_of(LIMIT_UNFORESEEN): 9})

ANY_TYPE = "*"
IN_FLIGHT = timedelta(days=14)
"""How long the broker keeps what nobody takes."""
EMERGENCY_TIME_TO_LIVE = timedelta(hours=24)
LEAST_TIME_TO_LIVE = timedelta(minutes=1)
TIMES_TO_LIVE: Mapping[str, timedelta] = MappingProxyType(
    {ANY_TYPE: IN_FLIGHT, LIMIT_UNFORESEEN: EMERGENCY_TIME_TO_LIVE, CONNECTIVITY_TEST: timedelta(hours=1)}
)
"""How long a message lives that is not delivered, by its type; `*` is every other type."""


def priority(type: str) -> int:
    """Urgency from 0 to 9; emergencies and their answers 9, all else 4."""
    return _PRIORITIES.get(type, DEFAULT_PRIORITY)


def read_times_to_live(text: str) -> Mapping[str, timedelta]:
    """Times to live from a setting such as `TPS-SCHEDULE=86400,*=604800` (seconds); types not named keep theirs.

    Raises:
        ValueError: It is of another form, names no message type, or a time is below a minute or above 14 days (for
            emergencies 24 hours); the text says which. Whoever deploys must set it right.
    """
    named = dict(_time_to_live(each.strip()) for each in text.split(",") if each.strip())
    return MappingProxyType({**TIMES_TO_LIVE, **named})


def _time_to_live(text: str) -> tuple[str, timedelta]:
    type_, _, seconds = text.partition("=")
    if type_ != ANY_TYPE and type_ not in ROUTES:
        raise ValueError(f"{text}: no such message type")
    most = EMERGENCY_TIME_TO_LIVE if type_ == LIMIT_UNFORESEEN else IN_FLIGHT
    time_to_live = timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 9 else timedelta()
    if not LEAST_TIME_TO_LIVE <= time_to_live <= most:
        raise ValueError(f"{text}: whole seconds from 60 to {most.total_seconds():.0f}")
    return type_, time_to_live


def expiry(
    type: str,
    sent_at: datetime,
    no_use_after: datetime | None = None,
    times_to_live: Mapping[str, timedelta] = TIMES_TO_LIVE,
) -> datetime:
    """When a message of this type fails if it is not delivered.

    Args:
        type: Message type.
        sent_at: When it was sent.
        no_use_after: When its content loses its point (an emergency's expected end), if it does; an earlier time than
            the type's own time to live wins, but a message always lives for a minute.
        times_to_live: By type, with one for `*`.
    """
    latest = sent_at + times_to_live.get(type, times_to_live[ANY_TYPE])
    if no_use_after is None:
        return latest
    return max(min(latest, no_use_after), sent_at + LEAST_TIME_TO_LIVE)
