"""Conflicts for the platform operator: each operator's plans against its part of each limit.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tps.domain.demand import Demand, PlannedAsset
from tps.domain.limit import Interval
from tps.party.demands import Judged, demand_of, judged, needed_period, planned_assets
from tps.platform import overview_limit_rows as overview_limits
from tps.platform import plan_total_rows as plan_totals
from tps.platform.limits import Revision
from tps.platform.overview_limit_rows import StandingPart
from tps.platform.plan_total_rows import Selection

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Question:
    """The demand of one limit on one operator's assets."""

    revision: Revision
    part: StandingPart
    demand: Demand


def find_conflicts(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, selection: Selection, *, limit_id: str
) -> list[Judged]:
    """Return the conflicts of the limits with this id, for all operators or the selected one."""
    latest = overview_limits.latest_within(tx, scope, selection)
    standing = [revision for revision in latest if revision.name.limit_id == limit_id]
    operators = None if selection.operator is None else [selection.operator]
    questions = questions_of(tx, scope, standing, operators=operators)
    verdicts = judge(endpoint, tx, scope, [(question, selection.period) for question in questions])
    return [verdict for verdict in verdicts if verdict is not None]


def questions_of(
    tx: Transaction, scope: TpsScope, latest: Sequence[Revision], *, operators: Sequence[str] | None = None
) -> list[Question]:
    """Return the demands of these revisions on each operator, or on the given ones."""
    standing = {revision.name: revision for revision in latest}
    parts = overview_limits.standing_parts(tx, scope, list(standing), operators=operators)
    return [
        Question(standing[part.name], part, demand_of(limit, part.parts_kw))
        for part in parts
        if (limit := standing[part.name].limit) is not None
    ]


def judge(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, questions: Sequence[tuple[Question, Interval]]
) -> list[Judged | None]:
    """Return the conflict of each question in its period, or None.

    All plans are read at once, so the periods should be close to each other.
    """
    if not questions:
        return []
    assets = _assets(endpoint, tx, scope, questions)
    return [
        judged(question.demand, [assets[pair] for pair in _pairs(question)], period) for question, period in questions
    ]


def _assets(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, questions: Sequence[tuple[Question, Interval]]
) -> dict[tuple[str, str], PlannedAsset]:
    """Return the plans of all assets of the questions, by (asset, operator)."""
    pairs = sorted({pair for question, _ in questions for pair in _pairs(question)})
    hull = Interval(min(period.start for _, period in questions), max(period.end for _, period in questions))
    period = needed_period((question.demand for question, _ in questions), hull)
    pieces = plan_totals.pieces_of(tx, scope, pairs, period)
    keyed = [((piece.asset_id, operator), piece) for operator, piece in pieces]
    return planned_assets(endpoint, tx, keyed, plan_totals.maxima_of(tx, scope, pairs))


def _pairs(question: Question) -> list[tuple[str, str]]:
    """Return (asset, operator) of each asset of a question."""
    return [(asset_id, question.part.operator) for asset_id in question.part.asset_ids]
