"""Totals of plan blocks, and the part of each block that is in force. An operator's total needs no plan of an asset.

This is a read model. The transaction that accepts a schedule writes it.

Source: docs/requirements.md, F3; docs/adr/0019-totals-of-plans-lie-beside-their-blocks.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from tps.domain.limit import Interval
from tps.domain.plan import Piece
from tps.domain.plan_total import PlanTotal
from tps.domain.steps import Steps
from tps.party.plans import PIECE_COLUMNS, WITHIN, read_piece

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class BlockTotal:
    """The total of one block.

    Attributes:
        dso: DSO in whose grid the block's assets were at acceptance. None outside every grid.
        minutes: Sum of the lengths of all its plans, in minutes.
        announced: Total of its plans for times that had no plan before. None if that is the whole block.
    """

    block_id: str
    dso: str | None
    asset_count: int
    minutes: int
    total: PlanTotal
    announced: PlanTotal | None


@dataclass(frozen=True, slots=True)
class KnownTotal:
    """A block as it was written: number of assets, minutes of all its plans, and their total."""

    asset_count: int
    minutes: int
    total: PlanTotal


@dataclass(frozen=True, slots=True)
class Standing:
    """Plans of one block that stand for the same period, with the number of their assets.

    All these assets are active in this grid.
    """

    operator: str
    dso: str
    block_id: str
    period: Interval
    asset_count: int


@dataclass(frozen=True, slots=True)
class Portfolio:
    """An operator's active assets in one grid or in all grids.

    Attributes:
        production_kw, consumption_kw: Installed power in each direction, in kW.
        unplanned_production_kw, unplanned_consumption_kw: Installed power of the assets without a plan, in kW.
    """

    operator: str
    name: str
    asset_count: int
    planned_asset_count: int
    production_kw: Any
    consumption_kw: Any
    unplanned_production_kw: Any
    unplanned_consumption_kw: Any


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter of the overview: operator, DSO and period. None selects all operators or all DSOs."""

    operator: str | None
    dso: str | None
    period: Interval


def add_totals(tx: Transaction, operator: str, totals: Sequence[BlockTotal]) -> None:
    """Store the totals of new blocks."""
    tx.execute(
        """INSERT INTO plan_total
           SELECT block_id, %s, dso, asset_count, minutes, to_timestamp(start_s), to_timestamp(end_s), total, announced
             FROM unnest(%s::text[], %s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::json[],
                         %s::json[])
                  AS t(block_id, dso, asset_count, minutes, start_s, end_s, total, announced)""",
        (
            operator,
            *([block.block_id for block in totals], [block.dso for block in totals]),
            *([block.asset_count for block in totals], [block.minutes for block in totals]),
            [block.total.planned_assets.starts_s[0] for block in totals],
            [block.total.planned_assets.end_s for block in totals],
            [_json(block.total) for block in totals],
            [None if block.announced is None else _json(block.announced) for block in totals],
        ),
    )


def standing(tx: Transaction, _scope: TpsScope, selection: Selection) -> list[Standing]:
    """Return the part of each block that stands in a period, for active assets."""
    rows = tx.execute(
        f"""SELECT a.owner AS operator, a.dso, p.block_id, p.starts_at, p.ends_at, count(*) AS asset_count
              FROM {_ACTIVE}, {WITHIN}
             WHERE p.block_id IS NOT NULL GROUP BY 1, 2, 3, 4, 5""",
        _arguments(selection),
    ).fetchall()
    return [Standing(row["operator"], row["dso"], row["block_id"], _period(row), row["asset_count"]) for row in rows]


def portfolios(tx: Transaction, _scope: TpsScope, selection: Selection) -> list[Portfolio]:
    """Return operators with active assets, by code.

    An asset counts as planned if it has any plan in the period.
    """
    rows = tx.execute(
        f"""SELECT a.owner AS operator, y.name, count(*) AS asset_count,
                   count(*) FILTER (WHERE planned.is_so) AS planned_asset_count,
                   coalesce(sum(a.max_production_kw), 0) AS production_kw,
                   coalesce(sum(a.max_consumption_kw), 0) AS consumption_kw,
                   coalesce(sum(a.max_production_kw) FILTER (WHERE NOT planned.is_so), 0) AS unplanned_production_kw,
                   coalesce(sum(a.max_consumption_kw) FILTER (WHERE NOT planned.is_so), 0) AS unplanned_consumption_kw
              FROM {_ACTIVE} JOIN party y ON y.code = a.owner,
                   LATERAL (SELECT EXISTS (SELECT FROM {WITHIN} WHERE p.block_id IS NOT NULL) AS is_so) planned
             GROUP BY 1, 2 ORDER BY 1""",
        _arguments(selection),
    ).fetchall()
    return [Portfolio(**row) for row in rows]


def standing_pieces(
    tx: Transaction, _scope: TpsScope, selection: Selection, *, block_ids: Sequence[str] | None = None
) -> list[tuple[str, Piece]]:
    """Return single plans of active assets that touch a period, each with its operator, by asset and time.

    Args:
        block_ids: Restricts the result to these blocks. None for all.
    """
    rows = tx.execute(
        f"""SELECT a.owner AS operator, {PIECE_COLUMNS} FROM {_ACTIVE}, {WITHIN}
             WHERE p.block_id IS NOT NULL AND (%(blocks)s::text[] IS NULL OR p.block_id = ANY(%(blocks)s))
             ORDER BY p.asset_id COLLATE "C", p.starts_at""",
        {**_arguments(selection), "blocks": None if block_ids is None else list(block_ids)},
    ).fetchall()
    return [(row["operator"], read_piece(row)) for row in rows]


def active_assets(tx: Transaction, _scope: TpsScope, selection: Selection) -> list[dict[str, Any]]:
    """Return active assets, sorted by id: asset_id, operator, dso, kind, max_production_kw, max_consumption_kw."""
    return tx.execute(
        """SELECT id AS asset_id, operator, dso, kind, max_production_kw, max_consumption_kw FROM active_asset
            WHERE (%(operator)s::text IS NULL OR operator = %(operator)s)
              AND (%(dso)s::text IS NULL OR dso = %(dso)s) ORDER BY id COLLATE "C" """,
        _arguments(selection),
    ).fetchall()


def pieces_of(
    tx: Transaction, _scope: TpsScope, assets: Sequence[tuple[str, str]], period: Interval
) -> list[tuple[str, Piece]]:
    """Return the plans of these (asset, operator) that touch a period, each with its operator, by asset and time."""
    rows = tx.execute(
        f"""SELECT {PIECE_COLUMNS}, p.owner FROM unnest(%(ids)s::text[], %(owners)s::text[]) AS a(id, owner), {WITHIN}
             WHERE p.block_id IS NOT NULL ORDER BY p.asset_id COLLATE "C", p.owner, p.starts_at""",
        {
            **_arguments(Selection(None, None, period)),
            "ids": [asset_id for asset_id, _ in assets],
            "owners": [operator for _, operator in assets],
        },
    ).fetchall()
    return [(row["owner"], read_piece(row)) for row in rows]


def maxima_of(
    tx: Transaction, _scope: TpsScope, assets: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return registered maximum production and consumption of these (asset, operator), in watts.

    A removed asset has 0.
    """
    rows = tx.execute(
        """SELECT a.id, a.operator, (coalesce(c.max_production_kw, 0) * 1000)::bigint AS production_w,
                  (coalesce(c.max_consumption_kw, 0) * 1000)::bigint AS consumption_w
             FROM unnest(%s::text[], %s::text[]) AS a(id, operator)
             LEFT JOIN asset_claim c ON c.id = a.id AND c.operator = a.operator AND c.claimed IS NOT NULL""",
        ([asset_id for asset_id, _ in assets], [operator for _, operator in assets]),
    ).fetchall()
    return {(row["id"], row["operator"]): (row["production_w"], row["consumption_w"]) for row in rows}


def totals_of(tx: Transaction, block_ids: Sequence[str]) -> dict[str, KnownTotal]:
    """Return the stored totals of these blocks, by id."""
    rows = tx.execute(
        "SELECT block_id, asset_count, minutes, total FROM plan_total WHERE block_id = ANY(%s)", (list(block_ids),)
    ).fetchall()
    return {row["block_id"]: KnownTotal(row["asset_count"], row["minutes"], _total(row["total"])) for row in rows}


def announced(tx: Transaction, _scope: TpsScope, selection: Selection) -> dict[str, list[PlanTotal]]:
    """Return the totals of each operator's first plans in a period, for assets that were in a grid at acceptance."""
    rows = tx.execute(
        """SELECT operator, coalesce(announced, total) AS total FROM plan_total
            WHERE ends_at > %(start)s AND starts_at < %(end)s AND dso IS NOT NULL
              AND (%(operator)s::text IS NULL OR operator = %(operator)s)
              AND (%(dso)s::text IS NULL OR dso = %(dso)s)""",
        _arguments(selection),
    ).fetchall()
    totals: dict[str, list[PlanTotal]] = {}
    for row in rows:
        totals.setdefault(row["operator"], []).append(_total(row["total"]))
    return totals


_ACTIVE = """(SELECT id, operator AS owner, dso, max_production_kw, max_consumption_kw FROM active_asset
               WHERE (%(operator)s::text IS NULL OR operator = %(operator)s)
                 AND (%(dso)s::text IS NULL OR dso = %(dso)s)) a"""


def _arguments(selection: Selection) -> dict[str, Any]:
    return {
        "operator": selection.operator,
        "dso": selection.dso,
        "start": selection.period.start,
        "end": selection.period.end,
    }


def _json(total: PlanTotal) -> str:
    parts = (total.planned_assets, total.production_w, total.consumption_w)
    return json.dumps([total.planned_assets.end_s, *([steps.starts_s, list(steps.levels_w)] for steps in parts)])


def _total(row: Sequence[Any]) -> PlanTotal:
    end_s, *parts = row
    return PlanTotal(*(Steps(tuple(starts_s), levels_w, end_s) for starts_s, levels_w in parts))


def _period(row: dict[str, Any]) -> Interval:
    return Interval(row["starts_at"].astimezone(UTC), row["ends_at"].astimezone(UTC))
