"""Operational schedules (F8, F9): what an asset plans, and the rules that hold for it whoever sends it.

A power is the mean over its interval: positive is production, negative consumption. No plan is unknown, never zero
(SEMANTICS, Schedules).
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
"""From the finest to the coarsest; `PT1H` is read as `PT60M` (`schedule_of`)."""
MAX_LENGTH = timedelta(minutes=999_999)
"""694 days: so that a schedule has a position of at most six digits in a document even when it is cut to minutes."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_SPELLINGS = {"PT1H": "PT60M"}
_MINUTE = timedelta(minutes=1)

Maxima = tuple[Decimal | None, Decimal | None]
"""An asset's registered maximum production and consumption in kW, each >= 0; None: it cannot."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One asset's plan over one period without gap, kept as the levels between its changes; made by `schedule_of`.

    Attributes:
        asset_id: Canonical.
        start: Aware UTC, whole minutes.
        resolution: A key of `RESOLUTIONS`.
        interval_count: At least 1.
        change_indexes: Ascending from 0: at which interval each level begins.
        levels_kw: One for each change; neighbours differ; at most three decimals; production positive.
    """

    asset_id: str
    start: datetime
    resolution: str
    interval_count: int
    change_indexes: tuple[int, ...]
    levels_kw: tuple[Decimal, ...]

    @property
    def step(self) -> timedelta:
        """The length of one interval."""
        return RESOLUTIONS[self.resolution]

    @property
    def period(self) -> Interval:
        """From the start of the first interval to the end of the last."""
        return Interval(self.start, self.start + self.interval_count * self.step)

    @property
    def power_kw(self) -> tuple[Decimal, ...]:
        """The power of every interval, in order: as long as the schedule is."""
        lengths = (after - before for before, after in pairwise((*self.change_indexes, self.interval_count)))
        return tuple(
            power_kw
            for level_kw, length in zip(self.levels_kw, lengths, strict=True)
            for power_kw in repeat(level_kw, length)
        )


def schedule_of(asset_id: str, start: datetime, resolution: str, power_kw: Sequence[Decimal]) -> Schedule:
    """A schedule from the power of every interval, as sent; `check_schedules` says what is wrong with it."""
    head = Schedule(asset_id, start, resolution, len(power_kw), (), ())
    return with_levels(head, range(len(power_kw)), power_kw)


def with_levels(head: Schedule, change_indexes: Sequence[int], levels_kw: Sequence[Decimal]) -> Schedule:
    """The schedule with these levels, equal neighbours merged, its id, time and resolution in their one spelling."""
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
    """Everything wrong with schedules sent in one call; linear time, one finding at most of a kind and schedule.

    An asset may stand in a call several times, for times that do not overlap: that is how a gap is sent. For two over
    the same time there is no later one, so both are refused (A55). Refusal is per asset: all of its schedules of the
    call are refused together.

    Args:
        schedules: As sent, in the order of the body.
        maxima_of: By canonical asset id, of all assets that the sender has registered, in whatever state; None where
            that is not known: then neither A64 nor the maxima are judged.
        now: Aware UTC.

    Returns:
        Findings in the order of the schedules, pointers as in the REST body, subject the asset's id: `check_digit`
        (id), A69 (no power), A41 (resolution), A04 (zone, whole minutes, years, length), A57 (wholly in the past),
        A42 (finer than a watt, beyond the maximum of its sign), A64 (not registered by the sender), A55.

    Source: F8; SEMANTICS, Schedules; INTERFACES, Errors.
    """
    findings: list[Finding] = []
    judgeable: list[int] = []
    for index, schedule in enumerate(schedules):
        pointer = f"/schedules/{index}"
        time_findings = list(_time_findings(schedule, pointer, now))
        if not any(finding.code in ("A41", "A04", "A69") for finding in time_findings):
            judgeable.append(index)
        found = [
            *asset_id_findings(schedule.asset_id, f"{pointer}/asset_id"),
            *time_findings,
            *_power_findings(schedule, pointer, maxima_of),
        ]
        findings += [replace(finding, subject=schedule.asset_id) for finding in found]
    return [*findings, *_overlap_findings(schedules, judgeable)]


def check_revision(asset_ids: Iterable[str], earlier_asset_ids: Iterable[str]) -> list[Finding]:
    """A revision that merely omits an asset of the one before is refused: it must cancel its series (A52).

    Args:
        asset_ids: Canonical ids of all series of the revision, the cancelled ones included.
        earlier_asset_ids: Those that stand by the revision before it, refused and cancelled ones left out.
    """
    missing = set(earlier_asset_ids).difference(asset_ids)
    detail = "in the revision before, and neither planned nor cancelled in this one"
    return [Finding("A52", "/schedules", detail, asset_id) for asset_id in sorted(missing)]


def part_within(schedule: Schedule, interval: Interval) -> Schedule | None:
    """The part of a schedule that lies in the interval, None if there is none; whole minutes.

    Where the interval cuts through one of the schedule's, its power is taken to hold throughout, and the part gets
    the coarsest resolution that fits.
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


def supersede(earlier: Schedule, later: Schedule) -> tuple[Schedule, ...]:
    """What still holds of a schedule when one of the same asset is accepted after it: at most two parts, in order."""
    covered = later.period
    before, after = Interval(EARLIEST, covered.start), Interval(covered.end, LATEST)
    parts = (part_within(earlier, before), part_within(earlier, after))
    return tuple(part for part in parts if part is not None)


def in_force(accepted: Iterable[Schedule]) -> list[Schedule]:
    """What holds of one asset's schedules, given in the order in which they were accepted: no overlap, by start."""
    standing: list[Schedule] = []
    for later in accepted:
        standing = [part for earlier in standing for part in supersede(earlier, later)]
        standing.append(later)
    return sorted(standing, key=lambda schedule: schedule.start)


def _time_findings(schedule: Schedule, pointer: str, now: datetime) -> Iterator[Finding]:
    if not schedule.interval_count:
        yield Finding("A69", f"{pointer}/power_kw", "at least one power")
    if schedule.resolution not in RESOLUTIONS:
        yield Finding("A41", f"{pointer}/resolution", f"resolutions are {', '.join(RESOLUTIONS)}")
    fault = _start_fault(schedule.start) or _length_fault(schedule)
    if fault:
        yield Finding("A04", f"{pointer}/start", fault)
    elif schedule.resolution in RESOLUTIONS and schedule.period.end <= now:
        yield Finding("A57", f"{pointer}/start", "wholly in the past")


def _start_fault(start: datetime) -> str:
    if start.utcoffset() is None:
        return "a time without zone"
    if not EARLIEST <= start < LATEST:
        return "years are 2000 to 2099"
    return "whole minutes only" if (start - EARLIEST) % _MINUTE else ""


def _length_fault(schedule: Schedule) -> str:
    step = RESOLUTIONS.get(schedule.resolution, _MINUTE)
    if schedule.interval_count > MAX_LENGTH // step:
        return f"longer than {MAX_LENGTH.days} days"
    return "" if schedule.start + schedule.interval_count * step < LATEST else "years are 2000 to 2099"


def _power_findings(schedule: Schedule, pointer: str, maxima_of: Mapping[str, Maxima] | None) -> Iterator[Finding]:
    for index, level_kw in _changes(schedule):
        if not is_whole_watts(level_kw):
            yield Finding("A42", f"{pointer}/power_kw/{index}", "finer than a watt, or beyond 1,000,000,000 kW")
            return
    maxima = (None, None) if maxima_of is None else maxima_of.get(schedule.asset_id)
    if maxima is None:
        yield Finding("A64", f"{pointer}/asset_id", "not an asset that you have registered")
    elif maxima_of is not None and schedule.levels_kw:
        yield from _maximum_findings(schedule, pointer, maxima)


def _maximum_findings(schedule: Schedule, pointer: str, maxima: Maxima) -> Iterator[Finding]:
    production_kw, consumption_kw = (maximum_kw or Decimal(0) for maximum_kw in maxima)
    if max(schedule.levels_kw) > production_kw:
        beyond = (index for index, level_kw in _changes(schedule) if level_kw > production_kw)
        detail = "beyond the registered maximum production; kW, not W?"
        yield Finding("A42", f"{pointer}/power_kw/{next(beyond)}", detail)
    if -min(schedule.levels_kw) > consumption_kw:
        beyond = (index for index, level_kw in _changes(schedule) if -level_kw > consumption_kw)
        detail = "beyond the registered maximum consumption; kW, not W?"
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
            detail = f"the same asset and time as schedule {before}"
            yield Finding("A55", f"/schedules/{index}/asset_id", detail, schedule.asset_id)
        if schedule.period.end > schedules[before].period.end:
            latest[schedule.asset_id] = index


def _resolution_for(schedule: Schedule, start: datetime, end: datetime) -> str:
    """The coarsest that divides the schedule's own, and what is cut off at either end."""
    lengths = (schedule.step, start - schedule.start, end - start)
    fitting = (name for name, step in RESOLUTIONS.items() if not any(length % step for length in lengths))
    return max(fitting, key=RESOLUTIONS.__getitem__)
