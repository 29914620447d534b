"""A tap on the broker of the running stack."""

from collections.abc import Iterator

import pytest

from tests.privacy.wiretap import Wiretap
from tests.support.world import World


@pytest.fixture
def tap(world: World) -> Iterator[Wiretap]:
    """Records everything on the broker until the end of the test."""
    with Wiretap(world).listening() as tap:
        yield tap
