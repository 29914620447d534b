"""The worlds of the stories: a small invented world, and one of real size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from tools.story.actor import Part
from tools.story.grid import GridAsset, deal, make_gln, make_gsrn

_FIRST_POINT = 9_200_000_000
_FIRST_ASSET = 9_300_000_000


class _Installed(NamedTuple):
    """One asset of the small grid; `operator` is the index of its operator."""

    name: str
    kind: str
    feeder: str
    production_kw: int
    consumption_kw: int
    operator: int


_SMALL_GRID = (
    _Installed("CHP unit at the waterworks", "generation", "T17/F1", 600, 0, 0),
    _Installed("Wind turbine on the ridge", "generation", "T17/F1", 400, 0, 1),
    _Installed("Solar park by the motorway", "generation", "T17/F1", 200, 0, 2),
    _Installed("Heat pump of the school", "heat_pump", "T17/F1", 0, 80, 0),
    _Installed("Battery at the substation", "storage", "T17/F2", 250, 250, 1),
    _Installed("Charging park at the station", "ev_charging", "T17/F2", 0, 350, 2),
    _Installed("Biogas unit at the farm", "generation", "T17/F2", 150, 0, 0),
    _Installed("Rooftop panels of the market hall", "generation", "T17/F2", 90, 0, 2),
    _Installed("Cold store", "load", "T17/F3", 0, 120, 1),
    _Installed("Panels of the housing block", "generation", "T17/F3", 60, 0, 0),
    _Installed("Home batteries of the housing block", "storage", "T17/F3", 40, 40, 1),
    _Installed("Heat pumps of the housing block", "heat_pump", "T17/F3", 0, 110, 2),
)


@dataclass(frozen=True, slots=True)
class World:
    """The parties, the assets of each operator, and the places of the events. Every operator has assets in both places.

    Attributes:
        hands: The assets of each operator, in the order of the operators.
        maintained, faulty: Names of the two parts of the grid in the story.
        is_maintained, is_faulty: Return True if a section belongs to this part.
        maintenance_kw: Production that the grid can carry there during the maintenance.
    """

    dso: Part
    operators: tuple[Part, ...]
    hands: tuple[tuple[GridAsset, ...], ...]
    maintained: str
    faulty: str
    is_maintained: Callable[[str], bool]
    is_faulty: Callable[[str], bool]
    maintenance_kw: Decimal

    @property
    def assets(self) -> list[GridAsset]:
        return [asset for hand in self.hands for asset in hand]


def small_world() -> World:
    """Return a world with twelve assets of three operators behind one transformer with three feeders."""
    hands: tuple[list[GridAsset], ...] = ([], [], [])
    for number, installed in enumerate(_SMALL_GRID):
        hands[installed.operator].append(_small_asset(number, installed))
    return World(
        dso=Part("dso", make_gln(9101), "North Grid"),
        operators=(
            Part("agr", make_gln(9102), "Alpha Energy"),
            Part("agr", make_gln(9103), "Beta Flex"),
            Part("brp", make_gln(9104), "Gamma Balance"),
        ),
        hands=tuple(tuple(hand) for hand in hands),
        maintained="feeder T17/F1",
        faulty="feeder T17/F2",
        is_maintained="T17/F1".__eq__,
        is_faulty="T17/F2".__eq__,
        maintenance_kw=Decimal(600),
    )


def real_world(csv: Path | None) -> World:
    """Return a world with SimBench's 17,505 assets, dealt to three operators; raises as `simbench.load_assets`."""
    from tools.story.simbench import is_in, load_assets

    return World(
        dso=Part("dso", make_gln(9201), "City Grid"),
        operators=(
            Part("agr", make_gln(9202), "Delta Energy"),
            Part("agr", make_gln(9203), "Epsilon Flex"),
            Part("brp", make_gln(9204), "Zeta Balance"),
        ),
        hands=tuple(tuple(hand) for hand in deal(load_assets(csv), 3)),
        maintained="the LV5 networks",
        faulty="the network LV3.301",
        is_maintained=lambda section: is_in(section, "LV5"),
        is_faulty=lambda section: is_in(section, "LV3.301"),
        maintenance_kw=Decimal(1000),
    )


def _small_asset(number: int, installed: _Installed) -> GridAsset:
    return GridAsset(
        id=make_gsrn(_FIRST_ASSET + number),
        connection_point_id=make_gsrn(_FIRST_POINT + number),
        kind=installed.kind,
        section=installed.feeder,
        max_production_kw=Decimal(installed.production_kw) or None,
        max_consumption_kw=Decimal(installed.consumption_kw) or None,
        name=installed.name,
    )
