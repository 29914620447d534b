"""Message paths decide which sender may send which type to a receiver (F1, NF3)."""

from typing import Any

import pytest

from tests.mades.builders import NOW, PLATFORM, STRANGER
from tests.mades.path_cases import ANY, CASES, DAY, make_path
from tps.errors import MessageRefused
from tps.mades.paths import MessagePath, conflicts, select_path
from tps.mades.states import refusal


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
