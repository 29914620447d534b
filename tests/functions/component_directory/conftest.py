"""The platform operator at the component directory."""

from __future__ import annotations

import pytest

from tests.support.applicants import AtDirectory
from tests.support.world import World


@pytest.fixture(scope="module")
def operator(world: World) -> AtDirectory:
    return AtDirectory.of(world, world.settings.platform_party, "tps")
