"""Blocks of plans: the power of many assets on one day, deflated, and their copy to the document store.

A block holds the content of one document for one day and one grid. It holds levels between changes, not single points.
A block never changes. Like a document, it is stored in its row first and then copied to the document store. Its content
leaves the row when the copy is found undamaged (`tps.endpoint.archiving`).

Source: docs/adr/0011-plans-as-pieces-and-blocks.md.
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
    """A block whose content is still in its row. `content` is deflated. `key` is the key of its copy."""

    id: str
    key: str
    content: bytes


def new_block(block_id: str, schedules: Sequence[Schedule]) -> KeptBlock:
    """Return a block of schedules that begin on one day. At least one schedule is necessary."""
    content = zlib.compress(json.dumps([_row(schedule) for schedule in schedules], separators=(",", ":")).encode(), 6)
    return KeptBlock(
        block_id, f"plans/{min(schedule.start for schedule in schedules):%Y/%m/%d}/{block_id}.json", content
    )


def schedules_of(content: bytes) -> list[Schedule]:
    """Return the schedules of a block, from its inflated content."""
    return [
        Schedule(
            asset_id, _EPOCH + start * _MINUTE, resolution, count, tuple(indexes), tuple(map(from_watts, levels_w))
        )
        for asset_id, start, resolution, count, indexes, levels_w in json.loads(content)
    ]


def steps_of(content: bytes) -> list[tuple[str, Steps]]:
    """Return the plans of a block as (asset id, steps). Plans that change at the same times share these times."""
    shared: dict[tuple[object, ...], tuple[int, ...]] = {}
    plans = []
    for asset_id, start, resolution, count, indexes, levels_w in json.loads(content):
        start_s, step_s = start * 60, int(RESOLUTIONS[resolution].total_seconds())
        key = (start_s, step_s, *indexes)
        starts_s = shared.get(key)
        if starts_s is None:
            starts_s = shared[key] = tuple(start_s + index * step_s for index in indexes)
        plans.append((asset_id, Steps(starts_s, array("q", levels_w), start_s + count * step_s)))
    return plans


def add_blocks(tx: Transaction, blocks: Sequence[KeptBlock], now: datetime) -> None:
    """Store new blocks."""
    tx.execute(
        """INSERT INTO plan_block (id, object_key, created_at, content)
           SELECT id, key, %s, content FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS b(id, key, content)""",
        (now, [block.id for block in blocks], [block.key for block in blocks], [block.content for block in blocks]),
    )


def kept_blocks(tx: Transaction, ids: Iterable[str]) -> dict[str, tuple[bytes | None, str]]:
    """Return the deflated content of these blocks and the key of their copy, by id.

    The content is None if it has left its row.
    """
    rows = tx.execute(f"SELECT {_COLUMNS} FROM plan_block WHERE id = ANY(%s)", (list(ids),)).fetchall()
    return {row["id"]: (row["content"], row["key"]) for row in rows}


def not_archived(tx: Transaction) -> list[KeptBlock]:
    """Return the oldest blocks without a copy: at least one if there is any, and about 4 MB at most."""
    return _read(tx, "archived_at IS NULL", ())


def archived_before(tx: Transaction, moment: datetime) -> list[KeptBlock]:
    """Return blocks that were copied before that moment and whose content is still in the row."""
    return _read(tx, "archived_at < %s", (moment,))


def mark_archived(tx: Transaction, blocks: Sequence[KeptBlock], now: datetime) -> None:
    """Note that these blocks were copied now."""
    tx.execute("UPDATE plan_block SET archived_at = %s WHERE id = ANY(%s)", (now, [block.id for block in blocks]))


def remove_copied(tx: Transaction, is_whole: Mapping[KeptBlock, bool]) -> None:
    """Remove the content of blocks with an undamaged copy (True). Mark the others for another copy."""
    for change, wanted in (("content = NULL", True), ("archived_at = NULL", False)):
        ids = [block.id for block, is_copied in is_whole.items() if is_copied is wanted]
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
        binary=True,  # text format would double the size at both ends
    ).fetchall()
    return [KeptBlock(**row) for row in rows]
