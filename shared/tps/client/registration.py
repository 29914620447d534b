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
    """A flexibility asset; at least one of the two powers, absent means that it cannot.

    Attributes:
        id: GSRN, EIC, or another id with its scheme (`NDK:...`). The DSO sees it.
        kind: `generation`, `load`, `storage`, `ev_charging`, `heat_pump` or `other` (default of the platform).
        max_production_kw, max_consumption_kw: At least 0, at most three decimals.
        name: Shown to its operator only.
        state: Read back by its operator: `active` or `waiting`.
        is_weight_capped: Read back: it weighs less in limits than its power, for its connection point's maximum.
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
        """ASSET of the contract, without what is only read back."""
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
    """Fields of one asset to change; None takes an optional one away."""

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
        id: Any stable id of the DSO's of at most 60 characters; a GSRN where there is one.
        max_production_kw, max_consumption_kw: What it carries, at least 0; assets beyond it weigh only up to it.
        sections: The DSO's own labels; they stay in its backend.
        state: Read back: `active` or `waiting`.
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
        """POINT of the contract, without what is only read back."""
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
    """Fields of one connection point to change; None takes an optional one away."""

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
        return cls(tuple(Asset.from_json(each) for each in body["assets"]), read_moment(body["as_of"]))


@dataclass(frozen=True, slots=True)
class AssetChanges:
    """Assets in a DSO's grid that are new or changed since, ids of those that are gone, and where to go on."""

    assets: tuple[Asset, ...]
    removed_ids: tuple[str, ...]
    cursor: str

    def __bool__(self) -> bool:
        return bool(self.assets or self.removed_ids)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> AssetChanges:
        assets = tuple(Asset.from_json(each) for each in body["assets"])
        return cls(assets, tuple(body.get("removed_ids", ())), body["cursor"])
