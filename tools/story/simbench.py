"""A grid of real size: SimBench's `1-MVLV-urban-all-2-sw` with 17,505 loads, generators and storages (ODbL 1.0).

The repository contains none of its data. It is read from the `simbench` package (an optional extra), or from a csv with
the columns `asset, kind, bus, subnet, p_max_kw`, where subnet is that of the bus. SimBench has no metering ids, so this
module invents fixed ones. A storage with power 0 in the csv gets a usual power of home storages.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tools.story.grid import GridAsset, make_gsrn

GRID = "1-MVLV-urban-all-2-sw"
UNSTATED_STORAGE_KW = Decimal(5)
_KINDS = {"load": "load", "sgen": "generation", "storage": "storage"}
_FIRST_NUMBERS = {"bus": 5_000_000_000, "load": 6_000_000_000, "sgen": 7_000_000_000, "storage": 8_000_000_000}
_WATT_KW = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class _Row:
    """One element of SimBench; `number` counts within its kind."""

    kind: str
    number: int
    bus: int
    subnet: str
    power_kw: Decimal


def load_assets(path: Path | None = None) -> list[GridAsset]:
    """Return all assets of the grid, in SimBench's order, with the subnet as section.

    Args:
        path: A csv file; without it, the `simbench` package is used.

    Raises:
        ModuleNotFoundError: No file was given, and the package is not installed.
    """
    rows = _rows_of_package() if path is None else _rows_of_csv(path)
    return [_asset(row) for row in rows]


def is_in(section: str, area: str) -> bool:
    """Return True if the subnet is this area (`LV5.301`), is of this kind (`LV5`), or is below it."""
    return section == area or section.startswith((f"{area}.", f"{area}_"))


def _asset(row: _Row) -> GridAsset:
    is_storage, power_kw = row.kind == "storage", row.power_kw.quantize(_WATT_KW).normalize()
    if is_storage and not power_kw:
        power_kw = UNSTATED_STORAGE_KW
    return GridAsset(
        id=make_gsrn(_FIRST_NUMBERS[row.kind] + row.number),
        connection_point_id=make_gsrn(_FIRST_NUMBERS["bus"] + row.bus),
        kind=_KINDS[row.kind],
        section=row.subnet,
        max_production_kw=power_kw if row.kind in ("sgen", "storage") else None,
        max_consumption_kw=power_kw if row.kind in ("load", "storage") else None,
    )


def _rows_of_csv(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            number = int(line["asset"].rpartition("-")[2])
            yield _Row(line["kind"], number, int(line["bus"]), line["subnet"], Decimal(line["p_max_kw"]))


def _rows_of_package() -> Iterator[_Row]:
    import simbench

    net = simbench.get_simbench_net(GRID)
    for kind in _KINDS:
        for number, element in net[kind].iterrows():
            bus = int(element["bus"])
            power_kw = abs(Decimal(str(element["p_mw"]))) * 1000
            yield _Row(kind, int(number), bus, str(net.bus.at[bus, "subnet"]), power_kw)
