"""F6: test the faults of a limit that need no registry."""

from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import EIC, GSRN, NOW, OTHER_GSRN, make_emergency, make_limit, make_slot, minutes
from tps.domain.limit import (
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    UnforeseenLimit,
    check_emergency_age,
    check_foreseen,
    check_unforeseen,
    in_order,
)


def faults(limit: ForeseenLimit | UnforeseenLimit) -> list[tuple[str, str]]:
    """(code, pointer) of each finding."""
    findings = check_foreseen(limit, NOW) if isinstance(limit, ForeseenLimit) else check_unforeseen(limit, NOW)
    return [(finding.code, finding.pointer) for finding in findings]


def test_a_limit_of_several_intervals_in_any_order_with_gaps_is_in_order() -> None:
    assert faults(make_limit(make_slot(180, 240), make_slot(0, 60), make_slot(60, 90), asset_ids=(GSRN, EIC))) == []


def test_a_limit_that_began_and_is_not_over_is_in_order() -> None:
    assert faults(make_limit(make_slot(-600, -60), make_slot(-30, 1))) == []


@pytest.mark.parametrize("end", [0, -1])
def test_a_limit_whose_last_end_is_not_ahead_is_over_already(end: int) -> None:
    """LIM-PST."""
    assert faults(make_limit(make_slot(-60, end), make_slot(-120, -60))) == [("A57", "/available")]


def test_a_limit_of_no_intervals_or_no_assets_lacks_something_mandatory() -> None:
    assert faults(replace(make_limit(), available=())) == [("A69", "/available")]
    assert faults(make_limit(asset_ids=())) == [("A69", "/asset_ids")]


def test_a_foreseen_limit_has_one_direction() -> None:
    assert faults(make_limit(direction=Direction.BOTH)) == [("A59", "/direction")]


def test_every_repetition_of_an_id_is_named_however_it_is_spelled() -> None:
    limit = make_limit(asset_ids=(GSRN, OTHER_GSRN, GSRN, f"A10:{GSRN}"))

    findings = check_foreseen(limit, NOW)

    assert faults(limit) == [("A55", "/asset_ids/2"), ("A55", "/asset_ids/3")]
    assert [finding.subject for finding in findings] == [GSRN, f"A10:{GSRN}"]


@pytest.mark.parametrize(
    ("start", "end", "pointers"),
    [
        (60, 60, ["/available/0/end"]),
        (60, 59, ["/available/0/end"]),
        (60.5, 61, ["/available/0/start"]),
        (60, 61.001, ["/available/0/end"]),
        (0.1, 0.2, ["/available/0/start", "/available/0/end"]),
    ],
    ids=["empty", "backwards", "seconds in start", "fractions in end", "both"],
)
def test_an_interval_is_of_whole_minutes_and_ends_after_its_start(
    start: float, end: float, pointers: list[str]
) -> None:
    """LIM-INT."""
    assert faults(make_limit(make_slot(start, end))) == [("A04", pointer) for pointer in pointers]


def test_a_time_without_zone_is_refused_and_not_failed_on() -> None:
    naive = minutes(60).replace(tzinfo=None)
    limit = make_limit(AvailablePower(Interval(naive, minutes(120)), Decimal(1)), make_slot())

    assert faults(limit) == [("A04", "/available/0/start")]
    assert faults(make_emergency(expected_end=naive)) == [("A04", "/expected_end")]
    assert faults(make_emergency(start=naive)) == [("A04", "/expected_end")]


def test_minutes_are_whole_in_utc_not_in_an_odd_zone() -> None:
    odd = timezone(timedelta(seconds=30))
    start = minutes(60).astimezone(odd)

    assert start.second == 30
    assert faults(make_limit(AvailablePower(Interval(start, minutes(120)), Decimal(1)))) == []
    assert faults(make_limit(AvailablePower(Interval(start.replace(second=0), minutes(120)), Decimal(1)))) == [
        ("A04", "/available/0/start")
    ]


def test_intervals_that_touch_do_not_overlap() -> None:
    """LIM-INT."""
    assert faults(make_limit(make_slot(60, 120), make_slot(0, 60))) == []


def test_every_interval_inside_an_earlier_long_one_is_named_not_only_its_neighbour() -> None:
    limit = make_limit(make_slot(300, 400), make_slot(0, 100), make_slot(10, 20), make_slot(30, 40))

    assert faults(limit) == [("A04", "/available/2"), ("A04", "/available/3")]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=8))
def test_overlap_is_found_exactly_if_some_minute_is_covered_twice(starts_and_lengths: list[tuple[int, int]]) -> None:
    """LIM-INT."""
    covered = [minute for start, length in starts_and_lengths for minute in range(start, start + length)]

    findings = faults(make_limit(*(make_slot(start, start + length) for start, length in starts_and_lengths)))

    assert bool(findings) == (len(covered) != len(set(covered)))


@pytest.mark.parametrize(("power_kw", "code"), [("-1", "A46"), ("0.0001", "A42"), ("NaN", "A42"), ("1E+99999", "A42")])
def test_a_bad_power_is_named_with_its_interval(power_kw: str, code: str) -> None:
    """UNI-NEG."""
    assert faults(make_limit(make_slot(), make_slot(120, 180, power_kw))) == [(code, "/available/1/power_kw")]


def test_all_faults_are_named_at_once() -> None:
    limit = make_limit(make_slot(60, 60, "-1"), asset_ids=(GSRN, GSRN), reason="x" * 513)

    assert faults(limit) == [
        ("A55", "/asset_ids/1"),
        ("A59", "/reason/text"),
        ("A04", "/available/0/end"),
        ("A46", "/available/0/power_kw"),
    ]


@pytest.mark.parametrize("text", ["x" * 513, "bell\x07", "half\ud800"])
def test_a_reason_that_cannot_travel_is_refused(text: str) -> None:
    assert faults(make_limit(reason=text)) == [("A59", "/reason/text")]


@pytest.mark.parametrize("text", [None, "", "x" * 512, "Kabel over\nto dage\t(Ålborg)"])
def test_a_reason_of_some_lines_is_in_order(text: str | None) -> None:
    assert faults(make_limit(reason=text)) == []


def test_a_limit_is_put_in_order_and_its_period_runs_from_first_start_to_last_end() -> None:
    limit = make_limit(make_slot(180, 240), make_slot(0, 60))

    assert in_order(limit).available == (make_slot(0, 60), make_slot(180, 240))
    assert limit.period == in_order(limit).period == Interval(minutes(0), minutes(240))


def test_an_emergency_with_an_end_ahead_is_in_order() -> None:
    assert faults(make_emergency()) == []


@pytest.mark.parametrize("end", [0, -5])
def test_an_emergency_whose_end_is_not_ahead_is_refused(end: int) -> None:
    assert faults(make_emergency(start=minutes(-10), expected_end=minutes(end))) == [("A57", "/expected_end")]


def test_an_emergency_ends_after_it_starts() -> None:
    assert faults(make_emergency(start=minutes(45), expected_end=minutes(45))) == [("A04", "/expected_end")]


def test_an_emergency_names_its_assets_once_each() -> None:
    assert faults(make_emergency(asset_ids=())) == [("A69", "/asset_ids")]
    assert faults(make_emergency(asset_ids=(GSRN, GSRN))) == [("A55", "/asset_ids/1")]


@pytest.mark.parametrize("created", [-15, 0, 2])
def test_an_emergency_up_to_15_minutes_old_or_2_minutes_early_is_fresh(created: int) -> None:
    assert check_emergency_age(minutes(created), NOW) == []


@pytest.mark.parametrize("created", [-15.01, 2.01])
def test_a_stale_or_early_emergency_is_refused(created: float) -> None:
    """EMG-AGE."""
    assert [finding.code for finding in check_emergency_age(minutes(created), NOW)] == ["A57"]


def test_the_age_can_be_configured_and_is_told() -> None:
    (finding,) = check_emergency_age(minutes(-5), NOW, max_age=timedelta(minutes=4.5))

    assert finding.detail == "the signal is older than 4.5 minutes"
