"""The grid of a story: assets at connection points, each point in a section of the grid."""

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
    """An asset, its connection point, and the section of the grid with this point."""

    id: str
    connection_point_id: str
    kind: str
    section: str
    max_production_kw: Decimal | None = None
    max_consumption_kw: Decimal | None = None
    name: str | None = None

    def to_asset(self) -> Asset:
        """Return the asset as its operator registers it, without the section, which only the DSO knows."""
        return Asset(
            id=self.id,
            connection_point_id=self.connection_point_id,
            kind=self.kind,
            max_production_kw=self.max_production_kw,
            max_consumption_kw=self.max_consumption_kw,
            name=self.name,
        )


def make_gsrn(number: int) -> str:
    """Return the GSRN with this serial number, with its check digit."""
    return _with_check_digit(_GSRN_PREFIX, _GSRN_DIGITS, number)


def make_gln(number: int) -> str:
    """Return the GLN with this serial number, with its check digit."""
    return _with_check_digit(_GLN_PREFIX, _GLN_DIGITS, number)


def deal(assets: Sequence[GridAsset], operators: int) -> list[list[GridAsset]]:
    """Return the assets dealt round robin to the operators."""
    return [list(assets[first::operators]) for first in range(operators)]


def points_of(assets: Iterable[GridAsset]) -> dict[str, str]:
    """Return the section of every used connection point, by its id."""
    return {asset.connection_point_id: asset.section for asset in assets}


def total_kw(assets: Iterable[GridAsset], power_of: Callable[[GridAsset], Decimal | None]) -> Decimal:
    """Return the installed power of these assets in one direction."""
    return sum((power_of(asset) or Decimal(0) for asset in assets), Decimal(0))


def _with_check_digit(prefix: str, digits: int, number: int) -> str:
    body = prefix + str(number).zfill(digits - len(prefix))
    return body + str(ean.calc_check_digit(body))
