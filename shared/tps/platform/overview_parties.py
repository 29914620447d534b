"""Registered assets and points of each party, for the platform operator.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.types import number_json

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.platform.registry import Party
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Holdings:
    """The assets and points of a party: an operator's active assets, or the active assets in a DSO's grid.

    Attributes:
        asset_count: Number of active assets.
        waiting_count: Number of an operator's assets that are not active.
        point_count: Number of a DSO's connection points.
        production_kw, consumption_kw: Sums of the registered maxima of the active assets, in kW.
    """

    asset_count: int
    waiting_count: int
    point_count: int
    production_kw: Decimal
    consumption_kw: Decimal


def holdings(tx: Transaction, _scope: TpsScope) -> dict[str, Holdings]:
    """Return the holdings of every party with assets or points, by code."""
    rows = tx.execute(
        """SELECT code, sum(assets)::int AS asset_count, sum(waiting)::int AS waiting_count,
                  sum(points)::int AS point_count, coalesce(sum(production_kw), 0) AS production_kw,
                  coalesce(sum(consumption_kw), 0) AS consumption_kw
             FROM (SELECT operator AS code, 1 AS assets, 0 AS waiting, 0 AS points,
                          max_production_kw AS production_kw, max_consumption_kw AS consumption_kw FROM active_asset
                   UNION ALL
                   SELECT dso, 1, 0, 0, max_production_kw, max_consumption_kw FROM active_asset
                   UNION ALL
                   SELECT c.operator, 0, 1, 0, 0, 0 FROM asset_claim c
                     LEFT JOIN active_asset a ON a.id = c.id AND a.operator = c.operator
                    WHERE c.claimed IS NOT NULL AND a.id IS NULL
                   UNION ALL
                   SELECT dso, 0, 0, 1, 0, 0 FROM point_claim WHERE holds) each
            GROUP BY code"""
    ).fetchall()
    return {row.pop("code"): Holdings(**row) for row in rows}


def party_json(party: Party, held: Holdings | None) -> dict[str, Any]:
    """Return a party as the platform operator sees it. `held` is None for a party that has registered nothing."""
    body: dict[str, Any] = {
        "code": party.code,
        "role": party.role,
        "name": party.name,
        "component": party.component,
    }
    if party.role == "tps":
        return body
    body["asset_count"] = held.asset_count if held else 0
    if party.role == "dso":
        body["connection_point_count"] = held.point_count if held else 0
    else:
        body["waiting_asset_count"] = held.waiting_count if held else 0
    body["installed_production_kw"] = number_json(held.production_kw) if held else 0
    body["installed_consumption_kw"] = number_json(held.consumption_kw) if held else 0
    return body
