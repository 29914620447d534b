"""Plans as the platform operator reads them: total per operator in columns, or per asset.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tps.api.overview import plan_json, total_json
from tps.api.types import number_json
from tps.domain.limit import Interval
from tps.domain.plan import Piece, by_asset, laid_over
from tps.domain.plan_total import PlanTotal, added
from tps.domain.steps import Steps, clipped, seconds
from tps.party.plan_reading import read_steps
from tps.platform import announced_plans
from tps.platform import plan_total_rows as plan_totals
from tps.platform.plan_total_rows import Portfolio, Selection
from tps.platform.plan_totals import announced_totals, current_totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction


def operator_totals(endpoint: Endpoint, tx: Transaction, scope: TpsScope, selection: Selection) -> list[dict[str, Any]]:
    """Return each operator with active assets, by code: its installed power, its plans, and its first plans."""
    current = current_totals(endpoint, tx, scope, selection)
    announced = announced_totals(tx, scope, selection)
    return [
        _operator_json(portfolio, current.get(portfolio.operator), announced.get(portfolio.operator), selection.period)
        for portfolio in plan_totals.portfolios(tx, scope, selection)
    ]


def asset_plans(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, assets: Sequence[dict[str, Any]], *, selection: Selection
) -> list[dict[str, Any]]:
    """Return the plans and the first plans of these active assets.

    Args:
        assets: Rows of `plan_totals.active_assets`.
    """
    pairs = [(asset["asset_id"], asset["operator"]) for asset in assets]
    standing = [piece for _, piece in plan_totals.pieces_of(tx, scope, pairs, selection.period)]
    first = _announced(tx, scope, standing, pairs, selection=selection)
    current = _drawn(read_steps(endpoint, tx, standing), standing, pairs, selection.period)
    announced = _drawn(read_steps(endpoint, tx, first), first, pairs, selection.period)
    return [
        {**_asset_json(asset), **plan, **({} if first_plan == plan else {"announced": first_plan})}
        for asset, plan, first_plan in zip(assets, current, announced, strict=True)
    ]


def _announced(
    tx: Transaction,
    scope: TpsScope,
    standing: Sequence[Piece],
    pairs: Sequence[tuple[str, str]],
    *,
    selection: Selection,
) -> list[Piece]:
    """Return the first plans of these assets, by asset and time.

    As in the totals, only plans of assets that were in a grid count.
    """
    earlier = by_asset(announced_plans.announced_pieces(tx, scope, pairs, selection.period))
    first = [
        piece
        for asset_id, pieces in by_asset(standing).items()
        for piece in laid_over(pieces, earlier.pop(asset_id, ()))
    ]
    first += [piece for pieces in earlier.values() for piece in pieces]
    named = {piece.block_id for piece in first if piece.block_id is not None}
    in_grid = announced_plans.blocks_in_grid(tx, scope, named, selection.dso)
    return [piece for piece in first if piece.block_id in in_grid]


def _drawn(
    steps: Sequence[Steps | None], pieces: Sequence[Piece], pairs: Sequence[tuple[str, str]], period: Interval
) -> list[dict[str, list[Any]]]:
    """Return the plan of each of these assets. The pieces of an asset are sorted by time."""
    start_s, end_s = seconds(period.start), seconds(period.end)
    plans: dict[str, list[Steps]] = defaultdict(list)
    for piece, plan in zip(pieces, steps, strict=True):
        if plan and (part := clipped(plan, start_s, end_s)):
            plans[piece.asset_id].append(part)
    return [plan_json(plans[asset_id], start_s, end_s) for asset_id, _ in pairs]


def _operator_json(
    portfolio: Portfolio, current: PlanTotal | None, announced: PlanTotal | None, period: Interval
) -> dict[str, Any]:
    start_s, end_s = seconds(period.start), seconds(period.end)
    nothing = added((), start_s, end_s)
    body = {
        "operator": portfolio.operator,
        "name": portfolio.name,
        "asset_count": portfolio.asset_count,
        "planned_asset_count": portfolio.planned_asset_count,
        "installed_production_kw": number_json(portfolio.production_kw),
        "installed_consumption_kw": number_json(portfolio.consumption_kw),
        "unplanned_production_kw": number_json(portfolio.unplanned_production_kw),
        "unplanned_consumption_kw": number_json(portfolio.unplanned_consumption_kw),
        "current": total_json(current or nothing, start_s),
    }
    first = total_json(announced or nothing, start_s)
    return body if first == body["current"] else {**body, "announced": first}


def _asset_json(asset: dict[str, Any]) -> dict[str, Any]:
    maxima = {name: asset[name] for name in ("max_production_kw", "max_consumption_kw")}
    return {
        **{name: asset[name] for name in ("asset_id", "operator", "dso", "kind")},
        **{name: number_json(power_kw) for name, power_kw in maxima.items() if power_kw is not None},
    }
