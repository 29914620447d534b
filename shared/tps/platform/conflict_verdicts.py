"""Conflicts of all operators with all limits, from what was found before as far as it holds (F3).

Whoever reads finds what is missing, and keeps it for the next. After news of plans, limits or the registry that is done
ahead of reading, for limits that a day shows whole: of what is longer, the stretches are those that somebody looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tps.api.conflicts import conflict_json
from tps.domain.conflict import Conflict
from tps.domain.limit import Interval
from tps.domain.limit_revision import status_at
from tps.domain.scope import TpsScope
from tps.domain.steps import moment
from tps.party.demands import kind_of
from tps.platform import conflict_verdict_rows as conflict_verdicts
from tps.platform import overview_limit_rows as overview_limits
from tps.platform import registry
from tps.platform.conflict_verdict_rows import Case, Known, Verdict
from tps.platform.limits import Revision
from tps.platform.overview_conflicts import Question, judge, questions_of
from tps.platform.plan_total_rows import Asked

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

_LONGEST_DAY = timedelta(hours=25)
_KEPT_AFTER_END = timedelta(days=7)
_KEPT_AT_LEAST = timedelta(hours=1)
_DAY_S = 24 * 3600
_AT_ONCE = 500


def list_conflicts(endpoint: Endpoint, tx: Transaction, scope: TpsScope, asked: Asked) -> list[Known]:
    """Every conflict of the limits that touch a period; what was not known of them is known from now on."""
    cases = conflict_verdicts.cases_within(tx, scope, asked)
    found = list(find_verdicts(endpoint, tx, scope, [each for each in cases if not each.is_kept]))
    conflict_verdicts.keep(tx, found)
    return [each for each in cases if each.is_kept] + [
        Known(each.case, each.changes, True, each.conflict.severity) for each in found if each.conflict is not None
    ]


def show_conflicts(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, listed: Sequence[Known]
) -> list[dict[str, Any]]:
    """These conflicts as JSON, in their order; without those that somebody has found to be none since."""
    conflicts = conflict_verdicts.read(tx, [each.case for each in listed])
    gone = [each for each in listed if each.case not in conflicts]
    conflicts |= {each.case: each.conflict for each in find_verdicts(endpoint, tx, scope, gone) if each.conflict}
    shown = [each.case for each in listed if each.case in conflicts]
    revisions = overview_limits.revisions(tx, scope, list({each.name for each in shown}))
    parties = registry.parties(tx, {each.operator for each in shown})
    return [
        {
            **_head(revisions[each.name], endpoint.clock()),
            "operator": each.operator,
            "name": parties[each.operator].name,
        }
        | _body(revisions[each.name], conflicts[each])
        for each in shown
    ]


def find_verdicts(endpoint: Endpoint, tx: Transaction, scope: TpsScope, known: Sequence[Known]) -> Iterator[Verdict]:
    """How it is in these cases, found anew, day by day; nothing of a part that does not stand any more."""
    names, operators = {each.case.name for each in known}, {each.case.operator for each in known}
    latest = overview_limits.revisions(tx, scope, list(names)).values()
    asked = questions_of(tx, scope, list(latest), operators=list(operators))
    questions = {(each.revision.name, each.part.operator): each for each in asked}
    of_part = [(questions[key], each) for each in known if (key := (each.case.name, each.case.operator)) in questions]
    of_part.sort(key=lambda pair: pair[1].case.start_s)
    for _, day in groupby(of_part, lambda pair: pair[1].case.start_s // _DAY_S):
        pairs = list(day)
        found = judge(endpoint, tx, scope, [(question, _period(each.case)) for question, each in pairs])
        for (question, each), one in zip(pairs, found, strict=True):
            conflict, goes_at = one.conflict if one else None, _goes_at(question, each.case, endpoint.clock())
            yield Verdict(each.case, question.part.digest, each.changes, conflict, goes_at)


def look_ahead(endpoint: Endpoint) -> None:
    """Find, after news, what whoever hears of it will ask for. News that is lost here costs that reader's time."""
    with endpoint.database.transaction() as tx:
        conflict_verdicts.let_go(tx, endpoint.clock())
        own = endpoint.own(tx, endpoint.platform)
        if own is None or not conflict_verdicts.take_news(tx):
            return
    scope = TpsScope(own.party)
    with endpoint.database.transaction() as tx:
        missing = conflict_verdicts.cases_ahead(tx, scope, endpoint.clock(), _LONGEST_DAY)
    missing.sort(key=lambda each: (each.case.start_s // _DAY_S, each.case.operator))
    for start in range(0, len(missing), _AT_ONCE):
        with endpoint.database.transaction() as tx:
            some = missing[start : start + _AT_ONCE]
            conflict_verdicts.keep(tx, list(find_verdicts(endpoint, tx, scope, some)))


def _period(case: Case) -> Interval:
    return Interval(moment(case.start_s), moment(case.end_s))


def _goes_at(question: Question, case: Case, now: datetime) -> datetime:
    """A whole limit is looked at again until it is long over; a stretch of one belongs to who looks now."""
    is_whole = (case.start_s, case.end_s) == (question.demand.start_s, question.demand.end_s)
    soon = now + _KEPT_AT_LEAST
    return max(soon, moment(case.end_s) + _KEPT_AFTER_END) if is_whole else soon


def _head(revision: Revision, now: datetime) -> dict[str, Any]:
    return {
        "dso": revision.name.dso,
        "limit_id": revision.name.limit_id,
        "revision": revision.name.revision,
        "limit_kind": str(revision.kind),
        "limit_status": str(status_at(revision.status, revision.period.end, now)),
        "direction": str(revision.direction),
    }


def _body(revision: Revision, conflict: Conflict) -> dict[str, Any]:
    assert revision.limit is not None
    return conflict_json(conflict, str(kind_of(revision.limit)))
