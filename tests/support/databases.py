"""Fixtures of the tests of rows: one set of real servers per test process, and empty databases."""

from collections.abc import Iterator

import pytest

from tests.support.servers import database, emptied, servers
from tps.local.embedded.stack import LocalStack
from tps.stores.database import Database


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with servers(tmp_path_factory.mktemp("stores")) as stack:
        yield stack


@pytest.fixture(scope="session")
def databases(local: LocalStack) -> Iterator[dict[str, Database]]:
    found = {group: database(local, group, timeout_s=60) for group in ("agr", "dso", "tps")}
    yield found
    for each in found.values():
        each.close()


@pytest.fixture
def tps(local: LocalStack, databases: dict[str, Database]) -> Database:
    """The platform's database, empty."""
    emptied(local)
    return databases["tps"]


@pytest.fixture
def agr(local: LocalStack, databases: dict[str, Database]) -> Database:
    """The operators' database, empty."""
    emptied(local)
    return databases["agr"]
