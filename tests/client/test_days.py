"""Days of 92, 96 and 100 quarters of an hour, and schedules for them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from tps.client import Schedule, day_in

COPENHAGEN = "Europe/Copenhagen"


@pytest.mark.parametrize(
    ("day", "quarters", "start"),
    [
        (date(2026, 3, 29), 92, datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (date(2026, 10, 25), 100, datetime(2026, 10, 24, 22, tzinfo=UTC)),
        (date(2026, 7, 1), 96, datetime(2026, 6, 30, 22, tzinfo=UTC)),
    ],
)
def test_a_day_has_as_many_quarters_as_its_clocks_say(day: date, quarters: int, start: datetime) -> None:
    copenhagen = day_in(COPENHAGEN, day)

    schedule = copenhagen.schedule("a", [Decimal(-50)] * quarters)

    assert copenhagen.interval_count() == quarters
    assert copenhagen.interval_count("PT60M") == quarters // 4
    assert (schedule.start, schedule.end) == (start, copenhagen.end)
    assert schedule.to_json()["resolution"] == "PT15M"


def test_a_day_of_the_wrong_length_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="2026-10-25 has 100 intervals of PT15M in Europe/Copenhagen, not 96"):
        day_in(COPENHAGEN, date(2026, 10, 25)).schedule("a", [Decimal(0)] * 96)


def test_when_clocks_go_back_two_o_clock_comes_twice_and_no_time_is_lost() -> None:
    starts = list(day_in(COPENHAGEN, date(2026, 10, 25)).starts("PT60M"))

    assert [start.hour for start in starts][:5] == [0, 1, 2, 2, 3]
    assert [start.fold for start in starts][:5] == [0, 0, 0, 1, 0]
    assert {after.timestamp() - before.timestamp() for before, after in pairwise(starts)} == {3600}


def test_a_schedule_comes_back_as_it_was_sent() -> None:
    schedule = Schedule("a", datetime.fromisoformat("2026-03-29T00:00+01:00"), (Decimal("1.5"), Decimal(-2)), "PT30M")

    body = {**schedule.to_json(), "start": "2026-03-28T23:00:00Z", "power_kw": [Decimal("1.5"), -2], "later": True}

    assert Schedule.from_json(body) == schedule
