"""Plans as the platform operator reads them: each operator's total in columns, or each asset's (F3)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from tps.api.overview import plan_json, total_json
from tps.api.types import number_json
from tps.backend.plan_totals import announced_totals, current_totals
from tps.domain.limit import Interval
from tps.domain.plan_total import PlanTotal, added
from tps.domain.steps import clipped, seconds
from tps.endpoint.plan_reading import read_steps
from tps.stores import plan_totals
from tps.stores.plan_totals import Asked, Portfolio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction


def operator_totals(endpoint: Endpoint, tx: Transaction, scope: TpsScope, asked: Asked) -> list[dict[str, Any]]:
    """Of each operator with active assets, by code: what it has, plans, and had announced first."""
    current = current_totals(endpoint, tx, scope, asked)
    announced = announced_totals(tx, scope, asked)
    return [
        _operator_json(each, current.get(each.operator), announced.get(each.operator), asked.period)
        for each in plan_totals.portfolios(tx, scope, asked)
    ]


def asset_plans(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, assets: Sequence[dict[str, Any]], *, period: Interval
) -> list[dict[str, Any]]:
    """What these active assets plan; as `plan_totals.active_assets` gives them."""
    found = plan_totals.pieces_of(tx, scope, [(each["asset_id"], each["operator"]) for each in assets], period)
    start_s, end_s = seconds(period.start), seconds(period.end)
    pieces = [piece for _, piece in found]
    steps = zip(pieces, read_steps(endpoint, tx, pieces), strict=True)
    plans = {
        asset_id: [part for _, plan in group if plan and (part := clipped(plan, start_s, end_s))]
        for asset_id, group in groupby(steps, key=lambda pair: pair[0].asset_id)
    }
    return [{**_asset_json(each), **plan_json(plans.get(each["asset_id"], ()), start_s, end_s)} for each in assets]


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
