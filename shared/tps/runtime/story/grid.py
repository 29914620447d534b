"""A grid as a story tells it: assets at connection points, each in a section of the grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stdnum import ean

_GSRN_PREFIX = "5713131"
_GSRN_DIGITS = 17
_GLN_PREFIX = "5790000"
_GLN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class GridAsset:
    """One asset, where it is connected, and the section of the grid that this point lies in."""

    id: str
    connection_point_id: str
    kind: str
    section: str
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """ASSET of the REST contract; the section is the DSO's own and stays out."""
        fields = {
            "id": self.id,
            "connection_point_id": self.connection_point_id,
            "kind": self.kind,
            "name": self.name,
            "max_production_kw": _number(self.max_production_kw),
            "max_consumption_kw": _number(self.max_consumption_kw),
        }
        return {name: value for name, value in fields.items() if value is not None}


def make_gsrn(number: int) -> str:
    """The GSRN with this serial number, check digit included."""
    return _with_check_digit(_GSRN_PREFIX, _GSRN_DIGITS, number)


def make_gln(number: int) -> str:
    """The GLN with this serial number, check digit included."""
    return _with_check_digit(_GLN_PREFIX, _GLN_DIGITS, number)


def deal(assets: Sequence[GridAsset], operators: int) -> list[list[GridAsset]]:
    """The assets dealt round robin to so many operators."""
    return [list(assets[first::operators]) for first in range(operators)]


def points_of(assets: Iterable[GridAsset]) -> dict[str, str]:
    """The section of every connection point in use, by its id."""
    return {asset.connection_point_id: asset.section for asset in assets}


def total_kw(assets: Iterable[GridAsset], power_of: Callable[[GridAsset], Decimal | None]) -> Decimal:
    """Installed power of these assets in one direction."""
    return sum((power_of(asset) or Decimal(0) for asset in assets), Decimal(0))


def _with_check_digit(prefix: str, digits: int, number: int) -> str:
    body = prefix + str(number).zfill(digits - len(prefix))
    return body + str(ean.calc_check_digit(body))


def _number(power_kw: Decimal | None) -> int | float | None:
    if power_kw is None:
        return None
    return int(power_kw) if power_kw == power_kw.to_integral_value() else float(power_kw)
