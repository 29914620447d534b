"""One installation per test process."""

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation, installation

# A history that differs is told by what differed.
pytest.register_assert_rewrite("tests.stateful.onlookers")


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("stateful")) as made:
        yield made
