"""A DSO's own copy of the assets in its grid, and the feed of their changes.

The platform sends changes and whole lists. MADES promises no order. So each asset keeps the `sequence` of the last
message about it, and older messages are ignored.

Source: docs/requirements.md, F5b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.domain.asset import AssetKind, AssetListing
from tps.domain.scope import DsoScope
from tps.party.feeds import next_position

if TYPE_CHECKING:
    from tps.stores.database import Transaction

FEED = "flexibility-assets"
_COLUMNS = "id, connection_point_id, kind, max_production_kw, max_consumption_kw"


@dataclass(frozen=True, slots=True)
class GridNews:
    """The content of one document of the platform about a party's grid.

    Attributes:
        sequence: Sequence of the message.
        as_of: The platform's time of the document.
        assets: New or changed assets. All assets of the grid if `is_whole`.
        removed_ids: Assets that left the grid.
        is_whole: The document is a whole list.
    """

    party: str
    sequence: int
    as_of: datetime
    assets: Sequence[AssetListing]
    removed_ids: Sequence[str] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class GridChanges:
    """Changes since a position in the feed, each list sorted by id, and the position after them."""

    assets: list[AssetListing]
    removed_ids: list[str]
    position: int


def apply_news(tx: Transaction, news: GridNews) -> None:
    """Update the copy by a document, except where a newer document was processed. The feed gets the changes."""
    # This locks the feed, so that one document at a time is processed.
    position = next_position(tx, news.party, FEED)
    copy = tx.execute("SELECT listed_sequence FROM grid_copy WHERE party = %s", (news.party,)).fetchone()
    if copy is not None and copy["listed_sequence"] > news.sequence:
        return
    _set(tx, news, position)
    if news.is_whole:
        _remove_others(tx, news, position)
    tx.execute(
        """INSERT INTO grid_copy AS c VALUES (%s, %s, %s) ON CONFLICT (party) DO UPDATE
           SET as_of = greatest(c.as_of, excluded.as_of),
               listed_sequence = greatest(c.listed_sequence, excluded.listed_sequence)""",
        (news.party, news.as_of, news.sequence if news.is_whole else 0),
    )


def assets_of_grid(tx: Transaction, scope: DsoScope, point_ids: Sequence[str] | None = None) -> list[AssetListing]:
    """Return the assets in the own copy of a DSO's grid, sorted by id.

    Args:
        point_ids: Restricts the result to these connection points. None for all.
    """
    points = None if point_ids is None else list(point_ids)
    rows = tx.execute(
        f"""SELECT {_COLUMNS} FROM grid_asset
             WHERE party = %s AND NOT is_removed AND (%s::text[] IS NULL OR connection_point_id = ANY(%s))
             ORDER BY id COLLATE "C" """,
        (scope.party, points, points),
    ).fetchall()
    return [_listing(row) for row in rows]


def known_assets(tx: Transaction, scope: DsoScope, asset_ids: Sequence[str]) -> list[AssetListing]:
    """Return those of these assets that the own copy of a DSO's grid has."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM grid_asset WHERE party = %s AND NOT is_removed AND id = ANY(%s)",
        (scope.party, list(asset_ids)),
    ).fetchall()
    return [_listing(row) for row in rows]


def age_of_grid(tx: Transaction, scope: DsoScope) -> datetime | None:
    """Return the platform's time of the newest document about a DSO's grid. Return None without any document."""
    row = tx.execute("SELECT as_of FROM grid_copy WHERE party = %s", (scope.party,)).fetchone()
    return row["as_of"] if row else None


def changes_after(tx: Transaction, scope: DsoScope, position: int) -> GridChanges | None:
    """Return the changes in the grid after a position of the feed, or None.

    Position 0 returns all present assets without removed ones, because a new reader knows no asset.
    """
    rows = tx.execute(
        f"""SELECT {_COLUMNS}, is_removed, position FROM grid_asset
             WHERE party = %s AND position > %s ORDER BY id COLLATE "C" """,
        (scope.party, position),
    ).fetchall()
    reached = max((row.pop("position") for row in rows), default=position)
    removed_ids = [row["id"] for row in rows if row["is_removed"]]
    assets = [_listing(row) for row in rows if not row.pop("is_removed")]
    changes = GridChanges(assets, removed_ids if position else [], reached)
    return changes if changes.assets or changes.removed_ids else None


def _set(tx: Transaction, news: GridNews, position: int) -> None:
    """Write the assets and removals of a document.

    The removal of an unknown asset is kept, but is no news. A whole list leaves unchanged assets alone:
    `listed_sequence` protects them from older documents.
    """
    removed_count = len(news.removed_ids)
    tx.execute(
        f"""INSERT INTO grid_asset AS g (party, sequence, position, {_COLUMNS}, is_removed)
            SELECT %(party)s, %(sequence)s, CASE WHEN is_removed THEN 0 ELSE %(position)s END, stated.*
              FROM (SELECT * FROM unnest(%(ids)s::text[], %(points)s::text[], %(kinds)s::text[],
                                         %(production)s::numeric[], %(consumption)s::numeric[], %(removed)s::boolean[])
                    EXCEPT SELECT {_COLUMNS}, is_removed FROM grid_asset WHERE party = %(party)s AND %(is_whole)s)
                   AS stated({_COLUMNS}, is_removed)
            ON CONFLICT (party, id) DO UPDATE
               SET connection_point_id = excluded.connection_point_id, kind = excluded.kind,
                   max_production_kw = excluded.max_production_kw, max_consumption_kw = excluded.max_consumption_kw,
                   is_removed = excluded.is_removed, sequence = excluded.sequence,
                   position = CASE WHEN (g.connection_point_id, g.kind, g.max_production_kw, g.max_consumption_kw,
                                         g.is_removed)
                                        IS DISTINCT FROM
                                        (excluded.connection_point_id, excluded.kind, excluded.max_production_kw,
                                         excluded.max_consumption_kw, excluded.is_removed)
                                   THEN %(position)s ELSE g.position END
             WHERE g.sequence < excluded.sequence""",
        {
            "party": news.party,
            "sequence": news.sequence,
            "position": position,
            "is_whole": news.is_whole,
            "ids": [*(asset.id for asset in news.assets), *news.removed_ids],
            "points": [*(asset.connection_point_id for asset in news.assets), *[""] * removed_count],
            "kinds": [*(str(asset.kind) for asset in news.assets), *[str(AssetKind.OTHER)] * removed_count],
            "production": [*(asset.max_production_kw for asset in news.assets), *[None] * removed_count],
            "consumption": [*(asset.max_consumption_kw for asset in news.assets), *[None] * removed_count],
            "removed": [False] * len(news.assets) + [True] * removed_count,
        },
    )


def _remove_others(tx: Transaction, news: GridNews, position: int) -> None:
    """Remove the assets that a whole list does not name. They look like assets that a change removed."""
    tx.execute(
        """UPDATE grid_asset g
              SET is_removed = true, connection_point_id = '', kind = 'other', max_production_kw = NULL,
                  max_consumption_kw = NULL, sequence = %(sequence)s, position = %(position)s
            WHERE party = %(party)s AND NOT is_removed AND sequence < %(sequence)s
              AND NOT EXISTS (SELECT FROM unnest(%(ids)s::text[]) AS listed(id) WHERE listed.id = g.id)""",
        {
            "party": news.party,
            "sequence": news.sequence,
            "position": position,
            "ids": [asset.id for asset in news.assets],
        },
    )


def _listing(row: dict[str, Any]) -> AssetListing:
    return AssetListing(**(row | {"kind": AssetKind(row["kind"])}))
