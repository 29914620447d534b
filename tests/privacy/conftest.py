"""A tap on the broker of the running stack."""

from collections.abc import Iterator

import pytest

from tests.privacy.wiretap import Wiretap
from tests.support.world import World


@pytest.fixture
def tap(world: World) -> Iterator[Wiretap]:
    """Hears everything from now on, to the end of the test."""
    with Wiretap(world).listening() as tap:
        yield tap
