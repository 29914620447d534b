"""Operational schedules (F8, F9), and days with 92, 96 or 100 quarter hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tps.client.outcome import Rejected
from tps.client.wire import aware, exact_kw, read_moment

RESOLUTIONS = {
    "PT1M": timedelta(minutes=1),
    "PT5M": timedelta(minutes=5),
    "PT10M": timedelta(minutes=10),
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT60M": timedelta(minutes=60),
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """The planned power of one asset: the mean power of consecutive intervals, + production, - consumption.

    Attributes:
        start: Aware, whole minutes; UTC inside.
        power_kw: Mean power of each interval from `start`, with at most three decimals.
        resolution: Length of an interval, a key of `RESOLUTIONS`.
    """

    asset_id: str
    start: datetime
    power_kw: tuple[Decimal, ...]
    resolution: str = "PT15M"

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", aware(self.start))
        object.__setattr__(self, "power_kw", tuple(exact_kw(power_kw) for power_kw in self.power_kw))

    @property
    def end(self) -> datetime:
        """Return the end of the last interval."""
        return self.start + len(self.power_kw) * RESOLUTIONS[self.resolution]

    def to_json(self) -> dict[str, Any]:
        """Return the schedule as JSON."""
        return {
            "asset_id": self.asset_id,
            "start": self.start,
            "resolution": self.resolution,
            "power_kw": self.power_kw,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Schedule:
        powers_kw = tuple(Decimal(power_kw) for power_kw in body["power_kw"])
        return cls(body["asset_id"], read_moment(body["start"]), powers_kw, body["resolution"])


@dataclass(frozen=True, slots=True)
class Day:
    """A day in a time zone: 23 hours long when clocks go forward, 25 hours when they go back."""

    date: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """Return the start of the day, in UTC."""
        return datetime.combine(self.date, time(), self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """Return the start of the next day, in UTC."""
        return datetime.combine(self.date + timedelta(days=1), time(), self.zone).astimezone(UTC)

    def interval_count(self, resolution: str = "PT15M") -> int:
        """Return the number of intervals: 92, 96 or 100 quarter hours."""
        return (self.end - self.start) // RESOLUTIONS[resolution]

    def starts(self, resolution: str = "PT15M") -> Iterator[datetime]:
        """Yield the local start of every interval. When clocks go back, 02:00 comes twice (`fold`)."""
        for index in range(self.interval_count(resolution)):
            yield (self.start + index * RESOLUTIONS[resolution]).astimezone(self.zone)

    def schedule(self, asset_id: str, power_kw: Sequence[Decimal], resolution: str = "PT15M") -> Schedule:
        """Return the schedule of one asset for this day.

        Raises:
            ValueError: The number of powers is not the number of intervals of the day.
        """
        count = self.interval_count(resolution)
        if len(power_kw) != count:
            raise ValueError(f"{self.date} has {count} intervals of {resolution} in {self.zone}, not {len(power_kw)}")
        return Schedule(asset_id, self.start, tuple(power_kw), resolution)


def day_in(zone: str, day: date) -> Day:
    """Return a day in a time zone of the IANA database, such as `day_in("Europe/Copenhagen", date(2026, 3, 29))`."""
    return Day(day, ZoneInfo(zone))


@dataclass(frozen=True, slots=True)
class ScheduleList:
    """Schedules of assets in a DSO's grid, and when the platform made the list. No schedule means unknown, not zero."""

    schedules: tuple[Schedule, ...]
    as_of: datetime

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ScheduleList:
        return cls(tuple(Schedule.from_json(item) for item in body["schedules"]), read_moment(body["as_of"]))


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """A half-open period in which an asset has no schedule any more."""

    asset_id: str
    start: datetime
    end: datetime

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> PlanEnd:
        return cls(body["asset_id"], read_moment(body["start"]), read_moment(body["end"]))


@dataclass(frozen=True, slots=True)
class ScheduleBatch:
    """Changed schedules, periods without a schedule any more, and the cursor for the next call."""

    schedules: tuple[Schedule, ...]
    cancelled: tuple[PlanEnd, ...]
    cursor: str

    def __bool__(self) -> bool:
        return bool(self.schedules or self.cancelled)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ScheduleBatch:
        schedules = tuple(Schedule.from_json(item) for item in body["schedules"])
        return cls(schedules, tuple(PlanEnd.from_json(item) for item in body.get("cancelled", ())), body["cursor"])


@dataclass(frozen=True, slots=True)
class SentSchedules:
    """Schedules that an operator sent in one request, with their outcome.

    Attributes:
        status: `pending`, `accepted`, `partly_accepted`, `refused`, `failed` or `cancelled`.
        rejected: With `partly_accepted`: the assets that were not accepted.
    """

    id: str
    revision: int
    status: str
    message_id: str
    sent_at: datetime
    schedules: tuple[Schedule, ...]
    rejected: tuple[Rejected, ...] = ()

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> SentSchedules:
        return cls(
            id=body["id"],
            revision=body["revision"],
            status=body["status"],
            message_id=body["message_id"],
            sent_at=read_moment(body["sent_at"]),
            schedules=tuple(Schedule.from_json(item) for item in body["schedules"]),
            rejected=tuple(Rejected.from_json(item) for item in body.get("rejected", ())),
        )
