"""A grid of any size for benches: generators, two at each connection point."""

from decimal import Decimal

from tools.story.grid import GridAsset, make_gsrn

_FIRST_POINT = 9_400_000_000
_FIRST_ASSET = 9_500_000_000
_ASSETS_PER_POINT = 2
_KINDS_OF_SIZE = 500


def make_grid(count: int, first: int = 0) -> list[GridAsset]:
    """Return `count` assets. Two grids do not overlap if their `first` values are far enough apart."""
    return [_asset(first + number) for number in range(count)]


def _asset(number: int) -> GridAsset:
    return GridAsset(
        id=make_gsrn(_FIRST_ASSET + number),
        connection_point_id=make_gsrn(_FIRST_POINT + number // _ASSETS_PER_POINT),
        kind="generation",
        section="all",
        max_production_kw=Decimal(1 + number % _KINDS_OF_SIZE),
    )
