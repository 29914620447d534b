"""The message types: routes between roles, answers, priority and time to live.

Source: docs/documents.md, "Message types"; docs/mades.md, "Times to live".
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
    """Return the type of the acknowledgement document for a business document: its type with `-ACK`."""
    return f"{type}-ACK"


def is_acknowledgement(type: str) -> bool:
    """Return True if a message type carries an acknowledgement document. MADES-ACK is not such a type."""
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
        # The endpoint itself answers the test, between any component and the platform.
        CONNECTIVITY_TEST: frozenset({(_AGR, _TPS), (_DSO, _TPS), (_TPS, _AGR), (_TPS, _DSO)}),
    }
)

# Type -> types that answer this type.
ANSWERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {type: frozenset({acknowledgement_of(type)}) for type in BUSINESS_TYPES}
    | {STATUS_REQUEST: frozenset({ASSET_LIST, SCHEDULE, acknowledgement_of(STATUS_REQUEST)})}
)


def check_route(type: str, sender_role: str, receiver_role: str) -> None:
    """Refuse a business message whose type is not allowed for this pair of roles (`agr`, `dso`, `tps`).

    Raises:
        MessageRefused: `type_not_allowed`.
    """
    if (sender_role, receiver_role) not in ROUTES.get(type, frozenset()):
        raise refusal("type_not_allowed")


def types_received_by(role: str) -> tuple[str, ...]:
    """Return all types that a role receives, sorted. Its group needs a consumer for each, and one for MADES-ACK."""
    return tuple(sorted(type for type, routes in ROUTES.items() if any(receiver == role for _, receiver in routes)))


DEFAULT_PRIORITY = 4
_PRIORITIES: Mapping[str, int] = MappingProxyType({LIMIT_UNFORESEEN: 9, acknowledgement_of(LIMIT_UNFORESEEN): 9})

ANY_TYPE = "*"
IN_FLIGHT = timedelta(days=14)
"""The time for which the broker keeps a message that no consumer acknowledged."""
EMERGENCY_TIME_TO_LIVE = timedelta(hours=24)
LEAST_TIME_TO_LIVE = timedelta(minutes=1)
TIMES_TO_LIVE: Mapping[str, timedelta] = MappingProxyType(
    {ANY_TYPE: IN_FLIGHT, LIMIT_UNFORESEEN: EMERGENCY_TIME_TO_LIVE, CONNECTIVITY_TEST: timedelta(hours=1)}
)
"""The time to live of an undelivered message, by type. `*` stands for every other type."""


def priority(type: str) -> int:
    """Return the priority from 0 to 9: 9 for emergencies and their answers, 4 for all other types."""
    return _PRIORITIES.get(type, DEFAULT_PRIORITY)


def read_times_to_live(text: str) -> Mapping[str, timedelta]:
    """Return the times to live in a setting such as `TPS-SCHEDULE=86400,*=604800` (seconds).

    Types that the setting does not name keep their default.

    Raises:
        ValueError: The setting has another form, names an unknown message type, or a time is below a minute or above 14
            days (24 hours for emergencies). The text names the fault. The platform operator must correct the setting.
    """
    named = dict(_time_to_live(entry.strip()) for entry in text.split(",") if entry.strip())
    return MappingProxyType({**TIMES_TO_LIVE, **named})


def _time_to_live(text: str) -> tuple[str, timedelta]:
    type_, _, seconds = text.partition("=")
    if type_ != ANY_TYPE and type_ not in ROUTES:
        raise ValueError(f"{text}: unknown message type")
    longest = EMERGENCY_TIME_TO_LIVE if type_ == LIMIT_UNFORESEEN else IN_FLIGHT
    time_to_live = timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 9 else timedelta()
    if not LEAST_TIME_TO_LIVE <= time_to_live <= longest:
        raise ValueError(f"{text}: the time to live must be 60 to {longest.total_seconds():.0f} whole seconds")
    return type_, time_to_live


def expiry(
    type: str,
    sent_at: datetime,
    no_use_after: datetime | None = None,
    times_to_live: Mapping[str, timedelta] = TIMES_TO_LIVE,
) -> datetime:
    """Return the time when an undelivered message of this type fails.

    Args:
        type: Message type.
        sent_at: When the message was sent.
        no_use_after: When the content becomes useless (an emergency's expected end), or None. An earlier time than the
            type's own time to live counts, but a message lives for at least a minute.
        times_to_live: By type, with an entry for `*`.
    """
    latest = sent_at + times_to_live.get(type, times_to_live[ANY_TYPE])
    if no_use_after is None:
        return latest
    return max(min(latest, no_use_after), sent_at + LEAST_TIME_TO_LIVE)
