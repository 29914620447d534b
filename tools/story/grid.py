"""A grid as a story tells it: assets at connection points, each in a section of the grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from stdnum import ean

from tps.client import Asset

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

    def to_asset(self) -> Asset:
        """As its operator registers it; the section is the DSO's own and stays out."""
        return Asset(
            id=self.id,
            connection_point_id=self.connection_point_id,
            kind=self.kind,
            max_production_kw=self.max_production_kw,
            max_consumption_kw=self.max_consumption_kw,
            name=self.name,
        )


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
