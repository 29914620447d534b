"""Accepted limits, with the weights frozen at acceptance, and the operators' parts.

Source: docs/requirements.md, F6a; docs/semantics.md, "Fairness".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.domain.limit import (
    Action,
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    Limit,
    LimitKind,
    Reason,
    UnforeseenLimit,
)
from tps.domain.limit_revision import LimitStatus, Standing

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class LimitName:
    """The name of a revision of a DSO's limit."""

    dso: str
    limit_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class WeighedAsset:
    """A listed asset with its operator and its weight in the limit's direction, at the acceptance of the limit."""

    asset_id: str
    operator: str
    weight_kw: Decimal


@dataclass(frozen=True, slots=True)
class Revision:
    """An accepted revision.

    Attributes:
        limit: None for a cancellation or withdrawal. Its `asset_ids` are empty after reading: the frozen assets are the
            assets of the limit.
        direction: Direction of the limit, or of the cancelled limit.
        message_id: The message that carried the revision.
        is_relayed: The messages to its operators are decided.
    """

    name: LimitName
    kind: LimitKind
    status: LimitStatus
    direction: Direction
    period: Interval
    reason: Reason
    limit: Limit | None
    message_id: str
    accepted_at: datetime
    is_relayed: bool = False

    @property
    def standing(self) -> Standing:
        """The values that decide on a next revision."""
        return Standing(self.name.revision, self.kind, self.status, self.period.end)


@dataclass(frozen=True, slots=True)
class OperatorPart:
    """The part that one operator was last sent, or is sent now.

    Attributes:
        sent_limit_id, sent_revision: Id and revision under which the operator knows the limit.
        weight_kw: Weight of the operator, in kW.
        parts_kw: Its part of each interval, in kW, in the order of the intervals.
        status: `active` or `ended`. `cancelled` or `withdrawn` if the limit no longer concerns the operator.
        generation: How often the limit concerned the operator again. Each time has a new id.
        digest: Digest of the content. The same content is not sent again.
        message_id: The message to the operator.
    """

    operator: str
    sent_limit_id: str
    sent_revision: int
    weight_kw: Decimal
    parts_kw: tuple[Decimal, ...]
    status: LimitStatus = LimitStatus.ACTIVE
    generation: int = 0
    digest: bytes = b""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A limit with assets of an operator that has lost them: (asset, from, to)."""

    name: LimitName
    moves: tuple[tuple[str, str, str], ...]


def lock_limit(tx: Transaction, dso: str, limit_id: str) -> None:
    """Lock a limit until the transaction ends, so that one change happens at a time."""
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"{dso}/{limit_id}",))


def add_revision(tx: Transaction, revision: Revision) -> None:
    """Store an accepted revision as the latest of its limit."""
    name, limit = revision.name, revision.limit
    available = limit.available if isinstance(limit, ForeseenLimit) else ()
    tx.execute(
        "UPDATE limit_revision SET is_latest = false WHERE dso = %s AND limit_id = %s AND is_latest",
        (name.dso, name.limit_id),
    )
    tx.execute(
        "INSERT INTO limit_revision VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(name.dso, name.limit_id, name.revision, revision.kind, revision.direction),
            limit.action if isinstance(limit, UnforeseenLimit) else None,
            *(revision.status, revision.period.start, revision.period.end, revision.accepted_at),
            json.dumps(
                [[s.interval.start.isoformat(), s.interval.end.isoformat(), str(s.power_kw)] for s in available]
            ),
            *(revision.reason.code, revision.reason.text, revision.message_id),
        ),
    )


def latest(tx: Transaction, dso: str, limit_id: str) -> Revision | None:
    """Return the highest revision of a limit, or None."""
    row = tx.execute(
        "SELECT * FROM limit_revision WHERE dso = %s AND limit_id = %s AND is_latest", (dso, limit_id)
    ).fetchone()
    return read_revision(row) if row else None


def unrelayed(tx: Transaction, dso: str, limit_id: str) -> list[Revision]:
    """Return accepted revisions of a limit whose messages to operators are not decided yet, in order."""
    rows = tx.execute(
        "SELECT * FROM limit_revision WHERE dso = %s AND limit_id = %s AND NOT is_relayed ORDER BY revision",
        (dso, limit_id),
    ).fetchall()
    return [read_revision(row) for row in rows]


def mark_relayed(tx: Transaction, name: LimitName) -> None:
    """Note that the messages to the operators of this revision are decided."""
    tx.execute(
        "UPDATE limit_revision SET is_relayed = true WHERE dso = %s AND limit_id = %s AND revision = %s", _key(name)
    )


def freeze_assets(tx: Transaction, name: LimitName, assets: Iterable[WeighedAsset]) -> None:
    """Store the operator and the weight of each listed asset as they are now."""
    rows = list(assets)
    tx.execute(
        """INSERT INTO limit_asset SELECT %s, %s, %s, * FROM unnest(%s::text[], %s::text[], %s::numeric[])""",
        (
            *_key(name),
            *([row.asset_id for row in rows], [row.operator for row in rows], [row.weight_kw for row in rows]),
        ),
    )


def frozen_assets(tx: Transaction, name: LimitName) -> list[WeighedAsset]:
    """Return the frozen assets, sorted by id."""
    rows = tx.execute(
        """SELECT asset_id, operator, weight_kw FROM limit_asset
            WHERE dso = %s AND limit_id = %s AND revision = %s ORDER BY asset_id COLLATE "C" """,
        _key(name),
    ).fetchall()
    return [WeighedAsset(**row) for row in rows]


def move_assets(tx: Transaction, name: LimitName, asset_ids: Sequence[str], operator: str) -> None:
    """Move frozen assets, with their weights, to another operator."""
    tx.execute(
        """UPDATE limit_asset SET operator = %s
            WHERE dso = %s AND limit_id = %s AND revision = %s AND asset_id = ANY(%s)""",
        (operator, *_key(name), list(asset_ids)),
    )


def put_parts(tx: Transaction, name: LimitName, parts: Sequence[OperatorPart]) -> None:
    """Store the part that each operator is sent under this revision, in place of an earlier one."""
    rows = [asdict(part) | {"digest": part.digest.hex()} for part in parts]
    tx.execute(
        """INSERT INTO limit_part
           SELECT %s, %s, %s, operator, sent_limit_id, sent_revision, weight_kw, parts_kw, status, generation,
                  decode(digest, 'hex'), message_id
             FROM json_to_recordset(%s) AS part(operator text, sent_limit_id text, sent_revision integer,
                                                weight_kw numeric, parts_kw numeric[], status text,
                                                generation integer, digest text, message_id text)
           ON CONFLICT (dso, limit_id, revision, operator) DO UPDATE
              SET sent_limit_id = excluded.sent_limit_id, sent_revision = excluded.sent_revision,
                  weight_kw = excluded.weight_kw, parts_kw = excluded.parts_kw, status = excluded.status,
                  generation = excluded.generation, digest = excluded.digest, message_id = excluded.message_id""",
        (*_key(name), json.dumps(rows, default=str)),
    )


def last_parts(tx: Transaction, dso: str, limit_id: str) -> dict[str, OperatorPart]:
    """Return the part of a limit that each operator was last sent, under any revision, by operator."""
    rows = tx.execute(
        """SELECT DISTINCT ON (operator) operator, sent_limit_id, sent_revision, weight_kw, parts_kw, status,
                  generation, digest, message_id
             FROM limit_part WHERE dso = %s AND limit_id = %s ORDER BY operator, revision DESC""",
        (dso, limit_id),
    ).fetchall()
    return {row["operator"]: read_part(row) for row in rows}


def handed_over(tx: Transaction, now: datetime) -> tuple[dict[str, datetime], list[HandedOver]]:
    """Return marks of assets that changed hands and can be cleared, and the limits to divide again.

    Only limits in force or ahead count. A mark stays while a limit lists the asset and the asset is not in the grid of
    the limit: the next holder may be the last one.
    """
    # One statement, for one moment.
    rows = tx.execute(
        """SELECT h.asset_id, h.at, c.operator AS holder, l.dso, l.limit_id, l.revision, l.operator,
                  l.dso IS NULL OR c.dso IS NOT DISTINCT FROM l.dso AS is_settled
             FROM handed_over h
             LEFT JOIN active_asset c ON c.id = h.asset_id
             LEFT JOIN (SELECT a.* FROM limit_asset a JOIN limit_revision r USING (dso, limit_id, revision)
                         WHERE r.is_latest AND r.status = 'active' AND r.ends_at > %s) AS l ON l.asset_id = h.asset_id
            ORDER BY l.dso, l.limit_id, h.asset_id COLLATE "C" """,
        (now,),
    ).fetchall()
    unsettled = {row["asset_id"] for row in rows if not row["is_settled"]}
    moves: dict[LimitName, list[tuple[str, str, str]]] = {}
    for row in rows:
        if row["dso"] and row["is_settled"] and row["holder"] != row["operator"]:
            name = LimitName(row["dso"], row["limit_id"], row["revision"])
            moves.setdefault(name, []).append((row["asset_id"], row["operator"], row["holder"]))
    marks = {row["asset_id"]: row["at"] for row in rows if row["asset_id"] not in unsettled}
    return marks, [HandedOver(name, tuple(limit_moves)) for name, limit_moves in moves.items()]


def forget_marks(tx: Transaction, marks: dict[str, datetime]) -> None:
    """Clear marks after their limits were divided. A mark that was set again meanwhile stays."""
    tx.execute(
        """DELETE FROM handed_over h USING unnest(%s::text[], %s::timestamptz[]) AS done(asset_id, at)
            WHERE h.asset_id = done.asset_id AND h.at = done.at""",
        (list(marks), list(marks.values())),
    )


def _key(name: LimitName) -> tuple[str, str, int]:
    return name.dso, name.limit_id, name.revision


def read_part(row: dict[str, Any]) -> OperatorPart:
    """Return the columns of a row of `limit_part` as a part."""
    fixed = {"parts_kw": tuple(row["parts_kw"]), "status": LimitStatus(row["status"]), "digest": bytes(row["digest"])}
    return OperatorPart(**(row | fixed))


def read_revision(row: dict[str, Any]) -> Revision:
    """Return a row of `limit_revision` as a revision."""
    status = LimitStatus(row["status"])
    reason = Reason(row["reason_code"], row["reason_text"])
    has_limit = status in (LimitStatus.ACTIVE, LimitStatus.ENDED)
    return Revision(
        name=LimitName(row["dso"], row["limit_id"], row["revision"]),
        kind=LimitKind(row["kind"]),
        status=status,
        direction=Direction(row["direction"]),
        period=_period(row),
        reason=reason,
        limit=_limit(row, reason) if has_limit else None,
        message_id=row["message_id"],
        accepted_at=row["accepted_at"],
        is_relayed=row["is_relayed"],
    )


def _limit(row: dict[str, Any], reason: Reason) -> Limit:
    direction = Direction(row["direction"])
    if row["kind"] == LimitKind.UNFORESEEN:
        return UnforeseenLimit((), Action(row["action"]), direction, _period(row), reason)
    available = tuple(
        AvailablePower(Interval(datetime.fromisoformat(start), datetime.fromisoformat(end)), Decimal(power_kw))
        for start, end, power_kw in row["available"]
    )
    return ForeseenLimit((), direction, available, reason)


def _period(row: dict[str, Any]) -> Interval:
    return Interval(row["starts_at"].astimezone(UTC), row["ends_at"].astimezone(UTC))
