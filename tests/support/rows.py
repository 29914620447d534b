"""Values with defaults for tests of stores, so that a test states only the values that matter."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.support.servers import GRID, OPERATOR, PLATFORM
from tps.domain.asset import AssetKind, ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.limit import Interval
from tps.domain.scope import DsoScope
from tps.endpoint.outbox import Outgoing
from tps.mades.ids import new_id
from tps.mades.message import Message
from tps.operator.limits import ReceivedLimit
from tps.platform import claims, registry
from tps.platform.claims import Source
from tps.platform.registry import StatusChange
from tps.stores.database import Database

if TYPE_CHECKING:
    from tps.stores.database import Transaction

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def hours(count: float) -> datetime:
    """Return a time `count` hours from NOW."""
    return NOW + timedelta(hours=count)


def kw(power: str | None) -> Decimal | None:
    return None if power is None else Decimal(power)


def asset(asset_id: str, *, at: str = "P1", production: str | None = "10", consumption: str | None = None) -> Any:
    return FlexibilityAsset(asset_id, at, AssetKind.GENERATION, kw(production), kw(consumption))


def point(point_id: str = "P1", *, production: str | None = None, consumption: str | None = None) -> ConnectionPoint:
    return ConnectionPoint(point_id, kw(production), kw(consumption))


@dataclass
class Registrar:
    """Registers as the platform does: one transaction per registration, with rising sequences per party."""

    database: Database
    counts: dict[str, Any] = field(default_factory=dict)

    def source(self, party: str, sequence: int | None = None) -> Source:
        counted = next(self.counts.setdefault(party, itertools.count(1)))
        number = counted if sequence is None else sequence
        return Source(party, number, f"message {party} {number}", f"document {party} {number}")

    def assets(self, operator: str, *entries: FlexibilityAsset | Removal, sequence: int | None = None) -> set[str]:
        with self.database.transaction() as tx:
            claims.lock_registrations(tx)
            return claims.claim_assets(tx, self.source(operator, sequence), entries)

    def points(self, dso: str, *entries: ConnectionPoint | Removal, sequence: int | None = None) -> set[str]:
        with self.database.transaction() as tx:
            claims.lock_registrations(tx)
            return claims.claim_points(tx, self.source(dso, sequence), entries)

    def moved(self, *, assets: tuple[str, ...] = (), points: tuple[str, ...] = ()) -> list[StatusChange]:
        """Return the assets whose status changed since the last call."""
        with self.database.transaction() as tx:
            return registry.moved_assets(tx, asset_ids=assets, point_ids=points)

    def listed(self, dso: str = GRID) -> list[str]:
        """Return the ids of the active assets in a DSO's grid."""
        with self.database.transaction() as tx:
            return [each.id for each in registry.listing(tx, DsoScope(dso))]

    def operator_of(self, asset_id: str, dso: str = GRID) -> str | None:
        with self.database.transaction() as tx:
            return next((each.operator for each in registry.assets_in_grid(tx, DsoScope(dso), [asset_id])), None)


def outgoing(**changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "component": PLATFORM,
        "receiver": OPERATOR,
        "type": "TPS-LIMIT-FORESEEN",
        "message_id": new_id(),
        "content": b"<document/>",
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=14),
    }
    return Outgoing(**{**values, **changes})


def incoming(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "message_id": new_id(),
        "type": "TPS-ASSET",
        "sender": OPERATOR,
        "receiver": PLATFORM,
        "sent_at": NOW,
        "expires_at": NOW + timedelta(days=14),
        "sequence": 1,
        "content": b"<document/>",
    }
    return Message(**{**values, **changes})


def received(limit_id: str = "L1", revision: int = 1, **changes: Any) -> ReceivedLimit:
    values: dict[str, Any] = {
        "limit_id": limit_id,
        "revision": revision,
        "message_id": new_id(),
        "received_at": NOW,
        "period": Interval(hours(1), hours(2)),
        "status": "active",
        "body": {"id": limit_id, "revision": revision},
        "weights_kw": {},
    }
    return ReceivedLimit(**{**values, **changes})


def rows(tx: Transaction, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    """Return the rows of a query as tuples."""
    return [tuple(row.values()) for row in tx.execute(query, arguments).fetchall()]
