"""Claims on connection points and flexibility assets: how they are set, released, and which claim holds.

The earliest unreleased claim holds. A released claim keeps its row for its sequence, so that a late older registration
cannot restore it. Each function uses one statement for any number of entries.

Source: docs/adr/0006-states-of-registrations.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tps.domain.asset import ConnectionPoint, FlexibilityAsset, Removal
from tps.platform.conflict_verdict_rows import count_change

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_REGISTRATION_LOCK = 4_104_400


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of a registration: its party, the sequence that its endpoint signed, its message and document."""

    party: str
    sequence: int
    message_id: str
    document_id: str


def lock_registrations(tx: Transaction) -> None:
    """Lock registrations until the transaction ends, because claims of several parties can concern one id."""
    tx.execute("SELECT pg_advisory_xact_lock(%s)", (_REGISTRATION_LOCK,))


def claim_assets(tx: Transaction, source: Source, entries: Sequence[FlexibilityAsset | Removal]) -> set[str]:
    """Set and release an operator's claims.

    Returns:
        Ids that a registration with a higher sequence had changed already. They stay unchanged.
    """
    applied = _set_assets(tx, source, [entry for entry in entries if isinstance(entry, FlexibilityAsset)])
    released = _release_assets(tx, source, [entry.id for entry in entries if isinstance(entry, Removal)])
    ids = [entry.id for entry in entries]
    _promote(tx, "asset_claim", "operator", ids)
    count_change(tx, source.party)
    return set(ids) - applied - released


def claim_points(tx: Transaction, source: Source, entries: Sequence[ConnectionPoint | Removal]) -> set[str]:
    """Set and release a DSO's claims.

    Returns:
        Ids that a registration with a higher sequence had changed already. They stay unchanged.
    """
    applied = _set_points(tx, source, [entry for entry in entries if isinstance(entry, ConnectionPoint)])
    released = _release_points(tx, source, [entry.id for entry in entries if isinstance(entry, Removal)])
    ids = [entry.id for entry in entries]
    _promote(tx, "point_claim", "dso", ids)
    return set(ids) - applied - released


def _set_assets(tx: Transaction, source: Source, assets: Sequence[FlexibilityAsset]) -> set[str]:
    rows = tx.execute(
        """INSERT INTO asset_claim AS c (id, connection_point_id, kind, max_production_kw, max_consumption_kw, name,
                                         operator, sequence, message_id, document_id, claimed)
           SELECT *, nextval('claim_order') FROM (
               SELECT id, point, kind, production, consumption, name, %s, %s::bigint, %s, %s
                 FROM unnest(%s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::text[])
                      WITH ORDINALITY AS e(id, point, kind, production, consumption, name, place) ORDER BY place) AS new
           ON CONFLICT (id, operator) DO UPDATE
              SET connection_point_id = excluded.connection_point_id, kind = excluded.kind,
                  max_production_kw = excluded.max_production_kw, max_consumption_kw = excluded.max_consumption_kw,
                  name = excluded.name, sequence = excluded.sequence, message_id = excluded.message_id,
                  document_id = excluded.document_id, claimed = coalesce(c.claimed, excluded.claimed)
            WHERE c.sequence < excluded.sequence
           RETURNING id""",
        (
            *_origin(source),
            *([asset.id for asset in assets], [asset.connection_point_id for asset in assets]),
            [str(asset.kind) for asset in assets],
            *([asset.max_production_kw for asset in assets], [asset.max_consumption_kw for asset in assets]),
            [asset.name for asset in assets],
        ),
    ).fetchall()
    return {row["id"] for row in rows}


def _set_points(tx: Transaction, source: Source, points: Sequence[ConnectionPoint]) -> set[str]:
    rows = tx.execute(
        """INSERT INTO point_claim AS c (id, max_production_kw, max_consumption_kw, name,
                                         dso, sequence, message_id, document_id, claimed)
           SELECT *, nextval('claim_order') FROM (
               SELECT id, production, consumption, name, %s, %s::bigint, %s, %s
                 FROM unnest(%s::text[], %s::numeric[], %s::numeric[], %s::text[])
                      WITH ORDINALITY AS e(id, production, consumption, name, place) ORDER BY place) AS new
           ON CONFLICT (id, dso) DO UPDATE
              SET max_production_kw = excluded.max_production_kw, max_consumption_kw = excluded.max_consumption_kw,
                  name = excluded.name, sequence = excluded.sequence, message_id = excluded.message_id,
                  document_id = excluded.document_id, claimed = coalesce(c.claimed, excluded.claimed)
            WHERE c.sequence < excluded.sequence
           RETURNING id""",
        (
            *_origin(source),
            [point.id for point in points],
            *([point.max_production_kw for point in points], [point.max_consumption_kw for point in points]),
            [point.name for point in points],
        ),
    ).fetchall()
    return {row["id"] for row in rows}


def _release_assets(tx: Transaction, source: Source, ids: Sequence[str]) -> set[str]:
    rows = tx.execute(
        """INSERT INTO asset_claim AS c (id, connection_point_id, kind, operator, sequence, message_id, document_id)
           SELECT id, '', 'other', %s, %s, %s, %s FROM unnest(%s::text[]) AS id
           ON CONFLICT (id, operator) DO UPDATE
              SET claimed = NULL, holds = false, sequence = excluded.sequence, message_id = excluded.message_id,
                  document_id = excluded.document_id
            WHERE c.sequence < excluded.sequence
           RETURNING id""",
        (*_origin(source), list(ids)),
    ).fetchall()
    return {row["id"] for row in rows}


def _release_points(tx: Transaction, source: Source, ids: Sequence[str]) -> set[str]:
    rows = tx.execute(
        """INSERT INTO point_claim AS c (id, dso, sequence, message_id, document_id)
           SELECT id, %s, %s, %s, %s FROM unnest(%s::text[]) AS id
           ON CONFLICT (id, dso) DO UPDATE
              SET claimed = NULL, holds = false, sequence = excluded.sequence, message_id = excluded.message_id,
                  document_id = excluded.document_id
            WHERE c.sequence < excluded.sequence
           RETURNING id""",
        (*_origin(source), list(ids)),
    ).fetchall()
    return {row["id"] for row in rows}


def _origin(source: Source) -> tuple[str, int, str, str]:
    return source.party, source.sequence, source.message_id, source.document_id


def _promote(tx: Transaction, table: str, holder: str, ids: Sequence[str]) -> None:
    """Let the earliest claim on each id hold, if none holds."""
    tx.execute(
        f"""UPDATE {table} c SET holds = true
              FROM (SELECT DISTINCT ON (id) id, {holder} AS holder FROM {table}
                     WHERE id = ANY(%s) AND claimed IS NOT NULL ORDER BY id, claimed) AS first
             WHERE c.id = first.id AND c.{holder} = first.holder AND NOT c.holds""",
        (list(ids),),
    )
