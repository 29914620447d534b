"""Changes of assets: for their DSO, one document per window, and for the division of limits and the check of plans.

Changes are found by state, not by event. The state that a DSO was told is kept, and compared with the present state
when a window ends. So a change that the DSO cannot see (a name, an operator) is no change. Neither is a change that was
reverted within a window.

Source: docs/requirements.md, F5b.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.domain.asset import AssetKind, AssetListing
from tps.domain.scope import DsoScope
from tps.platform import registry

if TYPE_CHECKING:
    from tps.stores.database import Transaction

TELLING_LOCK = 4_104_401
_COLUMNS = "id, connection_point_id, kind, max_production_kw, max_consumption_kw"
_REPLACE = """ON CONFLICT (id, dso) DO UPDATE
    SET connection_point_id = excluded.connection_point_id, kind = excluded.kind,
        max_production_kw = excluded.max_production_kw, max_consumption_kw = excluded.max_consumption_kw"""
# A document holds 50 MB, and an asset takes 1 kB of it. Beyond that, the lowest ids go first and the others a window
# later, so that the order does not depend on operators.
MAX_ASSETS = 25_000


@dataclass(frozen=True, slots=True)
class GridChange:
    """Changes in one DSO's grid, both sorted by id. Never empty."""

    assets: tuple[AssetListing, ...]
    removed_ids: tuple[str, ...]


def touch_assets(tx: Transaction, asset_ids: Sequence[str], now: datetime) -> None:
    """Note that assets, or their connection points, were registered or removed.

    Call this after the claims, in their transaction. If the operator differs from the last one, the limits on the asset
    must be divided again. This also holds if nobody had the asset in between. If the operator or the grid differs, the
    asset's plan must be checked.
    """
    tx.execute("INSERT INTO touched_asset SELECT id, %s FROM unnest(%s::text[]) AS id", (now, list(asset_ids)))
    tx.execute(
        """WITH moved AS (
               SELECT t.id, h.operator AS held_by, a.operator, a.dso
                 FROM unnest(%(ids)s::text[]) AS t(id)
                 LEFT JOIN asset_holder h ON h.id = t.id LEFT JOIN active_asset a ON a.id = t.id
                WHERE (a.id IS NOT NULL OR h.id IS NOT NULL)
                  AND (h.dso IS DISTINCT FROM a.dso OR h.operator <> a.operator)),
           held AS (
               INSERT INTO asset_holder SELECT id, coalesce(operator, held_by), dso FROM moved
               ON CONFLICT (id) DO UPDATE SET operator = excluded.operator, dso = excluded.dso),
           planned AS (INSERT INTO plan_change SELECT id, '-infinity', 'infinity', %(now)s FROM moved)
           INSERT INTO handed_over SELECT id, %(now)s FROM moved WHERE held_by <> operator
           ON CONFLICT (asset_id) DO UPDATE SET at = excluded.at""",
        {"ids": list(asset_ids), "now": now},
    )


def touch_points(tx: Transaction, point_ids: Sequence[str], now: datetime) -> None:
    """Note all assets at these points, as `touch_assets` does."""
    rows = tx.execute(
        "SELECT id FROM asset_claim WHERE holds AND connection_point_id = ANY(%s)", (list(point_ids),)
    ).fetchall()
    touch_assets(tx, [row["id"] for row in rows], now)


def take_changes(tx: Transaction, until: datetime, limit: int = MAX_ASSETS) -> dict[str, GridChange]:
    """Return the changes of all windows that end by `until`, by DSO, and mark them as told.

    The caller must send them in this transaction. The result is empty if this window, or a later one, was already
    processed. Late changes go into the next window.

    Args:
        limit: Maximum number of assets. The others follow in the next window.
    """
    if not _is_due(tx, until):
        return {}
    changed: defaultdict[str, list[AssetListing]] = defaultdict(list)
    removed: defaultdict[str, list[str]] = defaultdict(list)
    for row in _compare(tx, until, limit):
        if row["kind"] is None:
            removed[row["dso"]].append(row["id"])
        else:
            changed[row.pop("dso")].append(_listing(row))
    dsos = sorted(changed.keys() | removed.keys())
    return {dso: GridChange(tuple(changed[dso]), tuple(removed[dso])) for dso in dsos}


def tell_list(tx: Transaction, scope: DsoScope) -> list[AssetListing]:
    """Return all active assets in a DSO's grid, sorted by id, and mark them as told.

    The caller must send them in this transaction. A lock keeps changes, and other lists to this DSO, back meanwhile. So
    a document that is sent later never has an older state.

    Source: docs/requirements.md, F5.
    """
    tx.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (TELLING_LOCK, scope.party))
    tx.execute("SELECT pg_advisory_xact_lock_shared(%s)", (TELLING_LOCK,))
    listed = registry.listing(tx, scope)
    tx.execute(
        """DELETE FROM told_asset t WHERE dso = %s
              AND NOT EXISTS (SELECT FROM unnest(%s::text[]) AS listed(id) WHERE listed.id = t.id)""",
        (scope.party, [asset.id for asset in listed]),
    )
    tx.execute(
        f"""INSERT INTO told_asset (dso, {_COLUMNS})
            SELECT %(dso)s, listed.* FROM (
                SELECT * FROM unnest(%(id)s::text[], %(connection_point_id)s::text[], %(kind)s::text[],
                                     %(max_production_kw)s::numeric[], %(max_consumption_kw)s::numeric[])
                EXCEPT SELECT {_COLUMNS} FROM told_asset WHERE dso = %(dso)s) AS listed
            {_REPLACE}""",
        {"dso": scope.party, **{name: [getattr(asset, name) for asset in listed] for name in _COLUMNS.split(", ")}},
    )
    return listed


def _is_due(tx: Transaction, until: datetime) -> bool:
    """Return whether there are changes. Then the lock excludes other processes from this window and earlier ones."""
    if not tx.execute("SELECT FROM touched_asset WHERE touched_at < %s LIMIT 1", (until,)).fetchall():
        return False
    tx.execute("SELECT pg_advisory_xact_lock(%s)", (TELLING_LOCK,))
    taken = tx.execute(
        """INSERT INTO told_window AS t VALUES (true, %s)
           ON CONFLICT (is_only) DO UPDATE SET ended_at = excluded.ended_at WHERE t.ended_at < excluded.ended_at
           RETURNING ended_at""",
        (until,),
    )
    return bool(taken.fetchall())


def _compare(tx: Transaction, until: datetime, limit: int) -> list[dict[str, Any]]:
    """Compare in one statement, for one moment. A row without a kind is an asset that left the grid."""
    return tx.execute(
        f"""WITH due AS (
                SELECT asset_id AS id FROM touched_asset WHERE touched_at < %(until)s
                 GROUP BY asset_id ORDER BY asset_id COLLATE "C" LIMIT %(limit)s),
            done AS (
                DELETE FROM touched_asset t USING due WHERE t.asset_id = due.id AND t.touched_at < %(until)s),
            changed AS (
                SELECT a.dso, a.id, a.connection_point_id, a.kind, a.max_production_kw, a.max_consumption_kw
                  FROM due JOIN active_asset a ON a.id = due.id
                  LEFT JOIN told_asset t ON t.id = a.id AND t.dso = a.dso
                 WHERE (t.connection_point_id, t.kind, t.max_production_kw, t.max_consumption_kw) IS DISTINCT FROM
                       (a.connection_point_id, a.kind, a.max_production_kw, a.max_consumption_kw)),
            told AS (INSERT INTO told_asset (dso, {_COLUMNS}) SELECT * FROM changed {_REPLACE}),
            gone AS (
                DELETE FROM told_asset t USING due LEFT JOIN active_asset a ON a.id = due.id
                 WHERE t.id = due.id AND t.dso IS DISTINCT FROM a.dso RETURNING t.dso, t.id)
            SELECT * FROM (SELECT * FROM changed UNION ALL SELECT dso, id, NULL, NULL, NULL, NULL FROM gone) AS news
             ORDER BY dso, id COLLATE "C" """,
        {"until": until, "limit": limit},
    ).fetchall()


def _listing(row: dict[str, Any]) -> AssetListing:
    return AssetListing(**(row | {"kind": AssetKind(row["kind"])}))
