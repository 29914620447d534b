"""One installation per test process: real Postgres, NATS and S3, with all components onboarded."""

import dataclasses
from collections.abc import Iterator

import pytest

from tests.endpoint.net import NEVER_S, Net, onboard
from tests.support.servers import servers
from tps.endpoint.batching import OwedBatch
from tps.host.services import Services


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    with servers(tmp_path_factory.mktemp("endpoint")) as stack:
        services = on_demand(onboard(stack))
        yield Net(stack, services)
        services.close()


def on_demand(services: Services) -> Services:
    """Owed acknowledgements go only when a test sends them."""
    endpoints = {name: dataclasses.replace(each, owed=OwedBatch(NEVER_S)) for name, each in services.endpoints.items()}
    return dataclasses.replace(services, endpoints=endpoints)


@pytest.fixture
def net(network: Net) -> Iterator[Net]:
    """The installation. After each test, no acknowledgement stays owed."""
    yield network
    for endpoint in network.services.endpoints.values():
        endpoint.owed.flush(endpoint)
