"""Test schedules: faults, the planned power at each minute, and parts of a schedule."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import EIC, GSRN, NOW, OTHER_GSRN, minutes
from tests.support.growth import grows_at_most_linearly
from tps.domain.limit import Interval
from tps.domain.schedule import (
    RESOLUTIONS,
    Maxima,
    Schedule,
    check_revision,
    check_schedules,
    part_within,
    schedule_of,
)

KW_11 = Decimal(11)
MAXIMA: dict[str, Maxima] = {GSRN: (KW_11, KW_11), OTHER_GSRN: (KW_11, None)}


def make_schedule(
    *powers_kw: str, asset_id: str = GSRN, start: datetime | None = None, resolution: str = "PT15M"
) -> Schedule:
    """Return a schedule that starts in one hour and has one quarter-hour with 5 kW by default."""
    powers = [Decimal(power) for power in powers_kw or ("5",)]
    return schedule_of(asset_id, start or minutes(60), resolution, powers)


def check(*schedules: Schedule, now: datetime = NOW) -> list[tuple[str, str, str | None]]:
    findings = check_schedules(schedules, MAXIMA, now)
    return [(finding.code, finding.pointer, finding.subject) for finding in findings]


def by_minute(*schedules: Schedule) -> dict[datetime, Decimal]:
    """Return the power of every minute, computed independently of the code under test."""
    read: dict[datetime, Decimal] = {}
    for schedule in schedules:
        length = int(schedule.step / timedelta(minutes=1))
        for index, power_kw in enumerate(schedule.power_kw):
            for minute in range(length):
                moment = schedule.start + timedelta(minutes=index * length + minute)
                assert moment not in read
                read[moment] = power_kw
    return read


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Draw a schedule within some hours of NOW with few distinct powers, so that neighbours are often equal."""
    powers = draw(st.lists(st.sampled_from(["0", "5", "-5", "0.001"]), min_size=1, max_size=12))
    start = minutes(draw(st.integers(-200, 200)))
    return make_schedule(*powers, start=start, resolution=draw(st.sampled_from(list(RESOLUTIONS))))


@given(powers=st.lists(st.integers(-3, 3).map(Decimal), max_size=100))
def test_a_schedule_tells_the_powers_it_was_made_of(powers: list[Decimal]) -> None:
    schedule = schedule_of(GSRN, NOW, "PT5M", powers)

    assert tuple(powers) == schedule.power_kw
    assert all(before != after for before, after in zip(schedule.levels_kw, schedule.levels_kw[1:], strict=False))


def test_an_hour_an_offset_and_a_prefix_have_one_spelling() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=2)))

    schedule = schedule_of(f"A10:{GSRN}", local, "PT1H", [KW_11])

    assert schedule == make_schedule("11", start=NOW, resolution="PT60M")
    assert schedule.start.tzinfo is UTC


@pytest.mark.parametrize(("offset", "day", "quarters"), [((1, 2), (3, 29), 92), ((2, 1), (10, 25), 100)])
def test_a_day_by_local_offsets_has_as_many_quarters_as_it_is_long(
    offset: tuple[int, int], day: tuple[int, int], quarters: int
) -> None:
    before, after = (timezone(timedelta(hours=hours)) for hours in offset)
    start = datetime(2026, *day, tzinfo=before)
    end = datetime(2026, *day, tzinfo=after) + timedelta(days=1)

    schedule = make_schedule(*["1"] * quarters, start=start)

    assert Interval(start, end) == schedule.period


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_good_schedule_passes_in_every_resolution(resolution: str) -> None:
    assert not check(make_schedule("11", "-11", "0", resolution=resolution))


FAULTS = {
    "a wrong check digit": (make_schedule(asset_id=GSRN[:-1] + "8"), {"check_digit", "A64"}, "asset_id"),
    "not the sender's": (make_schedule(asset_id=EIC), {"A64"}, "asset_id"),
    "a day": (make_schedule(resolution="P1D"), {"A41"}, "resolution"),
    "twenty minutes": (make_schedule(resolution="PT20M"), {"A41"}, "resolution"),
    "a time without zone": (make_schedule(start=NOW.replace(tzinfo=None)), {"A04"}, "start"),
    "seconds": (make_schedule(start=minutes(60.5)), {"A04"}, "start"),
    "a year that documents do not have": (make_schedule(start=datetime(2100, 1, 1, tzinfo=UTC)), {"A04"}, "start"),
    "the end of all time": (
        make_schedule(start=datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-5)))), {"A04"}, "start",
    ),
    "an end in 2100": (make_schedule(start=datetime(2099, 12, 31, 23, 45, tzinfo=UTC)), {"A04"}, "start"),
    "two years of hours": (make_schedule(*["1"] * 17_000, resolution="PT60M"), {"A04"}, "start"),
    "over by now": (make_schedule(start=minutes(-15)), {"A57"}, "start"),
    "finer than a watt": (make_schedule("1", "1", "0.0001"), {"A42"}, "power_kw/2"),
    "no number": (make_schedule("1", "NaN"), {"A42"}, "power_kw/1"),
    "watts for kilowatts": (make_schedule("1", "11", "11000"), {"A42"}, "power_kw/2"),
    "a watt too much": (make_schedule("11.001"), {"A42"}, "power_kw/0"),
    "a watt of consumption too much": (make_schedule("0", "-11.001"), {"A42"}, "power_kw/1"),
    "consumption of what cannot": (make_schedule("0", "-1", asset_id=OTHER_GSRN), {"A42"}, "power_kw/1"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "codes", "field"), [pytest.param(*fault, id=name) for name, fault in FAULTS.items()]
)
def test_a_fault_is_named_with_field_and_asset(schedule: Schedule, codes: set[str], field: str) -> None:
    """UNI-SGN."""
    findings = check(make_schedule(asset_id=OTHER_GSRN, start=minutes(600)), schedule)

    assert codes == {code for code, _, _ in findings}
    assert {(f"/schedules/1/{field}", schedule.asset_id)} == {finding[1:] for finding in findings}


def test_a_schedule_without_powers_is_missing_something() -> None:
    assert check(schedule_of(GSRN, minutes(60), "PT15M", [])) == [("A69", "/schedules/0/power_kw", GSRN)]


def test_a_schedule_that_is_not_over_yet_is_accepted() -> None:
    assert not check(make_schedule(start=minutes(-14)))


def test_a_hundred_bad_powers_are_one_finding() -> None:
    assert check(make_schedule(*[str(kw) for kw in range(12, 112)])) == [("A42", "/schedules/0/power_kw/0", GSRN)]


def test_without_a_registry_maxima_and_owners_are_not_judged() -> None:
    assert not check_schedules([make_schedule("11000", asset_id=EIC)], None, NOW)


def test_an_asset_may_stand_twice_for_times_that_do_not_overlap() -> None:
    later = make_schedule(start=minutes(75))

    assert not check(later, make_schedule(), make_schedule(asset_id=OTHER_GSRN))


def test_an_asset_twice_for_the_same_time_is_refused_wherever_it_stands() -> None:
    long = make_schedule(*["1"] * 8, start=minutes(60))
    within = make_schedule(start=minutes(75))
    also_within = make_schedule(start=minutes(120))

    assert sorted(check(within, long, also_within)) == [
        ("A55", "/schedules/0/asset_id", GSRN),
        ("A55", "/schedules/2/asset_id", GSRN),
    ]


def test_a_revision_must_name_every_asset_of_the_one_before() -> None:
    findings = check_revision([GSRN], [OTHER_GSRN, GSRN])

    assert [(finding.code, finding.subject) for finding in findings] == [("A52", OTHER_GSRN)]
    assert not check_revision([GSRN, OTHER_GSRN], [GSRN])


@given(schedule=schedules(), start=st.integers(-300, 900), length=st.integers(0, 900))
def test_a_part_plans_what_the_whole_plans_in_that_time(schedule: Schedule, start: int, length: int) -> None:
    interval = Interval(minutes(start), minutes(start + length))

    part = part_within(schedule, interval)

    expected = {at: kw for at, kw in by_minute(schedule).items() if interval.start <= at < interval.end}
    assert expected == (by_minute(part) if part else {})
    assert part is None or part == schedule_of(GSRN, part.start, part.resolution, part.power_kw)


def test_a_cut_through_an_interval_takes_the_coarsest_resolution_that_fits() -> None:
    hours = make_schedule("4", "6", start=minutes(0), resolution="PT60M")

    part = part_within(hours, Interval(minutes(45), minutes(120)))

    assert part == make_schedule("4", "6", "6", "6", "6", start=minutes(45), resolution="PT15M")


def test_a_day_of_quarters_of_2000_assets_is_checked_in_linear_time() -> None:
    """The schedules hold 192,000 powers, and neighbours always differ. The measured time is 0.1 s."""
    powers = [Decimal(number) / 1000 for number in range(96)]

    def make(count: int) -> Callable[[], object]:
        ids = [f"NDK:{number}" for number in range(count)]
        made = [schedule_of(asset_id, minutes(60), "PT15M", powers) for asset_id in ids]
        return lambda: check_schedules(made, dict.fromkeys(ids, (KW_11, KW_11)), NOW)

    assert not make(2000)()
    assert grows_at_most_linearly(make, 500)
