"""Totals of plans at the platform: written with each accepted schedule, summed for each request.

Source: docs/requirements.md, F3; docs/adr/0019-totals-of-plans-lie-beside-their-blocks.md.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from tps.domain.limit import Interval
from tps.domain.plan import Piece, uncovered
from tps.domain.plan_total import PlanTotal, added, total_of, within
from tps.domain.steps import Steps, clipped, moment, seconds
from tps.party import plan_blocks
from tps.party.plan_reading import read_steps
from tps.platform import plan_total_rows as plan_totals
from tps.platform.plan_total_rows import BlockTotal, KnownTotal, Selection, Standing

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.party.plan_blocks import KeptBlock
    from tps.stores.database import Transaction

_MINUTE = timedelta(minutes=1)


def block_totals(
    blocks: Iterable[KeptBlock], pieces: Sequence[Piece], grid_of: Mapping[str, str], before: Iterable[Piece]
) -> list[BlockTotal]:
    """Return the totals of new blocks.

    Args:
        pieces: All pieces of the blocks.
        grid_of: DSO by asset id. The assets of one block are in one grid, or in none.
        before: All earlier pieces of these assets, including pieces whose plan was removed.
    """
    stated: dict[str, list[Interval]] = defaultdict(list)
    for piece in before:
        stated[piece.asset_id].append(piece.period)
    by_block: dict[str | None, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_block[piece.block_id].append(piece)
    return [_block_total(block, by_block[block.id], grid_of, stated) for block in blocks]


def _block_total(
    block: KeptBlock, pieces: Sequence[Piece], grid_of: Mapping[str, str], stated: Mapping[str, Sequence[Interval]]
) -> BlockTotal:
    plans = plan_blocks.steps_of(zlib.decompress(block.content))
    start_s = min(steps.starts_s[0] for _, steps in plans)
    end_s = max(steps.end_s for _, steps in plans)
    is_first = not any(piece.asset_id in stated for piece in pieces)
    return BlockTotal(
        block_id=block.id,
        dso=grid_of.get(pieces[0].asset_id),
        asset_count=len({piece.asset_id for piece in pieces}),
        minutes=sum(_minutes(piece.period) for piece in pieces),
        total=total_of((steps for _, steps in plans), start_s, end_s),
        announced=None if is_first else total_of(_first_plans(plans, stated), start_s, end_s),
    )


def _first_plans(plans: Iterable[tuple[str, Steps]], stated: Mapping[str, Sequence[Interval]]) -> Iterator[Steps]:
    """Return the plans for times without an earlier plan."""
    for asset_id, steps in plans:
        whole = Interval(moment(steps.starts_s[0]), moment(steps.end_s))
        for rest in uncovered([whole], stated.get(asset_id, ())):
            part = clipped(steps, seconds(rest.start), seconds(rest.end))
            if part is not None:
                yield part


def current_totals(endpoint: Endpoint, tx: Transaction, scope: TpsScope, selection: Selection) -> dict[str, PlanTotal]:
    """Return the total plan of each operator's active assets in a period. Operators without a plan are left out.

    A block is summed by its stored total if all its plans stand for the same period, or all as they were written. Only
    other blocks are read asset by asset.
    """
    by_block: dict[str, list[Standing]] = defaultdict(list)
    for standing in plan_totals.standing(tx, scope, selection):
        by_block[standing.block_id].append(standing)
    known = plan_totals.totals_of(tx, list(by_block))
    parts: dict[str, list[PlanTotal]] = defaultdict(list)
    mixed: list[str] = []
    for block_id, groups in by_block.items():
        known_parts = _known_parts(known.get(block_id), groups)
        if known_parts is None:
            mixed.append(block_id)
        else:
            parts[groups[0].operator] += known_parts
    start_s, end_s = seconds(selection.period.start), seconds(selection.period.end)
    for operator, plans in _read_each(endpoint, tx, scope, selection, block_ids=mixed).items():
        parts[operator].append(total_of(plans, start_s, end_s))
    return {operator: added(totals, start_s, end_s) for operator, totals in parts.items()}


def announced_totals(tx: Transaction, scope: TpsScope, selection: Selection) -> dict[str, PlanTotal]:
    """Return the total of each operator's first plans in a period, by operator."""
    announced = plan_totals.announced(tx, scope, selection)
    start_s, end_s = seconds(selection.period.start), seconds(selection.period.end)
    return {operator: added(totals, start_s, end_s) for operator, totals in announced.items()}


def _known_parts(known: KnownTotal | None, groups: Sequence[Standing]) -> list[PlanTotal] | None:
    """Return the standing part of a block from its stored total. Return None if the total is not sufficient."""
    if known is None:
        return None
    if all(group.asset_count == known.asset_count for group in groups):
        cuts = (within(known.total, seconds(group.period.start), seconds(group.period.end)) for group in groups)
        return [cut for cut in cuts if cut is not None]
    minutes = sum(group.asset_count * _minutes(group.period) for group in groups)
    return [known.total] if minutes == known.minutes else None


def _read_each(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, selection: Selection, *, block_ids: Sequence[str]
) -> dict[str, list[Steps]]:
    """Return the plans of single assets in these blocks, by operator."""
    pieces = plan_totals.standing_pieces(tx, scope, selection, block_ids=block_ids) if block_ids else []
    plans = read_steps(endpoint, tx, [piece for _, piece in pieces])
    by_operator: dict[str, list[Steps]] = defaultdict(list)
    for (operator, _), steps in zip(pieces, plans, strict=True):
        if steps is not None:
            by_operator[operator].append(steps)
    return by_operator


def _minutes(period: Interval) -> int:
    return (period.end - period.start) // _MINUTE
