"""Conflicts as the platform operator sees them: what each operator plans against its part of each limit (F3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tps.domain.conflict import Demand, PlannedAsset
from tps.domain.limit import Interval
from tps.party.demands import Judged, demand_of, judged, needed_period, planned_assets
from tps.platform import overview_limit_rows as overview_limits
from tps.platform import plan_total_rows as plan_totals
from tps.platform.limits import Revision
from tps.platform.overview_limit_rows import StandingPart
from tps.platform.plan_total_rows import Asked

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Question:
    """What one limit asks of one operator's assets."""

    revision: Revision
    part: StandingPart
    demand: Demand


def find_conflicts(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, asked: Asked, *, limit_id: str
) -> list[Judged]:
    """The conflicts of the limits with this id with every operator that they concern, or with the one asked for."""
    latest = overview_limits.latest_within(tx, scope, asked)
    standing = [each for each in latest if each.name.limit_id == limit_id]
    operators = None if asked.operator is None else [asked.operator]
    questions = questions_of(tx, scope, standing, operators=operators)
    verdicts = judge(endpoint, tx, scope, [(each, asked.period) for each in questions])
    return [verdict for verdict in verdicts if verdict is not None]


def questions_of(
    tx: Transaction, scope: TpsScope, latest: Sequence[Revision], *, operators: Sequence[str] | None = None
) -> list[Question]:
    """What these revisions ask of each operator concerned, or of these ones."""
    standing = {each.name: each for each in latest}
    parts = overview_limits.standing_parts(tx, scope, list(standing), operators=operators)
    return [
        Question(standing[part.name], part, demand_of(limit, part.parts_kw))
        for part in parts
        if (limit := standing[part.name].limit) is not None
    ]


def judge(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, questions: Sequence[tuple[Question, Interval]]
) -> list[Judged | None]:
    """How plans go with what is asked in a period, one by one. What is planned is read for all of them at once: their
    periods should lie close to each other."""
    if not questions:
        return []
    assets = _assets(endpoint, tx, scope, questions)
    return [
        judged(each.demand, [assets[asset_id, each.part.operator] for asset_id in each.part.asset_ids], period)
        for each, period in questions
    ]


def _assets(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, questions: Sequence[tuple[Question, Interval]]
) -> dict[tuple[str, str], PlannedAsset]:
    """What each asset concerned plans, as its operator's; by both."""
    pairs = sorted({(asset_id, each.part.operator) for each, _ in questions for asset_id in each.part.asset_ids})
    whole = Interval(min(period.start for _, period in questions), max(period.end for _, period in questions))
    pieces = plan_totals.pieces_of(tx, scope, pairs, needed_period((each.demand for each, _ in questions), whole))
    keyed = [((piece.asset_id, operator), piece) for operator, piece in pieces]
    return planned_assets(endpoint, tx, keyed, plan_totals.maxima_of(tx, scope, pairs))
