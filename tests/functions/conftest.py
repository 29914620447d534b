"""The world of these tests is one process without sockets."""

from collections.abc import Iterator

import pytest

from tests.support.in_process import InProcessWorld, in_process_world
from tests.support.installation import Installation
from tests.support.scene import Scene, make_scene
from tests.support.world import Member, World, fresh_gsrn


@pytest.fixture(scope="module")
def world(house: Installation) -> Iterator[InProcessWorld]:
    with in_process_world(house) as made:
        yield made


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    return make_scene(world)


@pytest.fixture
def dso(world: World) -> Member:
    return world.dso()


@pytest.fixture
def operator(world: World) -> Member:
    return world.operator()


@pytest.fixture
def point(dso: Member) -> str:
    """A point in the DSO's grid."""
    made = fresh_gsrn()
    dso.register_points(made)
    return made
