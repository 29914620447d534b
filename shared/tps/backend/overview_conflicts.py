"""Conflicts as the platform operator sees them: what each operator plans against its part of each limit (F3)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache

from tps.api.conflicts import conflict_json
from tps.backend.demands import Judged, demand_of, judged, looked_at, planned_assets
from tps.domain.conflict import Demand, PlannedAsset
from tps.domain.limit import Interval
from tps.domain.limit_revision import status_at
from tps.stores import overview_limits, overview_news, plan_totals
from tps.stores.limits import Revision
from tps.stores.overview_news import Topic
from tps.stores.plan_totals import Asked

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction


_REMEMBERED, _REMEMBERED_S = 16, 30
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class OperatorConflict:
    """A limit, an operator concerned by it, and how its plans go with its part."""

    revision: Revision
    operator: str
    operator_name: str
    judged: Judged


@dataclass(frozen=True, slots=True)
class _Question:
    """What one limit asks of one operator's assets."""

    revision: Revision
    operator: str
    operator_name: str
    demand: Demand
    asset_ids: Sequence[str]


_Key = tuple[Asked, str | None, tuple[int, ...]]
_found: TTLCache[_Key, list[OperatorConflict]] = TTLCache(_REMEMBERED, _REMEMBERED_S)


def find_conflicts(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, asked: Asked, *, limit_id: str | None = None
) -> list[OperatorConflict]:
    """Conflicts of every limit that touches a period with every operator that it concerns, or of those asked for.

    Found anew when there is news of plans, limits or the registry; meanwhile they are remembered.
    """
    counts = zip(Topic, overview_news.counts(tx, scope), strict=True)
    key = (asked, limit_id, tuple(count for topic, count in counts if topic is not Topic.DELIVERIES))
    with _lock:
        known = _found.get(key)
    if known is None:
        known = _find(endpoint, tx, scope, asked, limit_id=limit_id)
        with _lock:
            _found[key] = known
    return known


def _find(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, asked: Asked, *, limit_id: str | None
) -> list[OperatorConflict]:
    questions = _questions(tx, scope, asked, limit_id)
    assets = _assets(endpoint, tx, scope, questions, window=asked.period)
    found = []
    for question in questions:
        own = [assets[asset_id, question.operator] for asset_id in question.asset_ids]
        verdict = judged(question.demand, own, asked.period)
        if verdict is not None:
            found.append(OperatorConflict(question.revision, question.operator, question.operator_name, verdict))
    return found


def operator_conflict_json(found: OperatorConflict, now: datetime) -> dict[str, Any]:
    """A conflict, whose it is, and the assets that make most of it."""
    revision, verdict = found.revision, found.judged
    return {
        "dso": revision.name.dso,
        "limit_id": revision.name.limit_id,
        "revision": revision.name.revision,
        "limit_kind": str(revision.kind),
        "limit_status": str(status_at(revision.status, revision.period.end, now)),
        "direction": str(revision.direction),
        "operator": found.operator,
        "name": found.operator_name,
        **conflict_json(verdict.conflict, str(verdict.demand.kind)),
    }


def _questions(tx: Transaction, scope: TpsScope, asked: Asked, limit_id: str | None) -> list[_Question]:
    latest = overview_limits.latest_within(tx, scope, asked)
    standing = {each.name: each for each in latest if limit_id in (None, each.name.limit_id)}
    parts = overview_limits.standing_parts(tx, scope, list(standing), operator=asked.operator)
    return [
        _Question(
            standing[part.name], part.operator, part.operator_name, demand_of(limit, part.parts_kw), part.asset_ids
        )
        for part in parts
        if (limit := standing[part.name].limit) is not None
    ]


def _assets(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, questions: Sequence[_Question], *, window: Interval
) -> dict[tuple[str, str], PlannedAsset]:
    """What each asset concerned plans, as its operator's; by both."""
    pairs = sorted({(asset_id, each.operator) for each in questions for asset_id in each.asset_ids})
    period = looked_at((each.demand for each in questions), window)
    pieces = plan_totals.pieces_of(tx, scope, pairs, period)
    keyed = [((piece.asset_id, operator), piece) for operator, piece in pieces]
    return planned_assets(endpoint, tx, keyed, plan_totals.maxima_of(tx, scope, pairs))
