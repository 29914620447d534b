"""A grid with one point, where Alpha has 600 kW and Beta 400 kW; each test has its own grid."""

from __future__ import annotations

import pytest

from tests.functions.limits.steps import registered
from tests.support.world import Member, World, fresh_gsrn


@pytest.fixture
def dso(world: World) -> Member:
    return world.dso("North Grid")


@pytest.fixture
def point(dso: Member) -> str:
    made = fresh_gsrn()
    dso.register_points({"id": made, "sections": ["T17/F1"]})
    return made


@pytest.fixture
def alpha(world: World) -> Member:
    return world.operator("Alpha")


@pytest.fixture
def beta(world: World) -> Member:
    return world.operator("Beta")


@pytest.fixture
def chp(alpha: Member, point: str) -> str:
    return registered(alpha, point, 600)


@pytest.fixture
def wind(beta: Member, point: str) -> str:
    return registered(beta, point, 400)
