"""Reading of the schedules behind the index of plans.

Only the necessary blocks are read. Blocks in the document store are read in parallel.
"""

from __future__ import annotations

import threading
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import structlog
from cachetools import LRUCache

from tps.domain.limit import Interval
from tps.domain.plan import Piece, by_days, hull, joined
from tps.domain.schedule import Schedule, part_within
from tps.domain.steps import Steps, clipped, seconds
from tps.mades.ids import new_id
from tps.party import plan_blocks
from tps.party.plan_blocks import KeptBlock
from tps.party.plans import pieces_within

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

_Block = dict[str, list[Steps]]
_REMEMBERED_LEVELS = 4_000_000
_log = structlog.get_logger()


def _size(block: _Block) -> int:
    """Return the number of levels of a block, plus one per plan."""
    return sum(1 + len(steps.levels_w) for plans in block.values() for steps in plans)


_lock = threading.Lock()
# A block never changes, and a caller reads only blocks that its own pieces name. So the cache needs no owner.
_blocks: LRUCache[str, _Block] = LRUCache(_REMEMBERED_LEVELS, getsizeof=_size)


def read_plans(endpoint: Endpoint, tx: Transaction, pieces: Sequence[Piece], period: Interval) -> list[Schedule]:
    """Return the schedules of pieces within a period of whole minutes, in the order of the pieces. Join adjacent ones.

    Raises:
        StoreAway: The document store is unavailable, and a block is only there.
    """
    blocks = _read_blocks(endpoint, tx, {piece.block_id for piece in pieces if piece.block_id is not None})
    parts = (_part_of(blocks.get((piece.block_id, piece.asset_id), ()), piece, period) for piece in pieces)
    return joined(part for part in parts if part is not None)


def read_parts_within(
    endpoint: Endpoint, tx: Transaction, owner: str, periods: Mapping[str, Sequence[Interval]]
) -> list[Schedule]:
    """Return what the plans of one owner say in these periods of each asset.

    Raises:
        StoreAway: A plan is in the document store only, and the store is away.
    """
    whole = hull(period for of_asset in periods.values() for period in of_asset)
    pieces = pieces_within(tx, owner, periods, whole)
    # Read only the blocks that count: the hull may span months of which a few hours have changed.
    touched = [piece for piece in pieces if piece.block_id and _touches(piece.period, periods[piece.asset_id])]
    schedules = read_plans(endpoint, tx, touched, whole)
    return [
        part
        for schedule in schedules
        for period in periods[schedule.asset_id]
        if (part := part_within(schedule, period))
    ]


def read_steps(endpoint: Endpoint, tx: Transaction, pieces: Sequence[Piece]) -> list[Steps | None]:
    """Return the plan of each piece as steps. Return None for a piece whose block is lost. Blocks are cached.

    Raises:
        StoreAway: The document store is unavailable, and a block is only there.
    """
    blocks = _remembered(endpoint, tx, {piece.block_id for piece in pieces if piece.block_id is not None})
    return [_steps_of(blocks.get(piece.block_id or ""), piece) for piece in pieces]


def cut_to_blocks(
    schedules: Iterable[Schedule], grid_of: dict[str, str], *, rank: int, document_id: str = ""
) -> tuple[list[Piece], list[KeptBlock]]:
    """Cut schedules into pieces and their blocks.

    There is one block per day and grid. So a request about one grid and day reads no other block.

    Args:
        grid_of: DSO by asset id. Assets without a DSO share blocks.
        rank: Rank of the pieces. Where pieces overlap, the higher rank counts.
    """
    groups: dict[object, list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        for part in by_days(schedule):
            groups[(part.start.date(), grid_of.get(part.asset_id))].append(part)
    blocks = [(plan_blocks.new_block(new_id(), parts), parts) for parts in groups.values()]
    pieces = [
        Piece(part.asset_id, part.period, rank, block.id, document_id) for block, parts in blocks for part in parts
    ]
    return pieces, [block for block, _ in blocks]


def _part_of(schedules: Sequence[Schedule], piece: Piece, period: Interval) -> Schedule | None:
    start, end = max(piece.period.start, period.start), min(piece.period.end, period.end)
    if start >= end:
        return None
    parts = (part_within(schedule, Interval(start, end)) for schedule in schedules)
    return next((part for part in parts if part is not None), None)


def _steps_of(block: _Block | None, piece: Piece) -> Steps | None:
    start_s, end_s = seconds(piece.period.start), seconds(piece.period.end)
    plans = block.get(piece.asset_id, ()) if block else ()
    return next((part for plan in plans if (part := clipped(plan, start_s, end_s))), None)


def _block(content: bytes) -> _Block:
    plans: _Block = defaultdict(list)
    for asset_id, steps in plan_blocks.steps_of(content):
        plans[asset_id].append(steps)
    return plans


def _remembered(endpoint: Endpoint, tx: Transaction, ids: set[str]) -> dict[str, _Block]:
    with _lock:
        known = {block_id: block for block_id in ids if (block := _blocks.get(block_id)) is not None}
    read = {block_id: _block(content) for block_id, content in _contents(endpoint, tx, ids - known.keys())}
    with _lock:
        for block_id, block in read.items():
            if _size(block) <= _blocks.maxsize:
                _blocks[block_id] = block
    return {**known, **read}


def _read_blocks(endpoint: Endpoint, tx: Transaction, ids: set[str]) -> dict[tuple[str | None, str], list[Schedule]]:
    """Return the schedules of these blocks by block and asset."""
    by_asset: dict[tuple[str | None, str], list[Schedule]] = defaultdict(list)
    for block_id, content in _contents(endpoint, tx, ids):
        for schedule in plan_blocks.schedules_of(content):
            by_asset[(block_id, schedule.asset_id)].append(schedule)
    return by_asset


def _contents(endpoint: Endpoint, tx: Transaction, ids: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the inflated content of these blocks. A lost block is left out, so its plan is unknown."""
    kept = plan_blocks.kept_blocks(tx, ids)
    contents = _pool().map(lambda block_id: _content(endpoint, *kept[block_id]), kept)
    for block_id, content in zip(kept, contents, strict=True):
        if content is None:
            _log.error("a block of schedules is missing in the document store", group=endpoint.group)
        else:
            yield block_id, content


def _content(endpoint: Endpoint, content: bytes | None, key: str) -> bytes | None:
    return endpoint.documents.get(key) if content is None else zlib.decompress(content)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(16, "plans")


def _touches(period: Interval, others: Iterable[Interval]) -> bool:
    return any(other.start < period.end and period.start < other.end for other in others)
