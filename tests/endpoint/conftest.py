"""One installation per test process: real Postgres, NATS and S3, everybody onboarded."""

from collections.abc import Iterator

import pytest

from tests.endpoint.net import Net, onboard
from tests.stores.servers import servers


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    with servers(tmp_path_factory.mktemp("endpoint")) as stack:
        services = onboard(stack)
        yield Net(stack, services)
        services.close()
