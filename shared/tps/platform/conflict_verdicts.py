"""Conflicts of all operators with all limits, from stored verdicts as far as they hold.

A reader finds missing verdicts and stores them for the next reader. After news of plans, limits or the registry, a
tick finds them ahead. This covers limits that fit into one day: longer limits are read in stretches that only a reader
chooses.

Source: docs/requirements.md, F3; docs/adr/0021-conflicts-are-kept-with-what-they-were-found-from.md.
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
from tps.platform.conflict_verdict_rows import Case, KnownCase, Verdict
from tps.platform.limits import Revision
from tps.platform.overview_conflicts import Question, judge, questions_of
from tps.platform.plan_total_rows import Selection

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction

_LONGEST_DAY = timedelta(hours=25)
_KEPT_AFTER_END = timedelta(days=7)
_KEPT_AT_LEAST = timedelta(hours=1)
_DAY_S = 24 * 3600
_AT_ONCE = 500


def list_conflicts(endpoint: Endpoint, tx: Transaction, scope: TpsScope, selection: Selection) -> list[KnownCase]:
    """Return every conflict of the limits that touch a period. Find and store missing verdicts."""
    cases = conflict_verdicts.cases_within(tx, scope, selection)
    verdicts = list(find_verdicts(endpoint, tx, scope, [known for known in cases if not known.is_kept]))
    conflict_verdicts.keep(tx, verdicts)
    return [known for known in cases if known.is_kept] + [
        KnownCase(verdict.case, verdict.changes, True, verdict.conflict.severity)
        for verdict in verdicts
        if verdict.conflict is not None
    ]


def show_conflicts(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, listed: Sequence[KnownCase]
) -> list[dict[str, Any]]:
    """Return these conflicts as JSON, in their order. Conflicts that have disappeared since are left out."""
    conflicts = conflict_verdicts.read(tx, [known.case for known in listed])
    deleted = [known for known in listed if known.case not in conflicts]
    verdicts = find_verdicts(endpoint, tx, scope, deleted)
    conflicts |= {verdict.case: verdict.conflict for verdict in verdicts if verdict.conflict}
    shown = [known.case for known in listed if known.case in conflicts]
    revisions = overview_limits.revisions(tx, scope, list({case.name for case in shown}))
    parties = registry.parties(tx, {case.operator for case in shown})
    return [
        {
            **_head(revisions[case.name], endpoint.clock()),
            "operator": case.operator,
            "name": parties[case.operator].name,
        }
        | _body(revisions[case.name], conflicts[case])
        for case in shown
    ]


def find_verdicts(
    endpoint: Endpoint, tx: Transaction, scope: TpsScope, known: Sequence[KnownCase]
) -> Iterator[Verdict]:
    """Yield new verdicts on these cases, day by day. Cases whose part no longer stands are left out."""
    cases = [item.case for item in known]
    latest = overview_limits.revisions(tx, scope, list({case.name for case in cases})).values()
    standing = questions_of(tx, scope, list(latest), operators=list({case.operator for case in cases}))
    questions = {(question.revision.name, question.part.operator): question for question in standing}
    of_part = [(questions[key], item) for item in known if (key := (item.case.name, item.case.operator)) in questions]
    of_part.sort(key=lambda pair: pair[1].case.start_s)
    for _, day in groupby(of_part, lambda pair: pair[1].case.start_s // _DAY_S):
        pairs = list(day)
        verdicts = judge(endpoint, tx, scope, [(question, _period(item.case)) for question, item in pairs])
        for (question, item), verdict in zip(pairs, verdicts, strict=True):
            conflict = verdict.conflict if verdict else None
            goes_at = _goes_at(question, item.case, endpoint.clock())
            yield Verdict(item.case, question.part.digest, item.changes, conflict, goes_at)


def look_ahead(endpoint: Endpoint) -> None:
    """Find verdicts after news, before a reader needs them. Lost news only costs the reader time."""
    with endpoint.database.transaction() as tx:
        conflict_verdicts.delete_unneeded(tx, endpoint.clock())
        own = endpoint.own(tx, endpoint.platform)
        if own is None or not conflict_verdicts.take_news(tx):
            return
    scope = TpsScope(own.party)
    with endpoint.database.transaction() as tx:
        missing = conflict_verdicts.cases_ahead(tx, scope, endpoint.clock(), _LONGEST_DAY)
    missing.sort(key=lambda known: (known.case.start_s // _DAY_S, known.case.operator))
    for start in range(0, len(missing), _AT_ONCE):
        with endpoint.database.transaction() as tx:
            batch = missing[start : start + _AT_ONCE]
            conflict_verdicts.keep(tx, list(find_verdicts(endpoint, tx, scope, batch)))


def _period(case: Case) -> Interval:
    return Interval(moment(case.start_s), moment(case.end_s))


def _goes_at(question: Question, case: Case, now: datetime) -> datetime:
    """Return when a verdict can be deleted. Verdicts on whole limits are read until long after their end."""
    is_whole = (case.start_s, case.end_s) == (question.demand.start_s, question.demand.end_s)
    earliest = now + _KEPT_AT_LEAST
    return max(earliest, moment(case.end_s) + _KEPT_AFTER_END) if is_whole else earliest


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
