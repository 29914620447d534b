"""Blocks of plans: the power of many assets on one day, deflated, on their way into the document store.

A block holds what one document says of one day and one grid, as levels between changes and never point by point. Like
a document it lies in its row first, is copied to the document store, and is taken out of the row when the copy was
found whole (`tps.endpoint.archiving`). It is never changed.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tps.domain.power import from_watts, to_watts
from tps.domain.schedule import RESOLUTIONS, Schedule
from tps.domain.steps import Steps

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_ROWS = 100
_COLUMNS = "id, object_key AS key, content"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KeptBlock:
    """A block that still lies in its row; `content` is deflated, `key` is where it goes in the document store."""

    id: str
    key: str
    content: bytes


def new_block(block_id: str, schedules: Sequence[Schedule]) -> KeptBlock:
    """A block of schedules that begin on one day; there is at least one."""
    content = zlib.compress(json.dumps([_row(each) for each in schedules], separators=(",", ":")).encode(), 6)
    return KeptBlock(block_id, f"plans/{min(each.start for each in schedules):%Y/%m/%d}/{block_id}.json", content)


def schedules_of(content: bytes) -> list[Schedule]:
    """The schedules of a block, from its inflated content."""
    return [
        Schedule(
            asset_id, _EPOCH + start * _MINUTE, resolution, count, tuple(indexes), tuple(map(from_watts, levels_w))
        )
        for asset_id, start, resolution, count, indexes, levels_w in json.loads(content)
    ]


def steps_of(content: bytes) -> list[tuple[str, Steps]]:
    """The same as steps: asset ids, each with one plan of its asset. What changes alike shares its times."""
    shared: dict[tuple[object, ...], tuple[int, ...]] = {}
    found = []
    for asset_id, start, resolution, count, indexes, levels_w in json.loads(content):
        start_s, step_s = start * 60, int(RESOLUTIONS[resolution].total_seconds())
        key = (start_s, step_s, *indexes)
        starts_s = shared.get(key)
        if starts_s is None:
            starts_s = shared[key] = tuple(start_s + index * step_s for index in indexes)
        found.append((asset_id, Steps(starts_s, array("q", levels_w), start_s + count * step_s)))
    return found


def add_blocks(tx: Transaction, blocks: Sequence[KeptBlock], now: datetime) -> None:
    """Keep new blocks."""
    tx.execute(
        """INSERT INTO plan_block (id, object_key, created_at, content)
           SELECT id, key, %s, content FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS b(id, key, content)""",
        (now, [each.id for each in blocks], [each.key for each in blocks], [each.content for each in blocks]),
    )


def kept_blocks(tx: Transaction, ids: Iterable[str]) -> dict[str, tuple[bytes | None, str]]:
    """Of each of these blocks its content, deflated, as far as it still lies in its row, and the key of its copy."""
    rows = tx.execute(f"SELECT {_COLUMNS} FROM plan_block WHERE id = ANY(%s)", (list(ids),)).fetchall()
    return {row["id"]: (row["content"], row["key"]) for row in rows}


def not_archived(tx: Transaction) -> list[KeptBlock]:
    """The oldest blocks without a copy, a few MB of them at most, but always one."""
    return _read(tx, "archived_at IS NULL", ())


def archived_before(tx: Transaction, moment: datetime) -> list[KeptBlock]:
    """Blocks copied before that moment and not needed in their rows any more, if the copy is whole."""
    return _read(tx, "archived_at < %s", (moment,))


def mark_archived(tx: Transaction, blocks: Sequence[KeptBlock], now: datetime) -> None:
    """These have a copy now."""
    tx.execute("UPDATE plan_block SET archived_at = %s WHERE id = ANY(%s)", (now, [each.id for each in blocks]))


def remove_copied(tx: Transaction, is_whole: Mapping[KeptBlock, bool]) -> None:
    """Take those out of their rows whose copy was found whole; the others are to be copied again."""
    for change, found in (("content = NULL", True), ("archived_at = NULL", False)):
        ids = [block.id for block, whole in is_whole.items() if whole is found]
        tx.execute(f"UPDATE plan_block SET {change} WHERE id = ANY(%s)", (ids,))


def _row(schedule: Schedule) -> list[object]:
    return [
        schedule.asset_id,
        (schedule.start - _EPOCH) // _MINUTE,
        schedule.resolution,
        schedule.interval_count,
        schedule.change_indexes,
        [to_watts(level_kw) for level_kw in schedule.levels_kw],
    ]


def _read(tx: Transaction, condition: str, arguments: tuple[object, ...]) -> list[KeptBlock]:
    rows = tx.execute(
        f"""SELECT id, key, content FROM (
               SELECT id, key, content, sum(octet_length(content)) OVER (ORDER BY created_at, id)
                                        - octet_length(content) AS bytes_before, created_at
                 FROM (SELECT {_COLUMNS}, created_at FROM plan_block WHERE content IS NOT NULL AND {condition}
                        ORDER BY created_at, id LIMIT {_BATCH_ROWS}) AS oldest) AS waiting
            WHERE bytes_before < {_BATCH_BYTES} ORDER BY created_at, id""",
        arguments,
        binary=True,  # as text a content takes twice its size, at both ends
    ).fetchall()
    return [KeptBlock(**row) for row in rows]
