"""Test windows: aligned with the clock and equal for every party."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tps.domain.window import last_end, window_end

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
LENGTHS = st.sampled_from([1, 5, 15, 60])


def test_what_came_in_a_window_is_due_at_its_end() -> None:
    moment = datetime(2026, 3, 29, 6, 0, 7, tzinfo=UTC)

    assert window_end(moment, 15) == datetime(2026, 3, 29, 6, 0, 15, tzinfo=UTC)


def test_a_moment_on_the_border_belongs_to_the_next_window() -> None:
    border = datetime(2026, 3, 29, 6, 0, 15, tzinfo=UTC)

    assert last_end(border, 15) == border
    assert window_end(border, 15) == border + timedelta(seconds=15)


def test_without_a_window_everything_is_due_at_once() -> None:
    now = datetime(2026, 3, 29, 6, 0, 7, tzinfo=UTC)

    assert (window_end(now, 0), last_end(now, 0)) == (now, now)


@given(MOMENTS, LENGTHS)
def test_nothing_is_due_before_its_window_is_over(moment: datetime, window_s: float) -> None:
    end = window_end(moment, window_s)

    assert moment < end <= moment + timedelta(seconds=window_s)
    assert last_end(end, window_s) == end
    assert last_end(end - timedelta(microseconds=1), window_s) <= moment
