"""A separate grid for each test."""

from __future__ import annotations

import pytest

from tests.functions.schedules.grid import Grid
from tests.privacy.windows import Windows
from tests.support.world import World, fresh_gsrn, make_asset


@pytest.fixture
def grid(world: World) -> Grid:
    dso, other_dso, alpha, beta = world.dso(), world.dso("South"), world.operator("Alpha"), world.operator("Beta")
    point, far_point = fresh_gsrn(), fresh_gsrn()
    dso.register_points(point)
    other_dso.register_points(far_point)
    alphas, betas, elsewhere = make_asset(point), make_asset(point), make_asset(far_point)
    alpha.register_assets(alphas, elsewhere)
    beta.register_assets(betas)
    return Grid(Windows(world), dso, other_dso, alpha, beta, alphas["id"], betas["id"], elsewhere["id"])
