"""Flexibility assets and connection points, as they are registered and listed (F4, F5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Required, TypedDict

from tps.client.wire import optional_kw, present, read_kw, read_moment


@dataclass(frozen=True, slots=True)
class Asset:
    """A flexibility asset. At least one power is required; an absent power means no capability in this direction.

    Attributes:
        id: GSRN, EIC, or another id with its scheme (`NDK:...`). The DSO sees it.
        kind: `generation`, `load`, `storage`, `ev_charging`, `heat_pump` or `other` (default of the platform).
        max_production_kw, max_consumption_kw: At least 0, at most three decimals.
        name: Visible to the operator of the asset only.
        state: In answers to its operator: `active` or `waiting`.
        is_weight_capped: In answers: the maximum of the connection point reduces the asset's weight in limits.
    """

    id: str
    connection_point_id: str
    kind: str | None = None
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    name: str | None = None
    state: str | None = None
    is_weight_capped: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_production_kw", optional_kw(self.max_production_kw))
        object.__setattr__(self, "max_consumption_kw", optional_kw(self.max_consumption_kw))

    def to_json(self) -> dict[str, Any]:
        """Return the asset as JSON, without fields that only answers have."""
        names = ("id", "connection_point_id", "kind", "max_production_kw", "max_consumption_kw", "name")
        return present({name: getattr(self, name) for name in names})

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Asset:
        return cls(
            id=body["id"],
            connection_point_id=body["connection_point_id"],
            kind=body.get("kind"),
            max_production_kw=read_kw(body.get("max_production_kw")),
            max_consumption_kw=read_kw(body.get("max_consumption_kw")),
            name=body.get("name"),
            state=body.get("state"),
            is_weight_capped=bool(body.get("is_weight_capped")),
        )


class AssetChange(TypedDict, total=False):
    """Fields of one asset to change. None removes an optional field."""

    id: Required[str]
    connection_point_id: str
    kind: str | None
    max_production_kw: Decimal | None
    max_consumption_kw: Decimal | None
    name: str | None


@dataclass(frozen=True, slots=True)
class ConnectionPoint:
    """A connection point of a DSO's grid.

    Attributes:
        id: Any stable id of the DSO of at most 60 characters, preferably a GSRN.
        max_production_kw, max_consumption_kw: Maximum power, at least 0. It also caps the weight of the assets.
        sections: Labels that the DSO chooses; they never leave its backend.
        state: In answers: `active` or `waiting`.
    """

    id: str
    name: str | None = None
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    sections: tuple[str, ...] = ()
    state: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_production_kw", optional_kw(self.max_production_kw))
        object.__setattr__(self, "max_consumption_kw", optional_kw(self.max_consumption_kw))
        object.__setattr__(self, "sections", tuple(self.sections))

    def to_json(self) -> dict[str, Any]:
        """Return the point as JSON, without fields that only answers have."""
        names = ("id", "name", "max_production_kw", "max_consumption_kw", "sections")
        return present({name: getattr(self, name) for name in names})

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ConnectionPoint:
        return cls(
            id=body["id"],
            name=body.get("name"),
            max_production_kw=read_kw(body.get("max_production_kw")),
            max_consumption_kw=read_kw(body.get("max_consumption_kw")),
            sections=tuple(body.get("sections", ())),
            state=body.get("state"),
        )


class PointChange(TypedDict, total=False):
    """Fields of one connection point to change. None removes an optional field."""

    id: Required[str]
    name: str | None
    max_production_kw: Decimal | None
    max_consumption_kw: Decimal | None
    sections: list[str] | None


@dataclass(frozen=True, slots=True)
class AssetList:
    """All assets in a DSO's grid, sorted by id, and when the platform made the list."""

    assets: tuple[Asset, ...]
    as_of: datetime

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> AssetList:
        return cls(tuple(Asset.from_json(item) for item in body["assets"]), read_moment(body["as_of"]))


@dataclass(frozen=True, slots=True)
class AssetChanges:
    """New and changed assets in a DSO's grid, ids of removed assets, and the cursor for the next call."""

    assets: tuple[Asset, ...]
    removed_ids: tuple[str, ...]
    cursor: str

    def __bool__(self) -> bool:
        return bool(self.assets or self.removed_ids)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> AssetChanges:
        assets = tuple(Asset.from_json(item) for item in body["assets"])
        return cls(assets, tuple(body.get("removed_ids", ())), body["cursor"])
