"""Documents are copied in the background, stay with their messages until the copy is safe, and are copied once."""

import dataclasses
import zlib
from datetime import timedelta
from typing import Any

import pytest

from tests.endpoint.net import Net, at, registration, take_registration
from tests.support.servers import PLATFORM
from tps.endpoint.archiving import VERIFY_AFTER, archive_documents, read_document, remove_archived
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.message_row import Status
from tps.errors import MessageRefused, StoreAway
from tps.host.services import utc_now
from tps.mades.message import Message


class Memory:
    """A document store that can be unavailable and can lose documents."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.is_away = False

    def put(self, key: str, content: bytes) -> bool:
        self._check()
        return self.kept.setdefault(key, content) is content

    def get(self, key: str) -> bytes | None:
        self._check()
        return self.kept.get(key)

    def _check(self) -> None:
        if self.is_away:
            raise StoreAway("the document store is temporarily unavailable")


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def platform(net: Net, memory: Memory) -> Endpoint:
    """The platform with its own document store. Contents from earlier tests are removed."""
    with net.platform.database.transaction() as tx:
        tx.execute("UPDATE message SET content = NULL")
    return dataclasses.replace(net.platform, documents=memory)  # type: ignore[arg-type]


def row_of(endpoint: Endpoint, message: Message) -> dict[str, Any]:
    with endpoint.database.transaction() as tx:
        row = tx.execute(
            "SELECT content, object_key FROM message WHERE component = %s AND message_id = %s",
            (PLATFORM, message.message_id),
        ).fetchone()
    assert row is not None
    return row


def later(endpoint: Endpoint) -> Endpoint:
    return at(endpoint, utc_now() + VERIFY_AFTER + timedelta(seconds=1))


def test_a_store_that_is_away_delays_nothing(net: Net, platform: Endpoint, memory: Memory) -> None:
    memory.is_away = True
    message = net.message(registration())

    status = take_registration(platform, net.arrival(message))

    assert status is Status.ACCEPTED
    assert read_document(platform, PLATFORM, message.message_id) == message.content


def test_documents_are_copied_as_received_and_as_sent(net: Net, platform: Endpoint, memory: Memory) -> None:
    message = net.message(registration())
    take_registration(platform, net.arrival(message))

    assert archive_documents(platform) == 2
    assert archive_documents(platform) == 0
    assert memory.kept[row_of(platform, message)["object_key"]] == message.content
    assert {key.split("/")[0] for key in memory.kept} == {"in", "out"}


def test_a_document_stays_with_its_message_until_its_copy_was_found_whole(
    net: Net, platform: Endpoint, memory: Memory
) -> None:
    message = net.message(registration())
    take_registration(platform, net.arrival(message))
    archive_documents(platform)

    at_once = remove_archived(platform)
    kept = row_of(platform, message)["content"]
    in_time = remove_archived(later(platform))

    assert (at_once, in_time) == (0, 2)
    assert zlib.decompress(kept) == message.content
    assert row_of(platform, message)["content"] is None
    assert read_document(platform, PLATFORM, message.message_id) == message.content


@pytest.mark.parametrize("damage", [lambda kept: kept.clear(), lambda kept: kept.update(dict.fromkeys(kept, b"<cut"))])
def test_what_the_store_forgot_or_damaged_is_not_let_go_of(
    net: Net, platform: Endpoint, memory: Memory, damage: Any
) -> None:
    """A store that does not sync at each write may lose its last seconds in a power cut."""
    message = net.message(registration())
    take_registration(platform, net.arrival(message))
    archive_documents(platform)

    damage(memory.kept)

    assert remove_archived(later(platform)) == 0
    assert read_document(platform, PLATFORM, message.message_id) == message.content


def test_what_the_store_forgot_is_copied_again(net: Net, platform: Endpoint, memory: Memory) -> None:
    message = net.message(registration())
    take_registration(platform, net.arrival(message))
    archive_documents(platform)
    memory.kept.clear()

    remove_archived(later(platform))

    assert archive_documents(platform) == 2
    assert memory.kept[row_of(platform, message)["object_key"]] == message.content


def test_a_store_that_is_away_is_tried_again(net: Net, platform: Endpoint, memory: Memory) -> None:
    take_registration(platform, net.arrival(net.message(registration())))
    memory.is_away = True
    with pytest.raises(StoreAway):
        archive_documents(platform)

    memory.is_away = False

    assert archive_documents(platform) == 2


def test_many_documents_are_copied_in_one_go(net: Net, platform: Endpoint) -> None:
    for _ in range(60):
        take_registration(platform, net.arrival(net.message(registration())))

    assert archive_documents(platform) == 120


def test_a_message_under_the_id_of_one_of_ours_is_refused_and_touches_nothing(net: Net, platform: Endpoint) -> None:
    """A party knows the ids of the messages that it received. These ids must not give it access to our own rows."""
    take_registration(platform, net.arrival(net.message(registration())))
    with platform.database.transaction() as tx:
        ours = tx.execute("SELECT * FROM message WHERE direction = 'out' ORDER BY created_at DESC LIMIT 1").fetchone()
    assert ours is not None
    message = dataclasses.replace(net.message(registration()), message_id=ours["message_id"])

    with pytest.raises(MessageRefused):
        take_registration(platform, net.arrival(message))

    with platform.database.transaction() as tx:
        after = tx.execute(
            "SELECT * FROM message WHERE component = %s AND message_id = %s", (PLATFORM, ours["message_id"])
        ).fetchone()
    assert after == ours
