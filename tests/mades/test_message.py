"""A malformed message cannot exist, because the constructors check all fields."""

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mades.builders import NOW, make_acknowledgement, make_message
from tps.errors import MessageRefused
from tps.mades.codes import utc_text, utc_time
from tps.mades.message import AcknowledgedMessage


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": "0"},
        {"type": "MADES-ACK"},
        {"sender": "a b"},
        {"receiver": ""},
        {"sent_at": datetime(2026, 5, 4)},
        {"expires_at": NOW},
        {"expires_at": NOW + timedelta(days=28, seconds=1)},
        {"sequence": -1},
        {"in_reply_to": "document"},
        {"ba_message_id": "x" * 256},
    ],
)
def test_a_message_of_another_form_cannot_be_made(change: dict[str, Any]) -> None:
    with pytest.raises(MessageRefused) as refused:
        make_message(**change)

    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    "change",
    [{"message_id": "0"}, {"sender": "."}, {"receiver": "*"}, {"sent_at": datetime(2026, 5, 4)}, {"messages": ()}],
)
def test_nor_can_an_acknowledgement(change: dict[str, Any]) -> None:
    with pytest.raises(MessageRefused):
        make_acknowledgement(**change)


@pytest.mark.parametrize("detail", ["", "x" * 201, "line\nbreak"])
def test_nor_a_detail_that_does_not_fit_a_trace(detail: str) -> None:
    with pytest.raises(MessageRefused):
        AcknowledgedMessage("0" * 32, NOW, detail)


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.integers(-840, 840), st.integers(-12, 14))
def test_times_are_the_same_moment_after_their_text(naive: datetime, minutes: int, hours: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert at == utc_time(utc_text(at))
    assert utc_text(at) == utc_text(at.astimezone(timezone(timedelta(hours=hours))))


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Copenhagen"))

    assert utc_text(first) == "2026-10-25T00:30:00Z"
    assert utc_text(first.replace(fold=1)) == "2026-10-25T01:30:00Z"
