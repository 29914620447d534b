"""Flexibility assets and connection points (F4, F5).

Power is kW as `Decimal`, at most three decimals (whole watts), never negative here: the direction is in the
field's name, and None means "cannot" for an asset and "no limit stated" for a connection point.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class AssetKind(StrEnum):
    """What an asset is; the order is that of the contract."""

    GENERATION = "generation"
    LOAD = "load"
    STORAGE = "storage"
    EV_CHARGING = "ev_charging"
    HEAT_PUMP = "heat_pump"
    OTHER = "other"


class ClaimState(StrEnum):
    """`waiting`: accepted, but not in force for a reason that is not told (SEMANTICS, Registration)."""

    ACTIVE = "active"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class FlexibilityAsset:
    """An asset as its operator registers it; at least one of the two maxima is given."""

    id: str
    connection_point_id: str
    kind: AssetKind = AssetKind.OTHER
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AssetListing:
    """What a DSO may know of an asset in its grid (F5). There is no field for its operator, or its name."""

    id: str
    connection_point_id: str
    kind: AssetKind
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPoint:
    """A point of a DSO's grid. `sections` are the DSO's own labels and never leave its backend."""

    id: str
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    name: str | None = None
    sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """The wish to remove a registered asset or connection point."""

    id: str
