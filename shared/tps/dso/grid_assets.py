"""A DSO's own copy of the assets in its grid, and the feed of their changes (F5b).

Made from what the platform sends: changes, and whole lists. MADES promises no order, so each asset keeps the `sequence`
of the message that last spoke of it, and older ones are ignored.
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
    """What the platform said of a party's grid, in one document.

    Attributes:
        sequence: Of the message.
        as_of: When it was made.
        is_whole: All assets of the grid; else what is new or changed, and what is gone.
    """

    party: str
    sequence: int
    as_of: datetime
    assets: Sequence[AssetListing]
    removed_ids: Sequence[str] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class GridChanges:
    """What is others than before, each sorted by id, and the position in the feed that this reaches."""

    assets: list[AssetListing]
    removed_ids: list[str]
    position: int


def take_in(tx: Transaction, news: GridNews) -> None:
    """Bring the copy up to what a document says, where nothing newer was said; what that changes is in the feed."""
    # Locks the feed: one document at a time.
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
    """The assets in a DSO's grid as this backend knows them, sorted by id; all of them, or those at these points."""
    points = None if point_ids is None else list(point_ids)
    rows = tx.execute(
        f"""SELECT {_COLUMNS} FROM grid_asset
             WHERE party = %s AND NOT is_removed AND (%s::text[] IS NULL OR connection_point_id = ANY(%s))
             ORDER BY id COLLATE "C" """,
        (scope.party, points, points),
    ).fetchall()
    return [_listing(row) for row in rows]


def known_assets(tx: Transaction, scope: DsoScope, asset_ids: Sequence[str]) -> list[AssetListing]:
    """Those of these assets that are in the copy of a DSO's grid."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM grid_asset WHERE party = %s AND NOT is_removed AND id = ANY(%s)",
        (scope.party, list(asset_ids)),
    ).fetchall()
    return [_listing(row) for row in rows]


def age_of_grid(tx: Transaction, scope: DsoScope) -> datetime | None:
    """When what this backend knows of a DSO's grid was so; None if it knows nothing."""
    row = tx.execute("SELECT as_of FROM grid_copy WHERE party = %s", (scope.party,)).fetchone()
    return row["as_of"] if row else None


def changes_after(tx: Transaction, scope: DsoScope, position: int) -> GridChanges | None:
    """What has changed in the grid after a position of the feed; None if nothing has.

    From the beginning, 0, all there is: who has read nothing knows of nothing that could be gone.
    """
    rows = tx.execute(
        f"""SELECT {_COLUMNS}, is_removed, position FROM grid_asset
             WHERE party = %s AND position > %s ORDER BY id COLLATE "C" """,
        (scope.party, position),
    ).fetchall()
    reached = max((row.pop("position") for row in rows), default=position)
    gone = [row["id"] for row in rows if row["is_removed"]]
    assets = [_listing(row) for row in rows if not row.pop("is_removed")]
    changes = GridChanges(assets, gone if position else [], reached)
    return changes if changes.assets or changes.removed_ids else None


def _set(tx: Transaction, news: GridNews, position: int) -> None:
    """Set what is said. What is said to be gone and was never known keeps that word, and is no news.

    What a whole list finds unchanged is left alone: older news is ignored by `listed_sequence`, anyhow.
    """
    gone = len(news.removed_ids)
    tx.execute(
        f"""INSERT INTO grid_asset AS g (party, sequence, position, {_COLUMNS}, is_removed)
            SELECT %(party)s, %(sequence)s, CASE WHEN is_removed THEN 0 ELSE %(position)s END, said.*
              FROM (SELECT * FROM unnest(%(ids)s::text[], %(points)s::text[], %(kinds)s::text[],
                                         %(production)s::numeric[], %(consumption)s::numeric[], %(removed)s::boolean[])
                    EXCEPT SELECT {_COLUMNS}, is_removed FROM grid_asset WHERE party = %(party)s AND %(is_whole)s)
                   AS said({_COLUMNS}, is_removed)
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
            "ids": [*(each.id for each in news.assets), *news.removed_ids],
            "points": [*(each.connection_point_id for each in news.assets), *[""] * gone],
            "kinds": [*(str(each.kind) for each in news.assets), *[str(AssetKind.OTHER)] * gone],
            "production": [*(each.max_production_kw for each in news.assets), *[None] * gone],
            "consumption": [*(each.max_consumption_kw for each in news.assets), *[None] * gone],
            "removed": [False] * len(news.assets) + [True] * gone,
        },
    )


def _remove_others(tx: Transaction, news: GridNews, position: int) -> None:
    """What a whole list does not name is gone, in the same form as what is said to be."""
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
            "ids": [each.id for each in news.assets],
        },
    )


def _listing(row: dict[str, Any]) -> AssetListing:
    return AssetListing(**(row | {"kind": AssetKind(row["kind"])}))
