"""Rows of limits for the platform operator: revisions, parts, and the progress of each message.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.domain.limit_revision import LimitStatus
from tps.platform.limits import LimitName, OperatorPart, Revision, read_part, read_revision
from tps.platform.plan_total_rows import Selection

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.stores.database import Transaction

_PART = """operator, sent_limit_id, sent_revision, weight_kw, parts_kw, status, generation, digest, message_id"""


@dataclass(frozen=True, slots=True)
class RevisionHead:
    """The number, status and time of a revision."""

    revision: int
    status: LimitStatus
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """The progress of one message.

    Attributes:
        state: State in the platform's ledger.
        issued_at, delivered_at, read_at: None until the message reaches this step.
    """

    message_id: str
    state: str
    issued_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenPart:
    """The part that one operator was last sent, the number of its assets in the limit, and the message."""

    part: OperatorPart
    operator_name: str
    asset_count: int
    sent: Sent | None


@dataclass(frozen=True, slots=True)
class StandingPart:
    """An operator's part of a revision.

    Attributes:
        parts_kw: The part of each interval, in kW.
        asset_ids: The operator's assets in the limit.
        digest: Digest of the part and its assets.
    """

    name: LimitName
    operator: str
    operator_name: str
    parts_kw: tuple[Decimal, ...]
    asset_ids: Sequence[str]
    digest: bytes


@dataclass(frozen=True, slots=True)
class SeenLimit:
    """A limit of a DSO.

    Attributes:
        latest: The newest revision.
        standing: The newest revision with content. It differs from `latest` if that cancels or withdraws the limit.
    """

    latest: Revision
    standing: Revision
    revisions: tuple[RevisionHead, ...]
    asset_count: int
    parts: tuple[SeenPart, ...]


def latest_within(tx: Transaction, _scope: TpsScope, selection: Selection) -> list[Revision]:
    """Return the latest revision of each limit that touches a period, by start, DSO and id.

    The result can be limited to a DSO and to an operator.
    """
    rows = tx.execute(
        """SELECT l.* FROM limit_revision l
            WHERE l.is_latest AND l.starts_at < %(end)s AND l.ends_at > %(start)s
              AND (%(dso)s::text IS NULL OR l.dso = %(dso)s)
              AND (%(operator)s::text IS NULL OR EXISTS (
                   SELECT FROM limit_part p
                    WHERE p.dso = l.dso AND p.limit_id = l.limit_id AND p.operator = %(operator)s))
            ORDER BY l.starts_at, l.dso, l.limit_id""",
        {
            "dso": selection.dso,
            "operator": selection.operator,
            "start": selection.period.start,
            "end": selection.period.end,
        },
    ).fetchall()
    return [read_revision(row) for row in rows]


def latest_named(tx: Transaction, _scope: TpsScope, limit_id: str) -> list[Revision]:
    """Return the latest revision of the limits with this id. Several DSOs may use the same id."""
    rows = tx.execute(
        "SELECT * FROM limit_revision WHERE limit_id = %s AND is_latest ORDER BY dso", (limit_id,)
    ).fetchall()
    return [read_revision(row) for row in rows]


def revisions(tx: Transaction, _scope: TpsScope, names: Sequence[LimitName]) -> dict[LimitName, Revision]:
    """Return these revisions, by name."""
    rows = tx.execute(
        f"SELECT l.* FROM limit_revision l JOIN {_REVISIONS} USING (dso, limit_id, revision)", _revisions_named(names)
    ).fetchall()
    return {revision.name: revision for revision in map(read_revision, rows)}


def seen_limits(
    tx: Transaction, _scope: TpsScope, latest: Sequence[Revision], component: str, *, operator: str | None = None
) -> list[SeenLimit]:
    """Return these limits with revisions, parts and messages, in their order.

    Args:
        component: The platform's component, which sent the messages.
        operator: Restricts the parts to this operator. None for all.
    """
    names = [(revision.name.dso, revision.name.limit_id) for revision in latest]
    heads, standing = _revisions(tx, names)
    counts = _asset_counts(tx, list(standing.values()))
    parts = _parts(tx, names, component, operator)
    limits = []
    for revision, name in zip(latest, names, strict=True):
        own = standing.get(name, revision)
        by_operator = counts[own.name]
        seen = tuple(_seen_part(row, by_operator) for row in parts[name])
        limits.append(SeenLimit(revision, own, tuple(heads[name]), sum(by_operator.values()), seen))
    return limits


def standing_parts(
    tx: Transaction, _scope: TpsScope, names: Sequence[LimitName], *, operators: Sequence[str] | None = None
) -> list[StandingPart]:
    """Return each operator's part and assets of these revisions. A revision that is being divided has none.

    Args:
        operators: Restricts the parts to these operators. None for all.
    """
    rows = tx.execute(
        f"""SELECT p.dso, p.limit_id, p.revision, p.operator, y.name, p.parts_kw, a.asset_ids, p.digest
              FROM {_REVISIONS}
              JOIN LATERAL (
                   SELECT operator, array_agg(asset_id) AS asset_ids FROM limit_asset a
                    WHERE (a.dso, a.limit_id, a.revision) = (named.dso, named.limit_id, named.revision)
                      AND (%(operators)s::text[] IS NULL OR operator = ANY(%(operators)s))
                    GROUP BY operator) a ON true
              JOIN limit_part p USING (dso, limit_id, revision, operator)
              LEFT JOIN party y ON y.code = p.operator
             WHERE p.status IN ('active', 'ended')""",
        _revisions_named(names) | {"operators": operators},
    ).fetchall()
    return [
        StandingPart(
            LimitName(row["dso"], row["limit_id"], row["revision"]),
            *(row["operator"], row["name"] or "", tuple(row["parts_kw"]), row["asset_ids"], bytes(row["digest"])),
        )
        for row in rows
    ]


def hops_of(tx: Transaction, _scope: TpsScope, component: str, message_ids: Sequence[str]) -> dict[str, list[Any]]:
    """Return every step of these messages of the platform, by message, oldest first.

    Each step is a row of at, state, at_component, details.
    """
    rows = tx.execute(
        """SELECT message_id, at, state, at_component, details FROM message_trace
            WHERE component = %s AND message_id = ANY(%s) ORDER BY step""",
        (component, list(message_ids)),
    ).fetchall()
    hops: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        hops[row.pop("message_id")].append(row)
    return hops


_REVISIONS = "unnest(%(dsos)s::text[], %(ids)s::text[], %(revisions)s::int[]) AS named(dso, limit_id, revision)"


def _revisions_named(names: Sequence[LimitName]) -> dict[str, Any]:
    return {
        "dsos": [name.dso for name in names],
        "ids": [name.limit_id for name in names],
        "revisions": [name.revision for name in names],
    }


_Name = tuple[str, str]
_NAMED = "unnest(%(dsos)s::text[], %(ids)s::text[]) AS named(dso, limit_id)"


def _named(names: Sequence[_Name]) -> dict[str, Any]:
    return {"dsos": [dso for dso, _ in names], "ids": [limit_id for _, limit_id in names]}


def _revisions(
    tx: Transaction, names: Sequence[_Name]
) -> tuple[dict[_Name, list[RevisionHead]], dict[_Name, Revision]]:
    rows = tx.execute(
        f"SELECT * FROM limit_revision JOIN {_NAMED} USING (dso, limit_id) ORDER BY revision", _named(names)
    ).fetchall()
    heads: dict[_Name, list[RevisionHead]] = defaultdict(list)
    standing: dict[_Name, Revision] = {}
    for revision in map(read_revision, rows):
        name = (revision.name.dso, revision.name.limit_id)
        heads[name].append(RevisionHead(revision.name.revision, revision.status, revision.accepted_at))
        if revision.limit is not None:
            standing[name] = revision
    return heads, standing


def _asset_counts(tx: Transaction, standing: Sequence[Revision]) -> dict[LimitName, dict[str, int]]:
    rows = tx.execute(
        f"""SELECT named.dso, named.limit_id, named.revision, a.operator, a.assets
              FROM {_REVISIONS}, LATERAL (
                   SELECT operator, count(*) AS assets FROM limit_asset a
                    WHERE (a.dso, a.limit_id, a.revision) = (named.dso, named.limit_id, named.revision)
                    GROUP BY operator) a""",
        _revisions_named([revision.name for revision in standing]),
    ).fetchall()
    counts: dict[LimitName, dict[str, int]] = defaultdict(dict)
    for row in rows:
        counts[LimitName(row["dso"], row["limit_id"], row["revision"])][row["operator"]] = row["assets"]
    return counts


def _parts(
    tx: Transaction, names: Sequence[_Name], component: str, operator: str | None
) -> dict[_Name, list[dict[str, Any]]]:
    rows = tx.execute(
        f"""SELECT part.*, y.name AS operator_name, m.state, m.sent_at AS issued_at, t.delivered_at, t.read_at
              FROM (SELECT DISTINCT ON (dso, limit_id, operator) dso, limit_id, {_PART}
                      FROM limit_part JOIN {_NAMED} USING (dso, limit_id)
                     WHERE %(operator)s::text IS NULL OR operator = %(operator)s
                     ORDER BY dso, limit_id, operator, revision DESC) part
              LEFT JOIN party y ON y.code = part.operator
              LEFT JOIN message m ON m.component = %(component)s AND m.message_id = part.message_id
              LEFT JOIN LATERAL (
                   SELECT min(at) FILTER (WHERE state = 'DELIVERED') AS delivered_at,
                          min(at) FILTER (WHERE state = 'RECEIVED') AS read_at
                     FROM message_trace WHERE component = m.component AND message_id = m.message_id) t ON true
             ORDER BY part.operator""",
        {**_named(names), "component": component, "operator": operator},
    ).fetchall()
    parts: dict[_Name, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        parts[row["dso"], row["limit_id"]].append(row)
    return parts


def _seen_part(row: dict[str, Any], asset_counts: dict[str, int]) -> SeenPart:
    part = read_part({name: row[name] for name in _PART.split(", ")})
    sent = None
    if row["state"] is not None:
        sent = Sent(row["message_id"], row["state"], row["issued_at"], row["delivered_at"], row["read_at"])
    return SeenPart(part, row["operator_name"] or "", asset_counts.get(row["operator"], 0), sent)
