"""Conflicts of an operator: its own plans against its own parts of limits.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.domain.limit import Interval, LimitKind
from tps.domain.scope import AgrScope
from tps.operator import limits
from tps.party import resources
from tps.party.conflicts import OwnConflict, Stated, asset_ids_of, conflicts_of, limit_head, watts_of
from tps.party.limit_bodies import limit_of_body

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.party.demands import Maxima
    from tps.stores.database import Transaction


def conflicts_of_operator(
    endpoint: Endpoint, tx: Transaction, scope: AgrScope, window: Interval, *, now: datetime
) -> list[OwnConflict]:
    """Return the conflicts between an operator's own plans and its own parts of limits in a window."""
    stated = [
        Stated(
            limit.limit_id,
            limit_of_body(LimitKind(limit.body["kind"]), limit.body),
            limit.body["asset_ids"],
            {**limit_head(limit.body, limit.status, limit.period.end, now), "issuer": limit.body["issuer"]},
        )
        for limit in limits.standing_between(tx, scope, window)
    ]
    ids = asset_ids_of(stated)
    bodies = {resource.id: resource.body for resource in resources.read_own(tx, scope.party, ids)}
    maxima = {asset_id: _maxima(bodies.get(asset_id, {})) for asset_id in ids}
    return conflicts_of(endpoint, tx, scope.party, stated, window=window, maxima=maxima)


def _maxima(body: Mapping[str, Any]) -> Maxima:
    production_kw, consumption_kw = (body.get(name) for name in ("max_production_kw", "max_consumption_kw"))
    return watts_of(production_kw), watts_of(consumption_kw)
