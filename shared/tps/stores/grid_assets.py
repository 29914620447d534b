"""A DSO's own copy of the assets in its grid, and the feed of their changes (F5b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tps.domain.asset import AssetKind, AssetListing
from tps.domain.scope import DsoScope

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def assets_of_grid(tx: Transaction, scope: DsoScope, point_ids: Sequence[str] | None = None) -> list[AssetListing]:
    """The assets in a DSO's grid as this backend knows them, sorted by id; all of them, or those at these points."""
    points = None if point_ids is None else list(point_ids)
    rows = tx.execute(
        """SELECT id, connection_point_id, kind, max_production_kw, max_consumption_kw FROM grid_asset
            WHERE party = %s AND NOT is_removed AND (%s::text[] IS NULL OR connection_point_id = ANY(%s))
            ORDER BY id COLLATE "C" """,
        (scope.party, points, points),
    ).fetchall()
    return [AssetListing(**(row | {"kind": AssetKind(row["kind"])})) for row in rows]
