"""Storage of registrations that a business application sent through the web service, as if REST had sent them.

Source: docs/requirements.md, F1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tps.api.types import asset_json, point_json
from tps.domain.asset import ConnectionPoint, FlexibilityAsset, Removal
from tps.party.resources import add_wish

if TYPE_CHECKING:
    from tps.endpoint.applications import Sent
    from tps.stores.database import Transaction


def keep_resources(
    tx: Transaction, sent: Sent, entries: Iterable[FlexibilityAsset | ConnectionPoint | Removal]
) -> None:
    """Store the content of a registration until the platform answers."""
    bodies = dict(_body(entry) for entry in entries)
    add_wish(tx, party=sent.party, message_id=sent.message_id, sequence=sent.sequence, bodies=bodies)


def _body(entry: FlexibilityAsset | ConnectionPoint | Removal) -> tuple[str, dict[str, Any] | None]:
    match entry:
        case FlexibilityAsset():
            return entry.id, asset_json(entry)
        case ConnectionPoint():
            return entry.id, point_json(entry)
        case Removal():
            return entry.id, None
