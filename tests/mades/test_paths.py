"""Message paths decide who may send what to whom (F1, NF3)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.mades.builders import NOW, OPERATOR, PLATFORM, STRANGER
from tps.errors import MessageRefused
from tps.mades.paths import MessagePath, conflicts, select_path
from tps.mades.states import refusal

DAY = timedelta(days=1)


def make_path(message_type: str = "*", **changes: Any) -> MessagePath:
    values = {"receiver": OPERATOR, "allowed_senders": frozenset({PLATFORM}), "valid_from": NOW - DAY, **changes}
    return MessagePath(message_type=message_type, **values)


ANY = make_path("*")
LIMITS = make_path("TPS-LIMIT*")
FORESEEN = make_path("TPS-LIMIT-F*")
EXACT = make_path("TPS-LIMIT-FORESEEN")
EXACT_AND_LONGER = make_path("TPS-LIMIT-FORESEEN*")
EVERYBODY = make_path("*", allowed_senders=None)
NOBODY_FOR_LIMITS = make_path("TPS-LIMIT*", allowed_senders=frozenset())
ENDED = make_path("TPS-LIMIT-FORESEEN", valid_to=NOW)
STARTING = make_path("TPS-LIMIT-FORESEEN", valid_from=NOW)
LATER = make_path("TPS-LIMIT-FORESEEN", valid_from=NOW + DAY)

# paths, sender, type, expected path or name of the refusal
CASES = [
    ([ANY], PLATFORM, "TPS-ASSET", ANY),
    ([ANY, LIMITS], PLATFORM, "TPS-LIMIT-FORESEEN", LIMITS),
    ([LIMITS, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", LIMITS),
    ([LIMITS, FORESEEN, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", FORESEEN),
    ([LIMITS, EXACT, FORESEEN, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", EXACT),
    ([LIMITS, EXACT, FORESEEN, ANY], PLATFORM, "TPS-LIMIT-UNFORESEEN", LIMITS),
    ([EXACT, ANY], PLATFORM, "TPS-LIMIT-FORESEEN-ACK", ANY),
    ([EXACT, EXACT_AND_LONGER], PLATFORM, "TPS-LIMIT-FORESEEN", EXACT),
    ([EXACT, EXACT_AND_LONGER], PLATFORM, "TPS-LIMIT-FORESEEN-ACK", EXACT_AND_LONGER),
    ([LIMITS], PLATFORM, "TPS-LIMIT", LIMITS),
    ([EVERYBODY], STRANGER, "TPS-ASSET", EVERYBODY),
    ([ENDED, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", ANY),
    ([LATER, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", ANY),
    ([STARTING, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", STARTING),
    ([ANY], STRANGER, "TPS-ASSET", "unknown_receiver"),
    ([NOBODY_FOR_LIMITS, EVERYBODY], PLATFORM, "TPS-LIMIT-FORESEEN", "unknown_receiver"),
    ([], PLATFORM, "TPS-ASSET", "unknown_receiver"),
    ([ENDED], PLATFORM, "TPS-LIMIT-FORESEEN", "no_path"),
    ([EXACT], PLATFORM, "TPS-ASSET", "no_path"),
    ([ENDED], STRANGER, "TPS-LIMIT-FORESEEN", "unknown_receiver"),
]


@pytest.mark.parametrize(("paths", "sender", "message_type", "expected"), CASES)
def test_the_most_specific_valid_path_decides_alone(paths, sender, message_type, expected) -> None:
    if isinstance(expected, MessagePath):
        assert expected is select_path(paths, sender, message_type, NOW)
        return

    with pytest.raises(MessageRefused) as refused:
        select_path(paths, sender, message_type, NOW)

    assert expected == refused.value.code


def test_a_forbidden_receiver_reads_exactly_as_one_that_does_not_exist() -> None:
    unknown = refusal("unknown_receiver")

    with pytest.raises(MessageRefused) as refused:
        select_path([ANY], STRANGER, "TPS-ASSET", NOW)

    assert str(unknown) == str(refused.value)
    assert (unknown.code, unknown.detail, unknown.findings) == (
        refused.value.code,
        refused.value.detail,
        refused.value.findings,
    )


def make_span(start: int, end: int | None, **changes: Any) -> MessagePath:
    valid_to = None if end is None else NOW + end * DAY
    return make_path("TPS-*", valid_from=NOW + start * DAY, valid_to=valid_to, **changes)


@pytest.mark.parametrize(
    ("known", "new", "is_conflict"),
    [
        (make_span(0, 10), make_span(5, 15), True),
        (make_span(5, 15), make_span(0, 10), True),
        (make_span(0, 10), make_span(2, 3), True),
        (make_span(0, None), make_span(5, None), True),
        (make_span(0, 10), make_span(10, 20), False),
        (make_span(10, 20), make_span(0, 10), False),
        (make_span(0, 10), make_span(10, None), False),
        (make_span(0, 10), make_span(0, 10, receiver=PLATFORM), False),
        (make_span(0, 10), make_path("TPS-A*"), False),
    ],
)
def test_same_type_in_overlapping_validity_is_a_conflict(known, new, is_conflict: bool) -> None:
    assert conflicts([known], new) == ((known,) if is_conflict else ())


def test_without_a_broker_a_path_is_direct() -> None:
    assert ANY.is_direct
    assert not make_path(broker="broker-1").is_direct
