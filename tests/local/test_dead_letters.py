"""Dead letters at a real broker: their content, and a redrive that neither loses nor duplicates messages."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.broker import User, as_user
from tps.endpoint.dead_letters import DeadLetters
from tps.errors import StoreAway
from tps.local.embedded.nats_permissions import PLATFORM as ADMINISTRATOR
from tps.local.embedded.stack import LocalStack, running_stack
from tps.mades.ids import new_id
from tps.mades.subjects import dead_subject, message_subject
from tps.stores.mailbox import Mailbox

FORESEEN, SCHEDULE = "TPS-LIMIT-FORESEEN", "TPS-SCHEDULE"
DSO, PLATFORM = "5790000000005", "5790000000029"
REASON = "relay_limit: HTTP 500, outcome none"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    consumers = (("tps", FORESEEN), ("tps", SCHEDULE))
    with running_stack(tmp_path_factory.mktemp("dead"), {"nats"}, consumers=consumers) as stack:
        stack.allow_component("dso", DSO)
        yield stack


@pytest.fixture
def letters(broker: LocalStack) -> Iterator[DeadLetters]:
    """Return the dead letters as the broker's administrator, with empty queues."""
    as_user(broker, ADMINISTRATOR, _purge)
    url, user, password = broker.nats_admin
    mailbox = Mailbox(url, user, password, "administrator")
    yield DeadLetters(mailbox)
    mailbox.close()


async def _purge(user: User) -> None:
    for stream in ("DEAD", "MADES"):
        await user.stream.purge_stream(stream)


def bury(broker: LocalStack, type_: str = FORESEEN, data: bytes = b"sealed", **headers: str) -> str:
    """Publish a dead letter as event delivery does; return the message's id."""
    message_id = new_id()
    given = {
        "Nats-Msg-Id": f"dead-{message_id}",
        "ce-id": message_id,
        "ce-type": f"mades.{type_}",
        "Tps-Attempts": "30",
        "Tps-Reason": REASON,
    }

    async def publish(user: User) -> None:
        subject = dead_subject("tps", type_, PLATFORM, DSO)
        await user.stream.publish(subject, data, headers={**given, **headers})

    as_user(broker, ADMINISTRATOR, publish)
    return message_id


def queued(broker: LocalStack, type_: str = FORESEEN) -> list[tuple[bytes, dict[str, str]]]:
    """Return the messages in the queue of a type, with their headers."""

    async def look(user: User) -> list[Any]:
        found, subject = [], message_subject("tps", type_, PLATFORM, DSO)
        info = await user.stream.stream_info("MADES")
        for sequence in range(info.state.first_seq, info.state.last_seq + 1):
            message = await user.stream.get_msg("MADES", seq=sequence)
            if message.subject == subject:
                found.append((message.data, message.headers))
        return found

    found: list[tuple[bytes, dict[str, str]]] = as_user(broker, ADMINISTRATOR, look)
    return found


def test_a_dead_letter_says_what_it_was_and_why_it_was_given_up(broker: LocalStack, letters: DeadLetters) -> None:
    message_id = bury(broker)

    (letter,) = letters.iterate()

    assert (letter.group, letter.type, letter.sender, letter.receiver) == ("tps", FORESEEN, DSO, PLATFORM)
    assert (letter.message_id, letter.attempts, letter.reason) == (message_id, 30, REASON)
    assert letters.find(letter.sequence) == letter
    assert letters.count() == 1


def test_they_are_listed_oldest_first_from_any_one_on_and_by_type(broker: LocalStack, letters: DeadLetters) -> None:
    first, second, plans = bury(broker), bury(broker), bury(broker, SCHEDULE)

    every = list(letters.iterate())

    assert [each.message_id for each in every] == [first, second, plans]
    assert [each.message_id for each in letters.iterate(after=every[0].sequence)] == [second, plans]
    assert [each.message_id for each in letters.iterate(type=SCHEDULE)] == [plans]


def test_one_from_before_reasons_were_noted_is_listed_too(broker: LocalStack, letters: DeadLetters) -> None:
    async def publish(user: User) -> None:
        await user.stream.publish(dead_subject("tps", FORESEEN, PLATFORM, DSO), b"", headers={"Tps-Attempts": "x"})

    as_user(broker, ADMINISTRATOR, publish)

    (letter,) = letters.iterate()

    assert (letter.attempts, letter.reason, letter.metadata) == (None, "not noted", None)


def test_a_redriven_letter_is_back_in_its_queue_as_it_was_and_no_dead_letter_any_more(
    broker: LocalStack, letters: DeadLetters
) -> None:
    message_id = bury(broker, data=b"as it came")
    (letter,) = letters.iterate()

    assert letters.redrive(letter.sequence)

    ((data, headers),) = queued(broker)
    assert data == b"as it came"
    assert headers.pop("Nats-Msg-Id").endswith(message_id)
    assert headers == {"ce-id": message_id, "ce-type": f"mades.{FORESEEN}"}
    assert list(letters.iterate()) == []
    assert not letters.redrive(letter.sequence)


def test_a_crash_before_it_left_the_dead_letters_doubles_nothing(
    broker: LocalStack, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(broker)
    (letter,) = letters.iterate()

    async def crash(_stream: Any, _sequence: int) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr("tps.endpoint.dead_letters._delete", crash)
        with pytest.raises(StoreAway):
            letters.redrive(letter.sequence)
    assert (len(queued(broker)), letters.count()) == (1, 1)

    assert letters.redrive(letter.sequence)

    assert (len(queued(broker)), letters.count()) == (1, 0)


def test_one_that_dies_again_can_be_redriven_again(broker: LocalStack, letters: DeadLetters) -> None:
    message_id = bury(broker)
    letters.redrive(next(letters.iterate()).sequence)
    ((_, headers),) = queued(broker)
    as_user(broker, ADMINISTRATOR, lambda user: user.stream.purge_stream("MADES"))
    bury(broker, **{**headers, "Nats-Msg-Id": f"dead-{headers['Nats-Msg-Id']}"})

    assert letters.redrive(next(letters.iterate()).sequence)

    ((_, again),) = queued(broker)
    assert again["ce-id"] == message_id


def test_the_platforms_group_may_look_but_takes_none_away(broker: LocalStack, letters: DeadLetters) -> None:
    message_id = bury(broker)
    mailbox = Mailbox(broker.nats_url, "tps", broker.vault.password("nats.tps"), "tps", timeout_s=1)
    looking = DeadLetters(mailbox)

    (letter,) = looking.iterate()
    assert (letter.message_id, looking.count()) == (message_id, 1)
    with pytest.raises(StoreAway):
        looking.redrive(letter.sequence)
    mailbox.close()

    assert letters.count() == 1
