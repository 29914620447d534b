"""Plans are read from the place of their blocks: first the row, later the document store, or nowhere."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.endpoint.net import Net, at
from tests.endpoint.test_archiving import Memory
from tests.support.servers import OPERATOR
from tps.domain.limit import Interval
from tps.domain.plan import MANY_LEVELS
from tps.domain.schedule import Schedule, schedule_of
from tps.endpoint.archiving import VERIFY_AFTER
from tps.endpoint.endpoint import Endpoint
from tps.errors import StoreAway
from tps.host.services import utc_now
from tps.party import plan_blocks, plans
from tps.party.plan_archiving import archive_plans, remove_archived_plans
from tps.party.plan_reading import cut_to_blocks, read_plans

START = datetime(2099, 4, 10, 6, tzinfo=UTC)
IDS = ("571313190000000011", "571313190000000028")
DAY = Interval(START, START + timedelta(days=9))


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def platform(net: Net, memory: Memory) -> Endpoint:
    with net.platform.database.transaction() as tx:
        tx.execute("TRUNCATE plan_piece, plan_block")
    return dataclasses.replace(net.platform, documents=memory)  # type: ignore[arg-type]


def schedules() -> list[Schedule]:
    """Return one schedule with many levels over three days, and one with few levels."""
    long = [Decimal(number) for number in range(MANY_LEVELS + 50)]
    return [schedule_of(IDS[0], START, "PT15M", long), schedule_of(IDS[1], START, "PT15M", [Decimal(1), Decimal(2)])]


def kept(platform: Endpoint) -> None:
    pieces, blocks = cut_to_blocks(schedules(), {IDS[0]: "a grid"}, rank=1)
    with platform.database.transaction() as tx:
        plan_blocks.add_blocks(tx, blocks, platform.clock())
        plans.replace_pieces(tx, OPERATOR, [], pieces)


def read(platform: Endpoint, period: Interval = DAY) -> list[Schedule]:
    with platform.database.transaction() as tx:
        return read_plans(platform, tx, plans.pieces_within(tx, OPERATOR, IDS, period), period)


def test_plans_are_read_alike_before_and_after_they_went_to_the_document_store(
    platform: Endpoint, memory: Memory
) -> None:
    kept(platform)
    before = read(platform)

    archive_plans(platform)
    memory.is_away = True
    meanwhile = read(platform)
    memory.is_away = False
    gone = remove_archived_plans(at(platform, utc_now() + VERIFY_AFTER + timedelta(seconds=1)))

    assert before == meanwhile == read(platform) == schedules()
    assert gone == len(memory.kept) == 4
    assert all(key.startswith("plans/2099/04/1") for key in memory.kept)


def test_one_day_of_one_grid_is_read_without_the_blocks_of_others(platform: Endpoint, memory: Memory) -> None:
    kept(platform)
    archive_plans(platform)
    remove_archived_plans(at(platform, utc_now() + VERIFY_AFTER + timedelta(seconds=1)))
    asked: list[str] = []
    reading = memory.get
    memory.get = lambda key: asked.append(key) or reading(key)  # type: ignore[method-assign, func-returns-value]

    read(platform, Interval(START + timedelta(days=1), START + timedelta(days=1, hours=1)))

    assert len(asked) == 1


def test_a_document_store_that_is_away_is_told_and_a_lost_block_is_no_plan(platform: Endpoint, memory: Memory) -> None:
    kept(platform)
    archive_plans(platform)
    remove_archived_plans(at(platform, utc_now() + VERIFY_AFTER + timedelta(seconds=1)))
    memory.is_away = True

    with pytest.raises(StoreAway):
        read(platform)

    memory.is_away = False
    memory.kept.clear()
    assert read(platform) == []
