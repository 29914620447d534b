"""The registry of connection points and flexibility assets (F4a, F5a), in the platform's own database.

An asset is active when its operator's claim holds (`tps.platform.claims`) and its point is held. Nobody learns of
another's claim (docs/semantics.md, "Registration"). All work is done by sets: one statement for any number of
entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.domain.asset import AssetKind, AssetListing
from tps.domain.scope import DsoScope, TpsScope
from tps.endpoint.handling import ROLES, Correspondent, Incoming
from tps.mades.states import refusal

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Party:
    """A party of the installation; `role` is agr, brp, dso or tps."""

    code: str
    role: str
    name: str
    component: str
    grid_prefixes: tuple[str, ...] = ()

    @property
    def correspondent(self) -> Correspondent:
        """This party as the sender or receiver of a document."""
        return Correspondent(self.component, self.code, ROLES[self.role])


@dataclass(frozen=True, slots=True)
class ClaimStatus:
    """What a party may know of its own claim."""

    id: str
    is_active: bool
    is_capped: bool


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A claim whose status moved, and the registration that its party is to be told about."""

    party: str
    message_id: str
    document_id: str
    before: ClaimStatus
    after: ClaimStatus


@dataclass(frozen=True, slots=True)
class ActiveAsset:
    """An asset in force, with what only the platform may bring together: its operator, and what its point carries."""

    id: str
    operator: str
    connection_point_id: str
    max_production_kw: Decimal | None
    max_consumption_kw: Decimal | None
    point_production_kw: Decimal | None
    point_consumption_kw: Decimal | None


def add_party(tx: Transaction, party: Party) -> None:
    """Take in a party, in place of what an interrupted onboarding may have left of it."""
    tx.execute("DELETE FROM party WHERE code = %s", (party.code,))
    tx.execute(
        "INSERT INTO party VALUES (%s, %s, %s, %s, %s)",
        (party.code, party.role, party.name, party.component, list(party.grid_prefixes)),
    )


def party_by_component(tx: Transaction, component: str) -> Party | None:
    return _party(tx.execute("SELECT * FROM party WHERE component = %s", (component,)).fetchone())


def sender_of(incoming: Incoming) -> Correspondent:
    """Return the party whose component signed an incoming message.

    Raises:
        MessageRefused: `unknown_sender`: no party of the registry has this component.
    """
    party = party_by_component(incoming.tx, incoming.message.sender)
    if party is None:
        raise refusal("unknown_sender")
    return party.correspondent


def parties(tx: Transaction, codes: Iterable[str]) -> dict[str, Party]:
    """These parties, by code."""
    rows = tx.execute("SELECT * FROM party WHERE code = ANY(%s)", (list(codes),)).fetchall()
    found = [_party(row) for row in rows]
    return {party.code: party for party in found if party}


def all_parties(tx: Transaction, _scope: TpsScope) -> list[Party]:
    """Every party of the installation, by code; for the platform operator alone."""
    rows = tx.execute("SELECT * FROM party ORDER BY code").fetchall()
    return [party for party in map(_party, rows) if party]


def asset_statuses(tx: Transaction, operator: str, ids: Sequence[str]) -> list[ClaimStatus]:
    """Status of an operator's own claims, by id, as it was last told or is about to be."""
    rows = tx.execute(
        """SELECT id, told_active AS is_active, told_capped AS is_capped FROM asset_claim
            WHERE operator = %s AND id = ANY(%s) AND claimed IS NOT NULL ORDER BY id""",
        (operator, list(ids)),
    ).fetchall()
    return [ClaimStatus(**row) for row in rows]


def point_statuses(tx: Transaction, dso: str, ids: Sequence[str]) -> list[ClaimStatus]:
    """The same for a DSO's claims on points; they are never capped."""
    rows = tx.execute(
        """SELECT id, holds AS is_active FROM point_claim
            WHERE dso = %s AND id = ANY(%s) AND claimed IS NOT NULL ORDER BY id""",
        (dso, list(ids)),
    ).fetchall()
    return [ClaimStatus(row["id"], row["is_active"], False) for row in rows]


def moved_assets(
    tx: Transaction, *, asset_ids: Sequence[str] = (), point_ids: Sequence[str] = (), only_of: str | None = None
) -> list[StatusChange]:
    """Claims whose status has moved since their operators were last told, among these assets and all at these points.

    They count as told from now on: send the notices in the same transaction. Assets at the points of the named
    assets are looked at, too, because a point's maximum is shared; with `only_of`, just that operator's claims on the
    named assets.
    """
    rows = tx.execute(
        """WITH points AS (
               SELECT unnest(%(points)s::text[]) AS id
               UNION SELECT connection_point_id FROM asset_claim WHERE id = ANY(%(assets)s)
               UNION SELECT connection_point_id FROM asset_history WHERE id = ANY(%(assets)s)),
           load AS (
               SELECT connection_point_id AS id, sum(max_production_kw) > max(point_production_kw) AS caps_production,
                      sum(max_consumption_kw) > max(point_consumption_kw) AS caps_consumption
                 FROM active_asset WHERE connection_point_id IN (SELECT id FROM points) GROUP BY 1),
           status AS (
               SELECT c.id, c.operator, c.holds AND l.id IS NOT NULL AS is_active,
                      coalesce(c.holds AND (l.caps_production AND c.max_production_kw > 0
                                            OR l.caps_consumption AND c.max_consumption_kw > 0), false) AS is_capped
                 FROM asset_claim c LEFT JOIN load l ON l.id = c.connection_point_id
                WHERE c.id = ANY(%(assets)s) AND c.operator = %(only_of)s
                   OR %(only_of)s::text IS NULL
                      AND (c.id = ANY(%(assets)s) OR c.connection_point_id IN (SELECT id FROM points))),
           moved AS (
               SELECT s.*, c.told_active, c.told_capped FROM status s JOIN asset_claim c USING (id, operator)
                WHERE (c.told_active, c.told_capped) <> (s.is_active, s.is_capped))
           UPDATE asset_claim c SET told_active = m.is_active, told_capped = m.is_capped
             FROM moved m WHERE c.id = m.id AND c.operator = m.operator
           RETURNING c.id, c.operator AS party, c.message_id, c.document_id, m.told_active, m.told_capped,
                     m.is_active, m.is_capped""",
        {"assets": list(asset_ids), "points": list(point_ids), "only_of": only_of},
    ).fetchall()
    return [_change(row) for row in sorted(rows, key=lambda row: row["id"])]


def moved_points(tx: Transaction, ids: Sequence[str], only_of: str | None = None) -> list[StatusChange]:
    """The same for claims on points: a waiting one that now holds."""
    rows = tx.execute(
        """UPDATE point_claim SET told_active = holds
            WHERE id = ANY(%s) AND told_active <> holds AND (%s::text IS NULL OR dso = %s)
           RETURNING id, dso AS party, message_id, document_id, NOT holds AS told_active, false AS told_capped,
                     holds AS is_active, false AS is_capped""",
        (list(ids), only_of, only_of),
    ).fetchall()
    return [_change(row) for row in sorted(rows, key=lambda row: row["id"])]


def listing(tx: Transaction, scope: DsoScope) -> list[AssetListing]:
    """All active assets in a DSO's grid, sorted by id (F5)."""
    rows = tx.execute(
        """SELECT id, connection_point_id, kind, max_production_kw, max_consumption_kw FROM active_asset
            WHERE dso = %s ORDER BY id COLLATE "C" """,
        (scope.party,),
    ).fetchall()
    return [AssetListing(**(row | {"kind": AssetKind(row["kind"])})) for row in rows]


def assets_in_grid(tx: Transaction, scope: DsoScope, ids: Sequence[str]) -> list[ActiveAsset]:
    """Those of these assets that are active in this DSO's grid."""
    rows = tx.execute(
        """SELECT id, operator, connection_point_id, max_production_kw, max_consumption_kw,
                  point_production_kw, point_consumption_kw
             FROM active_asset WHERE dso = %s AND id = ANY(%s)""",
        (scope.party, list(ids)),
    ).fetchall()
    return [ActiveAsset(**row) for row in rows]


def assets_at_points(tx: Transaction, point_ids: Iterable[str]) -> dict[str, list[ActiveAsset]]:
    """All active assets at these points, by point."""
    rows = tx.execute(
        """SELECT id, operator, connection_point_id, max_production_kw, max_consumption_kw,
                  point_production_kw, point_consumption_kw
             FROM active_asset WHERE connection_point_id = ANY(%s)""",
        (list(point_ids),),
    ).fetchall()
    by_point: dict[str, list[ActiveAsset]] = defaultdict(list)
    for row in rows:
        by_point[row["connection_point_id"]].append(ActiveAsset(**row))
    return by_point


def _change(row: dict[str, Any]) -> StatusChange:
    return StatusChange(
        party=row["party"],
        message_id=row["message_id"],
        document_id=row["document_id"],
        before=ClaimStatus(row["id"], row["told_active"], row["told_capped"]),
        after=ClaimStatus(row["id"], row["is_active"], row["is_capped"]),
    )


def _party(row: dict[str, Any] | None) -> Party | None:
    return Party(**(row | {"grid_prefixes": tuple(row["grid_prefixes"])})) if row else None
