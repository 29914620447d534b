"""Plans in force, as an index of pieces. The power itself is in blocks (`tps.party.plan_blocks`).

The platform keeps the plans of all operators. A DSO's backend keeps the plans of assets in its grid. `owner` is the
operator, or the DSO. Pieces of one owner and asset never overlap, so a search by period can use both of its ends.

Source: docs/adr/0011-plans-as-pieces-and-blocks.md; docs/semantics.md, "Schedules".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from tps.domain.limit import Interval
from tps.domain.plan import Piece
from tps.domain.scope import DsoScope
from tps.errors import Finding, RuleBroken

if TYPE_CHECKING:
    from tps.stores.database import Transaction

MAX_PIECES = 250_000
"""Maximum of one answer. A day of a realistic grid has 17,505 pieces. A caller with more needs a shorter period."""
PIECE_COLUMNS = "p.asset_id, p.starts_at, p.ends_at, p.rank, p.block_id, p.document_id"
# Scan from the first piece that ends after the period's start to the first that ends at or after its end. The scan
# touches no other piece, however long the history is.
WITHIN = """
    LATERAL (SELECT * FROM plan_piece p
              WHERE p.asset_id = a.id AND p.owner = a.owner AND p.ends_at > %(start)s AND p.starts_at < %(end)s
                AND p.ends_at <= coalesce((SELECT q.ends_at FROM plan_piece q
                                            WHERE q.asset_id = a.id AND q.owner = a.owner AND q.ends_at >= %(end)s
                                            ORDER BY q.ends_at LIMIT 1), 'infinity')) p"""
_ORDER = """ORDER BY p.asset_id COLLATE "C", p.starts_at"""


def lock_plans(tx: Transaction, owner: str) -> None:
    """Lock the plans of this owner until the transaction ends, so that one change happens at a time."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"plans {owner}",))


def pieces_within(
    tx: Transaction, owner: str, asset_ids: Iterable[str], period: Interval, *, limit: int | None = None
) -> list[Piece]:
    """Return the uncut pieces of these assets that touch a period. Pieces without a plan are included.

    Args:
        owner: The party whose plans are read.
        limit: Maximum number of pieces.
    """
    rows = tx.execute(
        f"""SELECT {PIECE_COLUMNS} FROM (SELECT id, %(owner)s AS owner FROM unnest(%(ids)s::text[]) AS id) a, {WITHIN}
            {_ORDER} LIMIT %(limit)s""",
        {
            "owner": owner,
            "ids": sorted(set(asset_ids)),
            "start": period.start,
            "end": period.end,
            "limit": limit,
        },
    ).fetchall()
    return [read_piece(row) for row in rows]


def plans_within(
    tx: Transaction, scope: DsoScope, period: Interval, asset_ids: Sequence[str] | None = None
) -> list[Piece]:
    """Return planned pieces of a DSO's own copy in a period, for its grid or for these assets, by asset and time.

    Raises:
        RuleBroken: A59: the result exceeds the maximum of one answer. The caller must request fewer assets or a shorter
            period.
    """
    if asset_ids is None:
        rows = tx.execute("SELECT id FROM grid_asset WHERE party = %s AND NOT is_removed", (scope.party,)).fetchall()
        asset_ids = [row["id"] for row in rows]
    return _planned(pieces_within(tx, scope.party, asset_ids, period, limit=MAX_PIECES + 1))


def requested_in_grid(
    tx: Transaction, scope: DsoScope, period: Interval, asset_ids: Sequence[str] | None = None
) -> list[Piece]:
    """Return the pieces of `planned_in_grid` for a caller, within the maximum of one answer.

    Raises:
        RuleBroken: A59: the result exceeds the maximum of one answer.
    """
    return _planned(planned_in_grid(tx, scope, period, asset_ids, limit=MAX_PIECES + 1))


def planned_in_grid(
    tx: Transaction,
    scope: DsoScope,
    period: Interval,
    asset_ids: Sequence[str] | None = None,
    *,
    limit: int | None = None,
) -> list[Piece]:
    """Return the planned pieces of the active assets in a DSO's grid in a period, by asset and time.

    This is the platform's view. Only plans of an asset's present operator count, and no piece names an operator.

    Args:
        asset_ids: Restricts the result to these assets.
        limit: Maximum number of pieces.
    """
    rows = tx.execute(
        f"""SELECT {PIECE_COLUMNS}
              FROM (SELECT id, operator AS owner FROM active_asset
                     WHERE dso = %(dso)s AND (%(ids)s::text[] IS NULL OR id = ANY(%(ids)s))) a, {WITHIN}
             WHERE p.block_id IS NOT NULL {_ORDER} LIMIT %(limit)s""",
        {
            "dso": scope.party,
            "ids": None if asset_ids is None else list(asset_ids),
            "start": period.start,
            "end": period.end,
            "limit": limit,
        },
    ).fetchall()
    return [read_piece(row) for row in rows]


def replace_pieces(tx: Transaction, owner: str, before: Sequence[Piece], after: Sequence[Piece]) -> None:
    """Replace pieces of this owner that were read in this transaction."""
    old, new = set(before), set(after)
    removed = [piece for piece in before if piece not in new]
    added = [piece for piece in after if piece not in old]
    tx.execute(
        """DELETE FROM plan_piece p USING unnest(%s::text[], %s::timestamptz[]) AS g(asset_id, ends_at)
            WHERE p.asset_id = g.asset_id AND p.owner = %s AND p.ends_at = g.ends_at""",
        ([piece.asset_id for piece in removed], [piece.period.end for piece in removed], owner),
    )
    tx.execute(
        """INSERT INTO plan_piece
           SELECT asset_id, %s, starts_at, ends_at, rank, block_id, document_id
             FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[])
                  AS n(asset_id, starts_at, ends_at, rank, block_id, document_id)""",
        (
            owner,
            *([piece.asset_id for piece in added], [piece.period.start for piece in added]),
            *([piece.period.end for piece in added], [piece.rank for piece in added]),
            *([piece.block_id for piece in added], [piece.document_id for piece in added]),
        ),
    )


def _planned(pieces: list[Piece]) -> list[Piece]:
    if len(pieces) > MAX_PIECES:
        raise RuleBroken(
            "answer too large",
            [Finding("A59", "", "too much for one answer; request fewer assets or a shorter period")],
        )
    return [piece for piece in pieces if piece.block_id is not None]


def read_piece(row: dict[str, Any]) -> Piece:
    """Return a row of `PIECE_COLUMNS` as a piece."""
    period = Interval(row["starts_at"].astimezone(UTC), row["ends_at"].astimezone(UTC))
    return Piece(row["asset_id"], period, row["rank"], row["block_id"], row["document_id"])
