"""Totals of plans in the platform's backend: written with each schedule that is accepted, added up on asking (F3)."""

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
from tps.platform.plan_total_rows import Asked, BlockTotal, Known, Standing

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.party.plan_blocks import KeptBlock
    from tps.stores.database import Transaction

_MINUTE = timedelta(minutes=1)


def block_totals(
    blocks: Iterable[KeptBlock], pieces: Sequence[Piece], grid_of: Mapping[str, str], before: Iterable[Piece]
) -> list[BlockTotal]:
    """What new blocks add up to.

    Args:
        pieces: All that name the blocks.
        grid_of: By asset id; the assets of one block are in one grid, or in none.
        before: All that stood for these assets, where there was a plan once and is none included.
    """
    said: dict[str, list[Interval]] = defaultdict(list)
    for piece in before:
        said[piece.asset_id].append(piece.period)
    by_block: dict[str | None, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_block[piece.block_id].append(piece)
    return [_block_total(block, by_block[block.id], grid_of, said) for block in blocks]


def _block_total(
    block: KeptBlock, pieces: Sequence[Piece], grid_of: Mapping[str, str], said: Mapping[str, Sequence[Interval]]
) -> BlockTotal:
    plans = plan_blocks.steps_of(zlib.decompress(block.content))
    start_s = min(steps.starts_s[0] for _, steps in plans)
    end_s = max(steps.end_s for _, steps in plans)
    is_first = not any(piece.asset_id in said for piece in pieces)
    return BlockTotal(
        block_id=block.id,
        dso=grid_of.get(pieces[0].asset_id),
        asset_count=len({piece.asset_id for piece in pieces}),
        minutes=sum(_minutes(piece.period) for piece in pieces),
        total=total_of((steps for _, steps in plans), start_s, end_s),
        announced=None if is_first else total_of(_first_said(plans, said), start_s, end_s),
    )


def _first_said(plans: Iterable[tuple[str, Steps]], said: Mapping[str, Sequence[Interval]]) -> Iterator[Steps]:
    """What is planned where nothing was said before."""
    for asset_id, steps in plans:
        whole = Interval(moment(steps.starts_s[0]), moment(steps.end_s))
        for rest in uncovered([whole], said.get(asset_id, ())):
            part = clipped(steps, seconds(rest.start), seconds(rest.end))
            if part is not None:
                yield part


def current_totals(endpoint: Endpoint, tx: Transaction, scope: TpsScope, asked: Asked) -> dict[str, PlanTotal]:
    """What each operator's active assets plan in a period, by operator; only who plans anything.

    A block whose plans all hold for the same time, or all as they were made, is known by its total; only of others the
    assets are looked at.
    """
    by_block: dict[str, list[Standing]] = defaultdict(list)
    for each in plan_totals.standing(tx, scope, asked):
        by_block[each.block_id].append(each)
    known = plan_totals.totals_of(tx, list(by_block))
    parts: dict[str, list[PlanTotal]] = defaultdict(list)
    mixed: list[str] = []
    for block_id, groups in by_block.items():
        found = _known_parts(known.get(block_id), groups)
        if found is None:
            mixed.append(block_id)
        else:
            parts[groups[0].operator] += found
    start_s, end_s = seconds(asked.period.start), seconds(asked.period.end)
    for operator, plans in _read_each(endpoint, tx, scope, asked, block_ids=mixed).items():
        parts[operator].append(total_of(plans, start_s, end_s))
    return {operator: added(each, start_s, end_s) for operator, each in parts.items()}


def announced_totals(tx: Transaction, scope: TpsScope, asked: Asked) -> dict[str, PlanTotal]:
    """What each operator planned first for the times of a period, by operator."""
    found = plan_totals.announced(tx, scope, asked)
    start_s, end_s = seconds(asked.period.start), seconds(asked.period.end)
    return {operator: added(each, start_s, end_s) for operator, each in found.items()}


def _known_parts(known: Known | None, groups: Sequence[Standing]) -> list[PlanTotal] | None:
    """What stands of a block, by its total; None if that does not tell."""
    if known is None:
        return None
    if all(group.asset_count == known.asset_count for group in groups):
        cuts = (within(known.total, seconds(group.period.start), seconds(group.period.end)) for group in groups)
        return [cut for cut in cuts if cut is not None]
    minutes = sum(group.asset_count * _minutes(group.period) for group in groups)
    return [known.total] if minutes == known.minutes else None


def _read_each(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, asked: Asked, *, block_ids: Sequence[str]
) -> dict[str, list[Steps]]:
    """The plans of single assets in these blocks, by operator."""
    found = plan_totals.standing_pieces(tx, scope, asked, block_ids=block_ids) if block_ids else []
    read = read_steps(endpoint, tx, [piece for _, piece in found])
    by_operator: dict[str, list[Steps]] = defaultdict(list)
    for (operator, _), steps in zip(found, read, strict=True):
        if steps is not None:
            by_operator[operator].append(steps)
    return by_operator


def _minutes(period: Interval) -> int:
    return (period.end - period.start) // _MINUTE
