"""Shared fixtures of the end-to-end tests."""

import pytest

from tests.support.scene import Scene, make_scene
from tests.support.world import World


@pytest.fixture(scope="session")
def scene(world: World) -> Scene:
    return make_scene(world)
