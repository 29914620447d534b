"""Operational schedules: the plan of an asset, and the rules for it, independent of the sender.

A power is the mean over its interval. Positive is production, negative is consumption. A missing plan means that the
power is unknown, never that it is zero.

Source: docs/requirements.md, F8 and F9; docs/semantics.md, "Schedules".
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, repeat

from tps.domain.identifiers import asset_id_findings, canonical_asset_id
from tps.domain.limit import Interval
from tps.domain.power import is_whole_watts
from tps.errors import Finding

RESOLUTIONS = {
    "PT1M": timedelta(minutes=1),
    "PT5M": timedelta(minutes=5),
    "PT10M": timedelta(minutes=10),
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT60M": timedelta(minutes=60),
}
"""Sorted from the finest to the coarsest. `schedule_of` reads `PT1H` as `PT60M`."""
MAX_LENGTH = timedelta(minutes=999_999)
"""694 days. A position in a document then has at most six digits, even if the schedule is split into minutes."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_SPELLINGS = {"PT1H": "PT60M"}
_MINUTE = timedelta(minutes=1)

Maxima = tuple[Decimal | None, Decimal | None]
"""An asset's registered maximum production and consumption in kW, each >= 0. None means no capability."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One asset's plan over one period without gaps, stored as its levels between changes. `schedule_of` creates it.

    Attributes:
        asset_id: Canonical.
        start: Aware UTC, whole minutes.
        resolution: A key of `RESOLUTIONS`.
        interval_count: At least 1.
        change_indexes: The index of the interval at which each level begins, ascending from 0.
        levels_kw: One level for each change. Neighbours differ. At most three decimals, production positive.
    """

    asset_id: str
    start: datetime
    resolution: str
    interval_count: int
    change_indexes: tuple[int, ...]
    levels_kw: tuple[Decimal, ...]

    @property
    def step(self) -> timedelta:
        """Return the length of one interval."""
        return RESOLUTIONS[self.resolution]

    @property
    def period(self) -> Interval:
        """Return the interval from the start of the first interval to the end of the last."""
        return Interval(self.start, self.start + self.interval_count * self.step)

    @property
    def power_kw(self) -> tuple[Decimal, ...]:
        """Return the power of every interval, in order."""
        lengths = (after - before for before, after in pairwise((*self.change_indexes, self.interval_count)))
        return tuple(
            power_kw
            for level_kw, length in zip(self.levels_kw, lengths, strict=True)
            for power_kw in repeat(level_kw, length)
        )


def schedule_of(asset_id: str, start: datetime, resolution: str, power_kw: Sequence[Decimal]) -> Schedule:
    """Return a schedule from the power of every interval, as sent. `check_schedules` reports its faults."""
    head = Schedule(asset_id, start, resolution, len(power_kw), (), ())
    return with_levels(head, range(len(power_kw)), power_kw)


def with_levels(head: Schedule, change_indexes: Sequence[int], levels_kw: Sequence[Decimal]) -> Schedule:
    """Return the schedule with these levels.

    Equal neighbours are merged, and id, time and resolution become canonical.
    """
    kept = [0, *(index for index, (before, after) in enumerate(pairwise(levels_kw), 1) if before != after)]
    kept = kept if levels_kw else []
    return replace(
        head,
        asset_id=canonical_asset_id(head.asset_id),
        start=head.start if _start_fault(head.start) else head.start.astimezone(UTC),
        resolution=_SPELLINGS.get(head.resolution, head.resolution),
        change_indexes=tuple(change_indexes[index] for index in kept),
        levels_kw=tuple(levels_kw[index] for index in kept),
    )


def check_schedules(
    schedules: Sequence[Schedule], maxima_of: Mapping[str, Maxima] | None, now: datetime
) -> list[Finding]:
    """Return all faults of the schedules in one request, in linear time, at most one finding per kind and schedule.

    An asset may appear several times in one request, for example around a gap, if the times do not overlap. Two
    schedules of an asset over the same time are both refused (A55), because neither is the later one. A refusal
    covers an asset: all schedules of the asset in this request are refused together.

    Args:
        schedules: As sent, in the order of the body.
        maxima_of: By canonical asset id, for all assets that the sender has registered, in any state. None if the
            registered assets are not known. Then neither A64 nor the maxima are checked.
        now: Aware UTC.

    Returns:
        Findings in the order of the schedules. Pointers are those of the REST body, the subject is the asset id:
        `check_digit` (id), A69 (no power), A41 (resolution), A04 (zone, whole minutes, years, length), A57 (entirely in
        the past), A42 (finer than a watt, above the maximum of its sign), A64 (not registered by the sender), A55.

    Source: docs/requirements.md, F8; docs/semantics.md, "Schedules".
    """
    findings: list[Finding] = []
    judgeable: list[int] = []
    for index, schedule in enumerate(schedules):
        pointer = f"/schedules/{index}"
        time_findings = list(_time_findings(schedule, pointer, now))
        if not any(finding.code in ("A41", "A04", "A69") for finding in time_findings):
            judgeable.append(index)
        schedule_findings = [
            *asset_id_findings(schedule.asset_id, f"{pointer}/asset_id"),
            *time_findings,
            *_power_findings(schedule, pointer, maxima_of),
        ]
        findings += [replace(finding, subject=schedule.asset_id) for finding in schedule_findings]
    return [*findings, *_overlap_findings(schedules, judgeable)]


def check_revision(asset_ids: Iterable[str], earlier_asset_ids: Iterable[str]) -> list[Finding]:
    """Return a finding (A52) for each asset that a revision omits. A revision must cancel the series of such an asset.

    Args:
        asset_ids: Canonical ids of all series of the revision, including the cancelled series.
        earlier_asset_ids: Ids in force from the previous revision, without refused and cancelled series.
    """
    missing = set(earlier_asset_ids).difference(asset_ids)
    detail = "the previous revision contains this asset; plan it or cancel it in this revision"
    return [Finding("A52", "/schedules", detail, asset_id) for asset_id in sorted(missing)]


def part_within(schedule: Schedule, interval: Interval) -> Schedule | None:
    """Return the part of a schedule within an interval of whole minutes, or None if there is no such part.

    If the interval cuts an interval of the schedule, the power is assumed to hold throughout. The part gets the
    coarsest resolution that fits.
    """
    whole = schedule.period
    start, end = max(whole.start, interval.start), min(whole.end, interval.end)
    if start >= end:
        return None
    if (start, end) == (whole.start, whole.end):
        return schedule
    resolution = _resolution_for(schedule, start, end)
    step = RESOLUTIONS[resolution]
    factor, offset, count = schedule.step // step, (start - whole.start) // step, (end - start) // step
    changes = [index * factor - offset for index in schedule.change_indexes]
    first, last = bisect_right(changes, 0) - 1, bisect_left(changes, count)
    return Schedule(
        asset_id=schedule.asset_id,
        start=start,
        resolution=resolution,
        interval_count=count,
        change_indexes=(0, *changes[first + 1 : last]),
        levels_kw=schedule.levels_kw[first:last],
    )


def _time_findings(schedule: Schedule, pointer: str, now: datetime) -> Iterator[Finding]:
    if not schedule.interval_count:
        yield Finding("A69", f"{pointer}/power_kw", "must contain at least one power")
    if schedule.resolution not in RESOLUTIONS:
        yield Finding("A41", f"{pointer}/resolution", f"resolution must be one of {', '.join(RESOLUTIONS)}")
    fault = _start_fault(schedule.start) or _length_fault(schedule)
    if fault:
        yield Finding("A04", f"{pointer}/start", fault)
    elif schedule.resolution in RESOLUTIONS and schedule.period.end <= now:
        yield Finding("A57", f"{pointer}/start", "the schedule has already ended")


def _start_fault(start: datetime) -> str:
    if start.utcoffset() is None:
        return "the time must have a zone (Z or an offset)"
    if not EARLIEST <= start < LATEST:
        return "the schedule must lie in the years 2000 to 2099"
    return "the time must be a whole minute" if (start - EARLIEST) % _MINUTE else ""


def _length_fault(schedule: Schedule) -> str:
    step = RESOLUTIONS.get(schedule.resolution, _MINUTE)
    if schedule.interval_count > MAX_LENGTH // step:
        return f"the schedule must not be longer than {MAX_LENGTH.days} days"
    ends_in_range = schedule.start + schedule.interval_count * step < LATEST
    return "" if ends_in_range else "the schedule must lie in the years 2000 to 2099"


def _power_findings(schedule: Schedule, pointer: str, maxima_of: Mapping[str, Maxima] | None) -> Iterator[Finding]:
    for index, level_kw in _changes(schedule):
        if not is_whole_watts(level_kw):
            detail = "power must be a multiple of 0.001 kW and at most 1,000,000,000 kW"
            yield Finding("A42", f"{pointer}/power_kw/{index}", detail)
            return
    maxima = (None, None) if maxima_of is None else maxima_of.get(schedule.asset_id)
    if maxima is None:
        yield Finding("A64", f"{pointer}/asset_id", "you have not registered this asset")
    elif maxima_of is not None and schedule.levels_kw:
        yield from _maximum_findings(schedule, pointer, maxima)


def _maximum_findings(schedule: Schedule, pointer: str, maxima: Maxima) -> Iterator[Finding]:
    production_kw, consumption_kw = (maximum_kw or Decimal(0) for maximum_kw in maxima)
    if max(schedule.levels_kw) > production_kw:
        beyond = (index for index, level_kw in _changes(schedule) if level_kw > production_kw)
        detail = "power exceeds the registered maximum production; check that the unit is kW"
        yield Finding("A42", f"{pointer}/power_kw/{next(beyond)}", detail)
    if -min(schedule.levels_kw) > consumption_kw:
        beyond = (index for index, level_kw in _changes(schedule) if -level_kw > consumption_kw)
        detail = "power exceeds the registered maximum consumption; check that the unit is kW"
        yield Finding("A42", f"{pointer}/power_kw/{next(beyond)}", detail)


def _changes(schedule: Schedule) -> Iterator[tuple[int, Decimal]]:
    return zip(schedule.change_indexes, schedule.levels_kw, strict=True)


def _overlap_findings(schedules: Sequence[Schedule], indexes: Sequence[int]) -> Iterator[Finding]:
    order = sorted(indexes, key=lambda index: (schedules[index].asset_id, schedules[index].start, index))
    latest: dict[str, int] = {}
    for index in order:
        schedule = schedules[index]
        before = latest.setdefault(schedule.asset_id, index)
        if before == index:
            continue
        if schedule.start < schedules[before].period.end:
            detail = f"schedule {before} covers the same asset and time; send only one of the two"
            yield Finding("A55", f"/schedules/{index}/asset_id", detail, schedule.asset_id)
        if schedule.period.end > schedules[before].period.end:
            latest[schedule.asset_id] = index


def _resolution_for(schedule: Schedule, start: datetime, end: datetime) -> str:
    """Return the coarsest resolution that divides the schedule's own resolution and the cut at either end."""
    lengths = (schedule.step, start - schedule.start, end - start)
    fitting = (name for name, step in RESOLUTIONS.items() if not any(length % step for length in lengths))
    return max(fitting, key=RESOLUTIONS.__getitem__)
