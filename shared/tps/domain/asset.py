"""Flexibility assets and connection points.

A power is in kW, as a `Decimal` with at most three decimals (whole watts). It is never negative here, because the
field's name gives the direction. None means "no capability" for an asset and "no limit stated" for a connection point.

Source: docs/requirements.md, F4 and F5.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class AssetKind(StrEnum):
    """The kind of an asset. The members are in the order of the API contract."""

    GENERATION = "generation"
    LOAD = "load"
    STORAGE = "storage"
    EV_CHARGING = "ev_charging"
    HEAT_PUMP = "heat_pump"
    OTHER = "other"


class ClaimState(StrEnum):
    """The state of an operator's claim on an asset.

    A claim is `waiting` if it was accepted but is not in force. The operator is not told the reason.

    Source: docs/semantics.md, "Registration".
    """

    ACTIVE = "active"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class FlexibilityAsset:
    """An asset as its operator registers it. At least one of the two maximum powers is set."""

    id: str
    connection_point_id: str
    kind: AssetKind = AssetKind.OTHER
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AssetListing:
    """The asset data that a DSO may see for its grid. The class has no field for the operator or the asset's name.

    Source: docs/requirements.md, F5 and NF3.
    """

    id: str
    connection_point_id: str
    kind: AssetKind
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPoint:
    """A point in a DSO's grid.

    Attributes:
        sections: The DSO's own labels. The labels never leave the DSO's backend.
    """

    id: str
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    name: str | None = None
    sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """A request to remove a registered asset or connection point."""

    id: str
