"""The broker as a cluster: a mailbox with a list of addresses goes on when the server it uses is killed."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.cluster import Cluster, running_cluster
from tests.support.servers import OPERATOR, PLATFORM, eventually
from tps.errors import StoreAway
from tps.local.embedded.ports import HOST, free_ports
from tps.mades.ids import new_id
from tps.mades.subjects import message_subject
from tps.stores.mailbox import Letter, Mailbox


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def letter() -> Letter:
    """Return a letter from an operator to the platform."""
    message_id = new_id()
    return Letter(message_subject("tps", "TPS-ASSET", PLATFORM, OPERATOR), b"envelope", message_id, {})


def publishes(box: Mailbox, sent: Letter) -> bool:
    """Return whether the broker stored the letter."""
    with suppress(StoreAway):
        box.publish([sent])
        return True
    return False


def wakes(sender: Mailbox, heard: queue.Queue[str]) -> bool:
    """Return whether a wake-up of the sender is heard."""
    with suppress(StoreAway, queue.Empty):
        sender.wake([OPERATOR])
        return heard.get(timeout=1) == OPERATOR
    return False


def test_a_mailbox_goes_on_at_another_server(cluster: Cluster) -> None:
    box, other = cluster.mailbox("agr"), cluster.mailbox("agr")
    heard: queue.Queue[str] = queue.Queue()
    box.on_wake(heard.put)
    assert eventually(lambda: wakes(other, heard))
    node = cluster.node_of(box)

    with cluster.without(node):
        assert eventually(box.can_connect, timeout_s=10)
        assert cluster.node_of(box) != node
        assert eventually(lambda: wakes(other, heard), timeout_s=10)
    box.close()
    other.close()


def test_a_server_that_is_away_does_not_prevent_the_first_connection(cluster: Cluster) -> None:
    (closed,) = free_ports(1)
    alive = next(iter(cluster.ports.values()))
    boxes = [cluster.mailbox("agr", f"nats://{HOST}:{closed}, nats://{HOST}:{alive}") for _ in range(6)]

    assert [box.can_connect() for box in boxes] == [True] * 6
    for box in boxes:
        box.close()
