"""Owed acknowledgements wait a short time for each other. The rows are the truth."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.endpoint.net import MADES_ACK, Net, registration, take_and_tell, take_registration
from tests.support.servers import PLATFORM, eventually
from tps.endpoint import batching
from tps.endpoint.acknowledging import send_owed
from tps.endpoint.batching import OwedBatch
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import note_received
from tps.endpoint.intake import Reader
from tps.endpoint.receiving import open_acknowledgement
from tps.errors import StoreAway
from tps.mades.message import AcknowledgementKind
from tps.stores.mailbox import Letter, Mailbox


@dataclass
class Watched:
    """A mailbox that records the time and number of letters, and fails on request."""

    real: Mailbox
    is_away: bool = False
    published: list[tuple[float, int]] = field(default_factory=list)

    def publish_each(self, letters: Sequence[Letter]) -> set[str]:
        self.published.append((time.monotonic(), len(letters)))
        if self.is_away:
            raise StoreAway("the message broker is temporarily unavailable")
        return self.real.publish_each(letters)


def watched(net: Net, is_away: bool = False) -> tuple[Endpoint, Watched]:
    """The platform's endpoint as a running process has it."""
    mailbox = Watched(net.platform.mailbox, is_away)
    return dataclasses.replace(net.platform, mailbox=mailbox, owed=OwedBatch()), mailbox  # type: ignore[arg-type]


def owed(net: Net) -> int:
    with net.platform.database.transaction() as tx:
        return len(tx.execute("TABLE owed_acknowledgement").fetchall())


def test_what_is_earned_in_a_moment_goes_in_one_acknowledgement(net: Net) -> None:
    endpoint, mailbox = watched(net)
    arrivals = [net.arrival(net.message(registration())) for _ in range(5)]
    for arrival in arrivals:
        take_registration(net.platform, arrival)

    for _ in arrivals:
        endpoint.owed.schedule(endpoint)

    eventually(lambda: owed(net) == 0)
    assert [count for _, count in mailbox.published] == [1]
    assert len(open_acknowledgement(net.operators, net.last(MADES_ACK)).messages) == 5


def test_nobody_waits_longer_than_a_quarter_of_a_second(net: Net) -> None:
    endpoint, mailbox = watched(net)
    take_registration(net.platform, net.arrival(net.message(registration())))

    began = time.monotonic()
    while not mailbox.published:
        endpoint.owed.schedule(endpoint)
        assert time.monotonic() < began + 5

    # An idle machine takes 250 ms. The promise is only the delay before the start.
    assert batching.BATCH_S < 0.25
    eventually(lambda: owed(net) == 0)
    endpoint.owed.flush(endpoint)


def test_what_is_read_before_its_delivery_was_told_is_told_once_as_received(net: Net) -> None:
    message = net.message(registration())
    before = net.in_stream(MADES_ACK)
    dataclasses.replace(take_registration, reader=Reader.PARTY)(net.platform, net.arrival(message))
    with net.platform.database.transaction() as tx:
        note_received(net.platform, tx, PLATFORM, [message.message_id])

    net.platform.owed.flush(net.platform)

    assert net.in_stream(MADES_ACK) == before + 1
    assert open_acknowledgement(net.operators, net.last(MADES_ACK)).kind is AcknowledgementKind.RECEIVE


def test_what_a_process_did_not_get_to_send_a_tick_sends(net: Net) -> None:
    before = net.in_stream(MADES_ACK)

    take_registration(net.platform, net.arrival(net.message(registration())))

    assert (net.in_stream(MADES_ACK), owed(net)) == (before, 1)
    assert send_owed(net.platform) == 1
    assert net.in_stream(MADES_ACK) == before + 1


def test_a_broker_that_is_away_costs_a_batch_nothing_but_time(net: Net) -> None:
    endpoint, mailbox = watched(net, is_away=True)
    take_registration(net.platform, net.arrival(net.message(registration())))
    endpoint.owed.schedule(endpoint)
    eventually(lambda: mailbox.published)
    endpoint.owed.flush(endpoint)
    assert owed(net) == 1

    mailbox.is_away = False
    endpoint.owed.schedule(endpoint)

    eventually(lambda: owed(net) == 0)


def test_whoever_stops_sends_first(net: Net) -> None:
    take_registration(net.platform, net.arrival(net.message(registration())))
    endpoint = dataclasses.replace(net.platform, owed=OwedBatch(delay_s=3600))
    endpoint.owed.schedule(endpoint)

    endpoint.owed.flush(endpoint)

    assert owed(net) == 0


def test_before_others_hear_the_sender_is_answered_even_if_somebody_has_the_lease(net: Net) -> None:
    message, before = net.message(registration()), net.in_stream(MADES_ACK)
    arrival = net.arrival(message)
    take_registration(net.platform, arrival)
    with net.platform.database.transaction() as tx:
        tx.execute("UPDATE owed_acknowledgement SET lease = 'dead', leased_until = now() + interval '1 hour'")

    take_and_tell(net.platform, arrival)

    assert net.in_stream(MADES_ACK) == before + 1
    assert owed(net) == 0


@pytest.mark.parametrize("is_followed_up", [True, False])
def test_only_what_is_sent_at_once_is_left_alone_by_the_batch(net: Net, is_followed_up: bool) -> None:
    leased: list[int] = []

    class Looks:
        def publish_each(self, letters: Sequence[Letter]) -> set[str]:
            if not leased:
                leased.append(send_owed(net.platform))
            return net.platform.mailbox.publish_each(letters)

    endpoint = dataclasses.replace(net.platform, mailbox=Looks())  # type: ignore[arg-type]

    (take_and_tell if is_followed_up else take_registration)(endpoint, net.arrival(net.message(registration())))

    assert leased == [0 if is_followed_up else 1]
