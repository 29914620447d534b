"""Verdicts on conflicts, and whether they still hold: a read model of the platform.

A verdict depends on three inputs. The first is the standing revision of the limit. The second is the operator's part
and assets, which the part's digest covers. The third is the operator's plans and registered maxima. The transactions
that change plans and maxima count their changes (`count_change`). A verdict holds while all three are unchanged. No
notification is necessary: a reader finds an outdated verdict again.

Source: docs/requirements.md, F3; docs/adr/0021-conflicts-are-kept-with-what-they-were-found-from.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tps.domain.conflict import Conflict, Excess
from tps.platform.limits import LimitName
from tps.platform.plan_total_rows import Selection

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.stores.database import Transaction

_ALWAYS_S = (0, 2**40)


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """The demand of a limit's revision on one operator, in a half-open stretch of the limit's time.

    Attributes:
        start_s, end_s: Seconds since 1970.
    """

    dso: str
    limit_id: str
    operator: str
    start_s: int
    end_s: int
    revision: int

    @property
    def name(self) -> LimitName:
        """The revision of the limit."""
        return LimitName(self.dso, self.limit_id, self.revision)


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A case and its stored verdict.

    Attributes:
        changes: Number of changes of the operator's plans and claims, read before any other input.
        is_kept: The stored verdict holds.
        severity: Severity of the conflict. None if there is no conflict, or none is known.
    """

    case: Case
    changes: int
    is_kept: bool
    severity: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for a case, and its inputs.

    Attributes:
        goes_at: When the verdict can be deleted.
    """

    case: Case
    part_digest: bytes
    changes: int
    conflict: Conflict | None
    goes_at: datetime


def count_change(tx: Transaction, operator: str) -> None:
    """Count a change of an operator's plans or claims. Other transactions that change them wait for this one."""
    tx.execute(
        """INSERT INTO operator_input AS i VALUES (%s, 1)
           ON CONFLICT (operator) DO UPDATE SET changes = i.changes + 1""",
        (operator,),
    )


def cases_within(tx: Transaction, _scope: TpsScope, selection: Selection) -> list[KnownCase]:
    """Return the cases of all limits that touch a period, filtered by DSO and operator.

    Cases without a conflict, by a verdict that holds, are left out.
    """
    window_s = (int(selection.period.start.timestamp()), int(selection.period.end.timestamp()))
    arguments = {
        "dso": selection.dso,
        "operator": selection.operator,
        "start": selection.period.start,
        "end": selection.period.end,
    }
    return _cases(tx, "k.dso IS NULL OR k.size IS NOT NULL", arguments, window_s)


def cases_ahead(tx: Transaction, _scope: TpsScope, now: datetime, longest: timedelta) -> list[KnownCase]:
    """Return the cases of limits that have not ended and have no verdict that holds.

    Args:
        longest: Maximum length of the limits.
    """
    arguments = {"dso": None, "operator": None, "start": now, "end": "infinity", "longest": longest}
    return _cases(tx, "k.dso IS NULL AND l.ends_at - l.starts_at <= %(longest)s", arguments, _ALWAYS_S)


def keep(tx: Transaction, verdicts: Sequence[Verdict]) -> None:
    """Store verdicts in place of earlier ones. The fixed order prevents deadlocks between writers."""
    if not verdicts:
        return
    rows = sorted(verdicts, key=lambda verdict: verdict.case)
    tx.execute(
        """INSERT INTO conflict_verdict (dso, limit_id, operator, start_s, end_s, revision, part_digest, changes,
                                         goes_at, is_certain, size, conflict)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::bytea[],
                                %s::bigint[], %s::timestamptz[], %s::boolean[], %s::numeric[], %s::json[])
           ON CONFLICT (dso, limit_id, operator, start_s, end_s) DO UPDATE
              SET revision = excluded.revision, part_digest = excluded.part_digest, changes = excluded.changes,
                  goes_at = excluded.goes_at, is_certain = excluded.is_certain, size = excluded.size,
                  conflict = excluded.conflict""",
        (
            *([getattr(verdict.case, name) for verdict in rows] for name in Case.__slots__),
            *([verdict.part_digest for verdict in rows], [verdict.changes for verdict in rows]),
            [verdict.goes_at for verdict in rows],
            [None if verdict.conflict is None else bool(verdict.conflict.excesses) for verdict in rows],
            [None if verdict.conflict is None else -verdict.conflict.severity[1] for verdict in rows],
            [None if verdict.conflict is None else _json(verdict.conflict) for verdict in rows],
        ),
    )


def read(tx: Transaction, cases: Sequence[Case]) -> dict[Case, Conflict]:
    """Return the stored conflicts of these cases."""
    rows = tx.execute(
        """SELECT k.dso, k.limit_id, k.operator, k.start_s, k.end_s, k.revision, k.conflict
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::int[])
                  AS c(dso, limit_id, operator, start_s, end_s, revision)
             JOIN conflict_verdict k USING (dso, limit_id, operator, start_s, end_s, revision)
            WHERE k.conflict IS NOT NULL""",
        tuple([getattr(case, name) for case in cases] for name in Case.__slots__),
    ).fetchall()
    return {Case(**row): conflict for row in rows if (conflict := _conflict(row.pop("conflict")))}


def delete_unneeded(tx: Transaction, now: datetime) -> None:
    """Delete verdicts that are no longer needed, except those that another transaction has locked."""
    tx.execute(
        """DELETE FROM conflict_verdict WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM conflict_verdict WHERE goes_at < %s FOR UPDATE SKIP LOCKED))""",
        (now,),
    )


def take_news(tx: Transaction) -> bool:
    """Return whether plans, limits or the registry changed since the last call. Exactly one caller gets True."""
    taken = tx.execute(
        """INSERT INTO judged_news AS j
           SELECT true, p.last_value, l.last_value, r.last_value
             FROM news_of_plans p, news_of_limits l, news_of_registry r
           ON CONFLICT (is_only) DO UPDATE
              SET plans = excluded.plans, limits = excluded.limits, registry = excluded.registry
            WHERE (j.plans, j.limits, j.registry) <> (excluded.plans, excluded.limits, excluded.registry)
           RETURNING is_only"""
    )
    return bool(taken.fetchall())


def _cases(tx: Transaction, condition: str, arguments: dict[str, Any], window_s: tuple[int, int]) -> list[KnownCase]:
    """Return cases. An emergency whose end equals its start gets one second, as its demand does."""
    rows = tx.execute(
        f"""SELECT l.dso, l.limit_id, l.revision, p.operator, l.start_s, l.end_s, coalesce(i.changes, 0) AS changes,
                   k.dso IS NOT NULL AS is_kept, k.is_certain, k.size
              FROM (SELECT *, greatest(first_s, %(start_s)s) AS start_s,
                           least(greatest(last_s, first_s + 1), %(end_s)s) AS end_s
                      FROM (SELECT *, floor(extract(epoch FROM starts_at))::bigint AS first_s,
                                   floor(extract(epoch FROM ends_at))::bigint AS last_s FROM limit_revision) whole
                     WHERE is_latest AND status IN ('active', 'ended')
                       AND starts_at < %(end)s AND ends_at > %(start)s
                       AND (%(dso)s::text IS NULL OR dso = %(dso)s)) l
              JOIN limit_part p USING (dso, limit_id, revision)
              LEFT JOIN operator_input i ON i.operator = p.operator
              LEFT JOIN conflict_verdict k
                   ON (k.dso, k.limit_id, k.operator, k.start_s, k.end_s)
                      = (l.dso, l.limit_id, p.operator, l.start_s, l.end_s)
                  AND (k.revision, k.part_digest, k.changes) = (l.revision, p.digest, coalesce(i.changes, 0))
             WHERE p.status IN ('active', 'ended') AND (%(operator)s::text IS NULL OR p.operator = %(operator)s)
               AND ({condition})""",
        arguments | {"start_s": window_s[0], "end_s": window_s[1]},
    ).fetchall()
    return [_known(row) for row in rows]


def _known(row: dict[str, Any]) -> KnownCase:
    case = Case(**{name: row[name] for name in Case.__slots__})
    severity = None if row["size"] is None else (0 if row["is_certain"] else 1, -int(row["size"]))
    return KnownCase(case, row["changes"], row["is_kept"], severity)


def _json(conflict: Conflict) -> str:
    excesses = [
        (excess.start_s, excess.end_s, excess.duration_s, excess.planned_ws, excess.part_ws, excess.excess_ws)
        for excess in conflict.excesses
    ]
    of_assets = conflict.unknown_count, conflict.unknown_w, conflict.concerned_count, conflict.largest
    return json.dumps([excesses, conflict.doubtful_s, *of_assets], separators=(",", ":"))


def _conflict(row: Sequence[Any]) -> Conflict:
    excesses, doubtful_s, unknown_count, unknown_w, concerned_count, largest = row
    return Conflict(
        tuple(Excess(*excess) for excess in excesses),
        None if doubtful_s is None else (doubtful_s[0], doubtful_s[1]),
        *(unknown_count, unknown_w, concerned_count),
        tuple((asset_id, energy_ws) for asset_id, energy_ws in largest),
    )
