"""From the index of plans to schedules: only the blocks named are read, those in the document store side by side."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import structlog

from tps.domain.limit import Interval
from tps.domain.plan import Piece, by_days, joined
from tps.domain.schedule import Schedule, part_within
from tps.mades.ids import new_id
from tps.stores import plan_blocks
from tps.stores.plan_blocks import KeptBlock

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

_log = structlog.get_logger()


def read_plans(endpoint: Endpoint, tx: Transaction, pieces: Sequence[Piece], period: Interval) -> list[Schedule]:
    """What the pieces plan within a period (whole minutes), in their order; what follows on each other is joined.

    Raises:
        StoreAway: The document store is away, and something lies only there.
    """
    blocks = _read_blocks(endpoint, tx, {piece.block_id for piece in pieces if piece.block_id is not None})
    parts = (_part_of(blocks.get((piece.block_id, piece.asset_id), ()), piece, period) for piece in pieces)
    return joined(part for part in parts if part is not None)


def cut_to_blocks(
    schedules: Iterable[Schedule], grid_of: dict[str, str], *, rank: int, document_id: str = ""
) -> tuple[list[Piece], list[KeptBlock]]:
    """Schedules as pieces, and the blocks that these name: one for each day and grid, so that a question about one
    grid and day reads nothing of another.

    Args:
        grid_of: By asset id; assets without one share blocks.
    """
    groups: dict[object, list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        for part in by_days(schedule):
            groups[(part.start.date(), grid_of.get(part.asset_id))].append(part)
    blocks = [(plan_blocks.new_block(new_id(), parts), parts) for parts in groups.values()]
    pieces = [
        Piece(each.asset_id, each.period, rank, block.id, document_id) for block, parts in blocks for each in parts
    ]
    return pieces, [block for block, _ in blocks]


def _part_of(schedules: Sequence[Schedule], piece: Piece, period: Interval) -> Schedule | None:
    start, end = max(piece.period.start, period.start), min(piece.period.end, period.end)
    if start >= end:
        return None
    parts = (part_within(schedule, Interval(start, end)) for schedule in schedules)
    return next((part for part in parts if part is not None), None)


def _read_blocks(endpoint: Endpoint, tx: Transaction, ids: set[str]) -> dict[tuple[str | None, str], list[Schedule]]:
    """The schedules of these blocks by block and asset; a block that is lost is left out: no plan is unknown."""
    by_asset: dict[tuple[str | None, str], list[Schedule]] = defaultdict(list)
    kept = plan_blocks.kept_blocks(tx, ids)
    contents = _pool().map(lambda block_id: _content(endpoint, *kept[block_id]), kept)
    for block_id, content in zip(kept, contents, strict=True):
        if content is None:
            _log.error("a block of plans is lost", group=endpoint.group)
            continue
        for schedule in plan_blocks.schedules_of(content):
            by_asset[(block_id, schedule.asset_id)].append(schedule)
    return by_asset


def _content(endpoint: Endpoint, content: bytes | None, key: str) -> bytes | None:
    return endpoint.documents.get(key) if content is None else zlib.decompress(content)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(16, "plans")
