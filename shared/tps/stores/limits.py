"""Limits as the platform accepted them, with the weights frozen at that moment, and the parts (F6a)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tps.domain.limit import ForeseenLimit, Limit, LimitKind, UnforeseenLimit

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class LimitName:
    """A revision of a DSO's limit."""

    dso: str
    limit_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class WeighedAsset:
    """A listed asset, who operated it when the limit was accepted, and what it weighed in the limit's direction."""

    asset_id: str
    operator: str
    weight_kw: Decimal


@dataclass(frozen=True, slots=True)
class OperatorPart:
    """What one operator is sent: under which id and revision, its weight, and its part per interval, in their order."""

    operator: str
    sent_limit_id: str
    sent_revision: int
    weight_kw: Decimal
    parts_kw: tuple[Decimal, ...]


def add_limit(tx: Transaction, name: LimitName, limit: Limit, *, message_id: str, accepted_at: datetime) -> None:
    """Keep an accepted revision."""
    available = limit.available if isinstance(limit, ForeseenLimit) else ()
    tx.execute(
        "INSERT INTO limit_revision VALUES (%s, %s, %s, %s, %s, %s, 'active', %s, %s, %s, %s, %s, %s, %s)",
        (
            *(name.dso, name.limit_id, name.revision),
            LimitKind.FORESEEN if isinstance(limit, ForeseenLimit) else LimitKind.UNFORESEEN,
            limit.direction,
            limit.action if isinstance(limit, UnforeseenLimit) else None,
            *(limit.period.start, limit.period.end, accepted_at),
            json.dumps(
                [[s.interval.start.isoformat(), s.interval.end.isoformat(), str(s.power_kw)] for s in available]
            ),
            *(limit.reason.code, limit.reason.text, message_id),
        ),
    )


def was_decided_by(tx: Transaction, name: LimitName, message_id: str) -> bool:
    """True if this message, and not an earlier one with the same document, brought the revision."""
    row = tx.execute(
        "SELECT message_id FROM limit_revision WHERE dso = %s AND limit_id = %s AND revision = %s",
        (name.dso, name.limit_id, name.revision),
    ).fetchone()
    return row is not None and row["message_id"] == message_id


def freeze_assets(tx: Transaction, name: LimitName, assets: Iterable[WeighedAsset]) -> None:
    """Keep who operated which listed asset, and its weight, as of now."""
    rows = list(assets)
    tx.execute(
        """INSERT INTO limit_asset SELECT %s, %s, %s, * FROM unnest(%s::text[], %s::text[], %s::numeric[])""",
        (
            *(name.dso, name.limit_id, name.revision),
            *([row.asset_id for row in rows], [row.operator for row in rows], [row.weight_kw for row in rows]),
        ),
    )


def frozen_assets(tx: Transaction, name: LimitName) -> list[WeighedAsset]:
    """The listed assets as they were frozen, sorted by id."""
    rows = tx.execute(
        """SELECT asset_id, operator, weight_kw FROM limit_asset
            WHERE dso = %s AND limit_id = %s AND revision = %s ORDER BY asset_id COLLATE "C" """,
        (name.dso, name.limit_id, name.revision),
    ).fetchall()
    return [WeighedAsset(**row) for row in rows]


def add_parts(tx: Transaction, name: LimitName, parts: Sequence[OperatorPart]) -> None:
    """Keep what each operator is sent; parts that are there already stay."""
    tx.execute(
        """INSERT INTO limit_part
           SELECT %s, %s, %s, operator, sent_limit_id, sent_revision, weight_kw, parts_kw
             FROM json_to_recordset(%s) AS part(operator text, sent_limit_id text, sent_revision integer,
                                                weight_kw numeric, parts_kw numeric[])
           ON CONFLICT DO NOTHING""",
        (name.dso, name.limit_id, name.revision, json.dumps([asdict(part) for part in parts], default=str)),
    )
