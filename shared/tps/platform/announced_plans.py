"""The first plans for times that have another plan now, by asset, at the platform.

This is a read model. The transaction that changes plans adds rows, and rows never change. Where there is no row, the
present plan was the first.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tps.domain.limit import Interval
from tps.domain.plan import Piece
from tps.party.plans import read_piece

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.stores.database import Transaction


def keep_announced(tx: Transaction, operator: str, lost: Sequence[Piece]) -> None:
    """Keep plans that no longer stand as the first plans, except for times that have a first plan already."""
    if not lost:
        return
    tx.execute(
        """INSERT INTO announced_piece
           SELECT asset_id, %(owner)s, lower(rest), upper(rest), block_id
             FROM unnest(%(ids)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(blocks)s::text[])
                  AS n(asset_id, starts_at, ends_at, block_id),
                  unnest(tstzmultirange(tstzrange(starts_at, ends_at)) - coalesce(
                      (SELECT range_agg(tstzrange(p.starts_at, p.ends_at)) FROM announced_piece p
                        WHERE p.asset_id = n.asset_id AND p.owner = %(owner)s
                          AND p.ends_at > n.starts_at AND p.starts_at < n.ends_at), '{}')) AS rest""",
        {
            "owner": operator,
            "ids": [piece.asset_id for piece in lost],
            "starts": [piece.period.start for piece in lost],
            "ends": [piece.period.end for piece in lost],
            "blocks": [piece.block_id for piece in lost],
        },
    )


def announced_pieces(
    tx: Transaction, _scope: TpsScope, assets: Sequence[tuple[str, str]], period: Interval
) -> list[Piece]:
    """Return the first plans of these (asset, operator) in a period where they no longer stand, by asset and time."""
    rows = tx.execute(
        """SELECT p.asset_id, p.starts_at, p.ends_at, 0 AS rank, p.block_id, '' AS document_id
             FROM unnest(%s::text[], %s::text[]) AS a(id, owner)
             JOIN announced_piece p ON p.asset_id = a.id AND p.owner = a.owner AND p.ends_at > %s AND p.starts_at < %s
            ORDER BY p.asset_id COLLATE "C", p.starts_at""",
        (
            *([asset_id for asset_id, _ in assets], [operator for _, operator in assets]),
            *(period.start, period.end),
        ),
    ).fetchall()
    return [read_piece(row) for row in rows]


def blocks_in_grid(tx: Transaction, _scope: TpsScope, block_ids: Iterable[str], dso: str | None) -> set[str]:
    """Return those of these blocks whose assets were in a DSO's grid, or in any grid, at acceptance."""
    rows = tx.execute(
        "SELECT block_id FROM plan_total WHERE block_id = ANY(%s) AND dso = coalesce(%s, dso)",
        (list(block_ids), dso),
    ).fetchall()
    return {row["block_id"] for row in rows}
