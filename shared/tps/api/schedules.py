"""Schedules of the REST contract (F8, F9): request bodies and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tps.api.bodies import WHILE_FEW_ERRORS, Body, Some
from tps.api.types import Id, Ids, Moment, Power, canonical_power, moment_json, number_json
from tps.domain.schedule import Schedule, schedule_of

MAX_VALUES = 999_999
"""Highest position in an IEC document."""


class ScheduleBody(Body):
    """A schedule: the mean power of consecutive intervals, production positive."""

    asset_id: Id
    start: Moment
    resolution: str
    power_kw: Annotated[list[Annotated[Power, WHILE_FEW_ERRORS]], Field(min_length=1, max_length=MAX_VALUES)]

    def to_domain(self) -> Schedule:
        return schedule_of(
            self.asset_id, self.start, self.resolution, [canonical_power(power_kw) for power_kw in self.power_kw]
        )


class SchedulesBody(Body):
    schedules: Some[ScheduleBody]


class ScheduleQueryBody(Body):
    """The schedules that a DSO requests; `to` is excluded."""

    asset_ids: Ids
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


def schedule_json(schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as JSON, with the power of every interval."""
    return {
        "asset_id": schedule.asset_id,
        "start": moment_json(schedule.start),
        "resolution": schedule.resolution,
        "power_kw": [number_json(power_kw) for power_kw in schedule.power_kw],
    }
