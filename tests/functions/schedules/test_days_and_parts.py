"""Schedules between REST and documents (F8, F9): days of any length, sizes of documents, assets that a change omits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tps.api.bodies import read_body
from tps.api.schedules import SchedulesBody, schedule_json
from tps.documents import Header, Role, ScheduleDocument, decode, encode, generation_load
from tps.documents.generation_load import fits, split
from tps.domain.limit import Interval
from tps.domain.plan import hull
from tps.domain.schedule import Schedule, schedule_of
from tps.host.http import to_json
from tps.operator.schedule_outcome import asset_ids_so_far
from tps.operator.schedules import SentSchedule

ASSETS = ("571313190000000011", "571313190000000028", "571313190000000035")
START = datetime(2026, 4, 3, 22, tzinfo=UTC)
DAY = Interval(START, START + timedelta(days=1))
HEADER = Header("D", START, "5790000000012", Role.AGR, "5790000000029", Role.TPS)


@pytest.mark.parametrize(
    ("start", "end", "quarters"),
    [
        ("2026-03-29T00:00:00+01:00", "2026-03-29T22:00:00Z", 92),
        ("2026-10-25T00:00:00+02:00", "2026-10-25T23:00:00Z", 100),
        ("2026-06-01T00:00:00+02:00", "2026-06-01T22:00:00Z", 96),
    ],
)
def test_a_copenhagen_day_is_the_same_on_the_other_side(start: str, end: str, quarters: int) -> None:
    """Sent with local offsets, converted to UTC in the document, and read back from midnight to midnight."""
    sent = {"asset_id": ASSETS[0], "start": start, "resolution": "PT15M", "power_kw": list(range(quarters))}
    (schedule,) = read_body(SchedulesBody, to_json({"schedules": [sent]}).encode()).schedules
    planned = schedule.to_domain()

    received = decode(encode(ScheduleDocument(HEADER, 1, planned.period, (planned,))))

    assert isinstance(received, ScheduleDocument)
    assert received.period.end == datetime.fromisoformat(end)
    utc = datetime.fromisoformat(start).astimezone(UTC).isoformat().replace("+00:00", "Z")
    assert [schedule_json(each) for each in received.schedules] == [{**sent, "start": utc}]


def planned(asset_id: str, levels: int, start: datetime = START) -> Schedule:
    return schedule_of(asset_id, start, "PT1M", [Decimal(number) for number in range(levels)])


def test_a_small_plan_is_one_document_with_what_is_not_planned_cancelled() -> None:
    schedules = [planned(ASSETS[0], 5), planned(ASSETS[2], 5)]

    (share,) = split(ASSETS, schedules, DAY)

    assert (share.period, share.schedules, share.cancelled_asset_ids) == (DAY, schedules, [ASSETS[1]])
    assert fits(schedules, len(ASSETS))


def test_a_large_plan_is_cut_between_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation_load, "_ROOMY_MARKUP", 100)
    schedules = [planned(asset_id, 5) for asset_id in ASSETS]

    shares = split(reversed(ASSETS), schedules, DAY)

    assert [share.schedules for share in shares] == [[schedule] for schedule in schedules]
    assert {share.period for share in shares} == {DAY}


def test_what_one_asset_has_beyond_a_document_is_cut_in_time_and_every_moment_is_spoken_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation_load, "_ROOMY_MARKUP", 200)
    schedules = [planned(ASSETS[0], 100)]

    shares = split(ASSETS[:2], schedules, DAY)

    powers = [power_kw for share in shares for schedule in share.schedules for power_kw in schedule.power_kw]
    periods = sorted({share.period for share in shares}, key=lambda period: period.start)
    assert powers == list(schedules[0].power_kw)
    assert all(before.end == after.start for before, after in pairwise(periods))
    assert hull(periods) == DAY
    assert all(len(one.levels_kw) <= 28 for share in shares for one in share.schedules)


def sent(revision: int, *asset_ids: str, status: str = "accepted", cancelled: tuple[str, ...] = ()) -> SentSchedule:
    names = tuple(sorted({*asset_ids, *cancelled}))
    return SentSchedule("D", revision, f"M{revision}", START, DAY, names, cancelled, status=status)


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        ([], ""),
        ([sent(1, "A", "B")], "AB"),
        ([sent(1, "A", "B"), sent(2, "A", cancelled=("B",))], "A"),
        ([sent(1, "A", "B"), sent(2, "C", cancelled=("A", "B"), status="pending")], "ABC"),
        ([sent(1, "A"), sent(2, "C", status="refused"), sent(3, "D", status="failed")], "A"),
        ([sent(1, "A", status="pending"), sent(2, "B", cancelled=("A",), status="partly_accepted")], "B"),
    ],
)
def test_a_change_drops_what_may_stand_so_far(revisions: list[SentSchedule], expected: str) -> None:
    assert asset_ids_so_far(revisions) == set(expected)


def test_a_revision_stands_unless_it_was_refused_or_failed() -> None:
    first = sent(1, "A", status="pending")

    assert [replace(first, status=status).is_standing for status in ("pending", "refused", "failed")] == [
        True,
        False,
        False,
    ]
    assert sent(2, cancelled=("A",)).is_cancellation
    assert not first.is_cancellation
