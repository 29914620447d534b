"""The broker as a cluster: a mailbox with a list of addresses goes on when the server it uses is killed."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from contextlib import suppress

import nats.errors
import pytest

from tests.support.cluster import Cluster, running_cluster
from tests.support.servers import OPERATOR, PLATFORM, eventually
from tps.errors import StoreAway
from tps.local.embedded.failure import StackError
from tps.local.embedded.ports import HOST, free_ports
from tps.mades.ids import new_id
from tps.mades.subjects import consumer_name, message_subject
from tps.stores.mailbox import LargeAddress, Letter, Mailbox

SUBJECT = message_subject("tps", "TPS-ASSET", PLATFORM, OPERATOR)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def letter() -> Letter:
    """Return a letter from an operator to the platform."""
    message_id = new_id()
    return Letter(SUBJECT, b"envelope", message_id, {})


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
        assert eventually(lambda: cluster.node_of(box) not in (node, None), timeout_s=10)
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


def test_another_number_of_replicas_updates_streams_and_consumers_that_exist(cluster: Cluster) -> None:
    names = {"MADES", "LARGE", "DEAD", "ATTEMPTS", *(consumer_name(*consumer) for consumer in cluster.consumers)}
    agr, sent = cluster.mailbox("agr"), letter()
    cluster.provision(replicas=1)
    assert eventually(lambda: cluster.replicas() == dict.fromkeys(names, 1), timeout_s=60)
    assert eventually(lambda: publishes(agr, sent))

    for _ in range(2):
        cluster.provision(replicas=3)
        assert eventually(lambda: cluster.replicas() == dict.fromkeys(names, 3), timeout_s=60)

    assert sent.unique_id in (eventually(lambda: stored_in(cluster)) or ())
    agr.close()


def test_with_three_replicas_nothing_is_lost_and_publishing_goes_on(cluster: Cluster) -> None:
    cluster.provision(replicas=3)
    cluster.wait_whole()
    agr, tps = cluster.mailbox("agr"), cluster.mailbox("tps")
    large, content = LargeAddress("tps", PLATFORM, OPERATOR, new_id()), os.urandom(600_000)
    before, after = [letter() for _ in range(50)], [letter() for _ in range(50)]
    agr.publish(before)
    chunks = agr.put_large(large, content, ttl_s=60)

    with cluster.without(cluster.node_of(agr)):
        assert all(eventually(lambda sent=sent: publishes(agr, sent)) for sent in after)
        assert eventually(lambda: read(tps, large, chunks)) == content
        stored = eventually(lambda: stored_in(cluster))

    assert stored >= {sent.unique_id for sent in (*before, *after)}
    agr.close()
    tps.close()


def test_more_replicas_than_servers_are_an_error_with_the_name_of_the_variable(cluster: Cluster) -> None:
    with pytest.raises(StackError, match="TPS_NATS_REPLICAS"):
        cluster.provision(replicas=5)


def read(box: Mailbox, address: LargeAddress, chunks: int) -> bytearray | None:
    with suppress(StoreAway):
        return box.get_large(address, chunks)
    return None


def stored_in(cluster: Cluster) -> set[str] | None:
    with suppress(nats.errors.Error, OSError, TimeoutError):
        return cluster.stored("MADES", SUBJECT)
    return None
