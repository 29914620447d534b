"""The registry of connection points and flexibility assets, in the platform's own database.

An asset is active if its operator's claim holds (`tps.platform.claims`) and a DSO holds its point. No party learns of
another party's claim. Each function uses one statement for any number of entries.

Source: docs/requirements.md, F4a and F5a; docs/semantics.md, "Registration".
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
    """A party of the installation. `role` is agr, brp, dso or tps."""

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
    """The status of a claim, as its party may know it."""

    id: str
    is_active: bool
    is_capped: bool


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A changed status of a claim, and the registration that the notice to its party refers to."""

    party: str
    message_id: str
    document_id: str
    before: ClaimStatus
    after: ClaimStatus


@dataclass(frozen=True, slots=True)
class ActiveAsset:
    """An active asset with its operator and the maxima of its point. Only the platform may combine these."""

    id: str
    operator: str
    connection_point_id: str
    max_production_kw: Decimal | None
    max_consumption_kw: Decimal | None
    point_production_kw: Decimal | None
    point_consumption_kw: Decimal | None


def add_party(tx: Transaction, party: Party) -> None:
    """Add a party. Replace the remains of an interrupted onboarding."""
    tx.execute("DELETE FROM party WHERE code = %s", (party.code,))
    tx.execute(
        "INSERT INTO party VALUES (%s, %s, %s, %s, %s)",
        (party.code, party.role, party.name, party.component, list(party.grid_prefixes)),
    )


def party_by_component(tx: Transaction, component: str) -> Party | None:
    """Return the party with this component, or None."""
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
    """Return these parties, by code."""
    rows = tx.execute("SELECT * FROM party WHERE code = ANY(%s)", (list(codes),)).fetchall()
    return {party.code: party for party in map(_party, rows) if party}


def all_parties(tx: Transaction, _scope: TpsScope) -> list[Party]:
    """Return every party of the installation, by code. Only the platform operator may see them."""
    rows = tx.execute("SELECT * FROM party ORDER BY code").fetchall()
    return [party for party in map(_party, rows) if party]


def asset_statuses(tx: Transaction, operator: str, ids: Sequence[str]) -> list[ClaimStatus]:
    """Return the status of an operator's own claims by id, as last told or about to be told."""
    rows = tx.execute(
        """SELECT id, told_active AS is_active, told_capped AS is_capped FROM asset_claim
            WHERE operator = %s AND id = ANY(%s) AND claimed IS NOT NULL ORDER BY id""",
        (operator, list(ids)),
    ).fetchall()
    return [ClaimStatus(**row) for row in rows]


def point_statuses(tx: Transaction, dso: str, ids: Sequence[str]) -> list[ClaimStatus]:
    """Return the status of a DSO's claims on points, by id. Points are never capped."""
    rows = tx.execute(
        """SELECT id, holds AS is_active FROM point_claim
            WHERE dso = %s AND id = ANY(%s) AND claimed IS NOT NULL ORDER BY id""",
        (dso, list(ids)),
    ).fetchall()
    return [ClaimStatus(row["id"], row["is_active"], False) for row in rows]


def moved_assets(
    tx: Transaction, *, asset_ids: Sequence[str] = (), point_ids: Sequence[str] = (), only_of: str | None = None
) -> list[StatusChange]:
    """Return claims whose status changed since their operators were last told, and mark them as told.

    The caller must send the notices in the same transaction.

    Args:
        asset_ids: Assets to check, with all assets at their points, because the assets share the maximum of a point.
        point_ids: Points whose assets are checked.
        only_of: Restricts the check to this operator's claims on the named assets.
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
    """Return claims on points whose status changed since their DSOs were last told, and mark them as told."""
    rows = tx.execute(
        """UPDATE point_claim SET told_active = holds
            WHERE id = ANY(%s) AND told_active <> holds AND (%s::text IS NULL OR dso = %s)
           RETURNING id, dso AS party, message_id, document_id, NOT holds AS told_active, false AS told_capped,
                     holds AS is_active, false AS is_capped""",
        (list(ids), only_of, only_of),
    ).fetchall()
    return [_change(row) for row in sorted(rows, key=lambda row: row["id"])]


def listing(tx: Transaction, scope: DsoScope) -> list[AssetListing]:
    """Return all active assets in a DSO's grid, sorted by id.

    Source: docs/requirements.md, F5.
    """
    rows = tx.execute(
        """SELECT id, connection_point_id, kind, max_production_kw, max_consumption_kw FROM active_asset
            WHERE dso = %s ORDER BY id COLLATE "C" """,
        (scope.party,),
    ).fetchall()
    return [AssetListing(**(row | {"kind": AssetKind(row["kind"])})) for row in rows]


def assets_in_grid(tx: Transaction, scope: DsoScope, ids: Sequence[str]) -> list[ActiveAsset]:
    """Return those of these assets that are active in this DSO's grid."""
    rows = tx.execute(
        """SELECT id, operator, connection_point_id, max_production_kw, max_consumption_kw,
                  point_production_kw, point_consumption_kw
             FROM active_asset WHERE dso = %s AND id = ANY(%s)""",
        (scope.party, list(ids)),
    ).fetchall()
    return [ActiveAsset(**row) for row in rows]


def assets_at_points(tx: Transaction, point_ids: Iterable[str]) -> dict[str, list[ActiveAsset]]:
    """Return all active assets at these points, by point."""
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
