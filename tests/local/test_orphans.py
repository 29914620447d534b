"""Orphans at a real broker: found and deleted, while messages that a consumer still owes stay."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.broker import CONSUMERS, GRID, OPERATOR, PLATFORM, User, as_user
from tests.local.children import eventually
from tps.local.embedded import orphans
from tps.local.embedded.nats_permissions import PLATFORM as ADMINISTRATOR
from tps.local.embedded.orphans import count_owed, sweep_orphans, sweeping
from tps.local.embedded.stack import LocalStack
from tps.mades.subjects import message_subject

QUEUE = "dso_TPS-ASSET-LIST"
LETTER = message_subject("dso", "TPS-ASSET-LIST", GRID, PLATFORM)
OTHER_LETTER = message_subject("agr", "TPS-LIMIT-FORESEEN", OPERATOR, PLATFORM)
LETTER_OF_NO_CONSUMER = message_subject("dso", "TPS-SCHEDULE", GRID, PLATFORM)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path, consumers=CONSUMERS, say=lambda _text: None)
    stack.allow_component("tps", PLATFORM)
    try:
        stack.start_servers({"nats"})
        stack.provision_broker()
        yield stack
    finally:
        stack.stop()


def send(stack: LocalStack, *subjects: str) -> None:
    async def publish(user: User) -> None:
        for subject in subjects:
            await user.stream.publish(subject, b"sealed")

    as_user(stack, "tps", publish)


def take(stack: LocalStack, *, acknowledge: bool = True) -> int:
    """Deliver the next message of the DSO's queue, and return its sequence."""

    async def pull(user: User) -> int:
        subscription = await user.stream.pull_subscribe_bind(QUEUE, stream="MADES")
        (message,) = await subscription.fetch(1, timeout=5)
        if acknowledge:
            await message.ack_sync()
        return int(message.metadata.sequence.stream)

    sequence: int = as_user(stack, "dso", pull)
    return sequence


def lose_deletion(stack: LocalStack) -> int:
    """Handle a message and lose its deletion, as a killed broker does; return the sequence of the orphan.

    The state of the consumer stays. The messages of the stream are restored to those before the acknowledgement.
    """
    (folder,) = (stack.data / "nats" / "jetstream").rglob("MADES/msgs")
    before = stack.data / "messages-before"
    send(stack, LETTER)
    with stack.without("nats"):
        shutil.copytree(folder, before)
    stack.wait_ready(["nats"])
    sequence = take(stack)
    with stack.without("nats"):
        shutil.rmtree(folder)
        before.rename(folder)
    stack.wait_ready(["nats"])
    return sequence


def sequences(stack: LocalStack) -> list[int]:
    """Return the sequences of all messages in the stream."""

    async def look(user: User) -> list[int]:
        state = (await user.stream.stream_info("MADES")).state
        gone = set((await _details(user)) or [])
        return [each for each in range(state.first_seq, state.last_seq + 1) if each not in gone]

    async def _details(user: User) -> Any:
        answer = await user.stream._api_request("$JS.API.STREAM.INFO.MADES", b'{"deleted_details": true}')
        return answer["state"].get("deleted")

    found: list[int] = as_user(stack, ADMINISTRATOR, look)
    return found


def owed(stack: LocalStack) -> int:
    return int(as_user(stack, ADMINISTRATOR, lambda user: count_owed(user.stream)))


def sweep(stack: LocalStack, **most: int) -> int:
    return int(as_user(stack, ADMINISTRATOR, lambda user: sweep_orphans(user.stream, **most)))


def test_an_orphan_is_owed_by_nobody_and_deleted(stack: LocalStack) -> None:
    orphan = lose_deletion(stack)
    assert (sequences(stack), owed(stack)) == ([orphan], 0)

    assert sweep(stack) == 1

    assert sequences(stack) == []
    assert sweep(stack) == 0


def test_messages_that_wait_behind_an_orphan_and_those_of_other_queues_are_not_touched(stack: LocalStack) -> None:
    orphan = lose_deletion(stack)
    send(stack, OTHER_LETTER, LETTER, LETTER_OF_NO_CONSUMER)
    waiting = [each for each in sequences(stack) if each != orphan]

    assert sweep(stack) == 1

    assert (sequences(stack), owed(stack)) == (waiting, 2)
    assert take(stack) == waiting[1]


def test_a_message_without_acknowledgement_is_not_touched(stack: LocalStack) -> None:
    send(stack, LETTER, LETTER)
    first, second = sequences(stack)
    assert take(stack, acknowledge=False) == first
    assert take(stack) == second

    assert sweep(stack) == 0

    assert (sequences(stack), owed(stack)) == ([first], 1)


def test_a_queue_in_use_is_not_swept(stack: LocalStack) -> None:
    orphan = lose_deletion(stack)
    send(stack, LETTER)
    waiting = take(stack, acknowledge=False)

    assert sweep(stack) == 0

    assert sequences(stack) == [orphan, waiting]


def test_messages_of_a_consumer_that_was_made_anew_are_not_touched(stack: LocalStack) -> None:
    """A new consumer owes all messages in its queue, also those that its predecessor acknowledged."""
    orphan = lose_deletion(stack)
    as_user(stack, ADMINISTRATOR, lambda user: user.stream.delete_consumer("MADES", QUEUE))
    stack.provision_broker()

    assert sweep(stack) == 0

    assert take(stack) == orphan


def test_a_consumer_that_is_made_anew_during_the_sweep_is_seen(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = lose_deletion(stack)
    find = orphans._first_orphan

    async def find_then_replace(stream: Any, info: Any) -> int | None:
        found = await find(stream, info)
        if found is not None:
            await stream.delete_consumer("MADES", QUEUE)
            await stream.add_consumer("MADES", info.config)
        return found

    monkeypatch.setattr(orphans, "_first_orphan", find_then_replace)

    assert sweep(stack) == 0
    assert sequences(stack) == [orphan]


def test_one_sweep_deletes_a_bounded_number(stack: LocalStack) -> None:
    lose_deletion(stack)

    assert sweep(stack, at_most=0) == 0
    assert sweep(stack, at_most=1) == 1


def test_provisioning_sweeps(stack: LocalStack) -> None:
    lose_deletion(stack)

    stack.provision_broker()

    assert sequences(stack) == []


def test_a_running_stack_sweeps_and_says_so(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "_EVERY_S", 0.1)
    lose_deletion(stack)
    said: list[str] = []

    with sweeping(stack.nats_admin, said.append):
        eventually(lambda: said, "swept")

    assert said == ["deleted 1 handled messages that the broker kept after a kill"]
    assert sequences(stack) == []
