"""The rights of each group's user at the real broker; everything else is refused."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import nats.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js.api import ConsumerConfig, StreamConfig

from tests.local.broker import COLLEAGUE, CONSUMERS, GRID, OPERATOR, PLATFORM, RIVAL, User, as_user, user
from tps.errors import MessageRefused
from tps.local.embedded.nats_permissions import Access, group_permissions, render_nats_conf
from tps.local.embedded.stack import GROUPS, LocalStack
from tps.mades.subjects import dead_subject, inbox_filter, large_subject, message_subject, wake_subject

FORESEEN = "TPS-LIMIT-FORESEEN"
LARGE_ID = "0" * 32
OWN_GROUP = "agr-5799900000023"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A broker with the component of an operator, of a rival (in its own group) and of a DSO."""
    groups = (*GROUPS, OWN_GROUP)
    stack = LocalStack(tmp_path_factory.mktemp("nats"), consumers=CONSUMERS, groups=groups)
    for group, code in (("agr", OPERATOR), (OWN_GROUP, RIVAL), ("dso", GRID), ("tps", PLATFORM), ("ecp", "DIRECTORY")):
        stack.allow_component(group, code)
    try:
        stack.start_servers({"nats"})
        stack.provision_broker()
        yield stack
    finally:
        stack.stop()


def published(stack: LocalStack, name: str, subject: str) -> bool:
    return bool(as_user(stack, name, lambda user: user.may_publish(subject)))


def subscribed(stack: LocalStack, name: str, subject: str) -> bool:
    return bool(as_user(stack, name, lambda user: user.may_subscribe(subject)))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("agr", message_subject("tps", "TPS-SCHEDULE", PLATFORM, OPERATOR)),
        ("agr", message_subject("ecp", "TPS-ASSET", "DIRECTORY", OPERATOR)),
        ("agr", large_subject("tps", PLATFORM, OPERATOR, LARGE_ID, chunk=0)),
        ("agr", dead_subject("agr", FORESEEN, OPERATOR, PLATFORM)),
        ("agr", wake_subject("agr", OPERATOR)),
        (OWN_GROUP, message_subject("tps", "TPS-SCHEDULE", PLATFORM, RIVAL)),
        ("dso", message_subject("tps", FORESEEN, PLATFORM, GRID)),
        ("tps", message_subject("agr", FORESEEN, OPERATOR, PLATFORM)),
        ("tps", message_subject(OWN_GROUP, FORESEEN, RIVAL, PLATFORM)),
        ("tps", large_subject("dso", GRID, PLATFORM, LARGE_ID, chunk=0)),
        ("ecp", message_subject("agr", "TPS-ASSET", OPERATOR, "DIRECTORY")),
    ],
)
def test_a_group_publishes_what_its_components_send(stack: LocalStack, name: str, subject: str) -> None:
    assert published(stack, name, subject)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("agr", message_subject("tps", "TPS-SCHEDULE", PLATFORM, RIVAL)),
        ("agr", message_subject("tps", "TPS-SCHEDULE", PLATFORM, GRID)),
        ("agr", message_subject("tps", "TPS-SCHEDULE", PLATFORM, PLATFORM)),
        ("agr", message_subject("dso", "TPS-SCHEDULE", GRID, OPERATOR)),
        ("agr", message_subject(OWN_GROUP, FORESEEN, RIVAL, OPERATOR)),
        ("agr", message_subject("agr", FORESEEN, OPERATOR, OPERATOR)),
        (OWN_GROUP, message_subject("tps", "TPS-SCHEDULE", PLATFORM, OPERATOR)),
        ("dso", message_subject("agr", FORESEEN, OPERATOR, GRID)),
        ("ecp", message_subject("tps", FORESEEN, PLATFORM, GRID)),
        ("agr", large_subject("tps", PLATFORM, RIVAL, LARGE_ID, chunk=0)),
        ("agr", large_subject("dso", GRID, OPERATOR, LARGE_ID, chunk=0)),
        ("agr", dead_subject("dso", FORESEEN, GRID, PLATFORM)),
        ("agr", wake_subject("dso", GRID)),
        ("agr", wake_subject(OWN_GROUP, RIVAL)),
        ("agr", "_INBOX_dso.x"),
        ("agr", "$JS.API.STREAM.PURGE.MADES"),
        ("agr", "$JS.API.STREAM.MSG.GET.MADES"),
        ("agr", "$JS.API.STREAM.MSG.GET.LARGE"),
        ("agr", "$JS.API.STREAM.PURGE.LARGE"),
        ("agr", "$JS.API.CONSUMER.LIST.MADES"),
        ("agr", "$JS.API.STREAM.NAMES"),
        ("agr", "$JS.API.DIRECT.GET.LARGE"),
        ("agr", "$JS.ACK.MADES.dso_TPS-ASSET-LIST.1.1.1.1.0"),
        ("tps", "$JS.API.STREAM.PURGE.MADES"),
        ("tps", "$JS.API.STREAM.DELETE.LARGE"),
        ("ecp", "$JS.API.STREAM.DELETE.MADES"),
    ],
)
def test_a_group_publishes_nothing_else(stack: LocalStack, name: str, subject: str) -> None:
    assert not published(stack, name, subject)


@pytest.mark.parametrize("name", ["agr", "dso", "tps", "ecp", OWN_GROUP])
def test_a_group_subscribes_to_its_own_inbox_and_wakes(stack: LocalStack, name: str) -> None:
    assert subscribed(stack, name, f"_INBOX_{name}.>")
    assert subscribed(stack, name, f"wake.{name}.*")


@pytest.mark.parametrize(
    "subject",
    [
        "_INBOX_dso.>",
        f"_INBOX_{OWN_GROUP}.>",
        "_INBOX.>",
        ">",
        "mades.>",
        inbox_filter("agr", FORESEEN),
        "large.>",
        "dead.agr.>",
        "wake.dso.*",
        "wake.>",
        "$JS.>",
    ],
)
def test_a_group_hears_nobody_elses_answers_and_no_message_past_its_consumers(stack: LocalStack, subject: str) -> None:
    assert not subscribed(stack, "agr", subject)


def test_a_group_pulls_from_its_consumer_and_acknowledges(stack: LocalStack) -> None:
    letter = message_subject("agr", FORESEEN, OPERATOR, PLATFORM)

    async def send(user: User) -> None:
        await user.stream.publish(letter, b"hello")

    async def pull(user: User) -> tuple[str, int | None]:
        subscription = await user.stream.pull_subscribe_bind(f"agr_{FORESEEN}", stream="MADES")
        messages = await subscription.fetch(10, timeout=5)
        for message in messages:
            await message.ack_sync()
        return messages[-1].subject, (await subscription.consumer_info()).num_ack_pending

    as_user(stack, "tps", send)

    assert (letter, 0) == as_user(stack, "agr", pull)


@pytest.mark.parametrize("consumer", ["dso_TPS-ASSET-LIST", f"{OWN_GROUP}_{FORESEEN}", "tps_TPS-SCHEDULE"])
def test_a_group_cannot_pull_from_another_groups_consumer(stack: LocalStack, consumer: str) -> None:
    async def pull(user: User) -> bool:
        subscription = await user.stream.pull_subscribe_bind(consumer, stream="MADES")
        return await user.is_refused(subscription.fetch(1, timeout=4))

    assert as_user(stack, "agr", pull)


@pytest.mark.parametrize("name", list(GROUPS))
def test_no_group_makes_or_deletes_streams_and_consumers(stack: LocalStack, name: str) -> None:
    own = StreamConfig(name="OWN", subjects=["own.>"])
    spy = ConsumerConfig(durable_name="spy", filter_subject="mades.>")

    async def attempts(user: User) -> list[bool]:
        return [
            await user.is_refused(user.stream.add_stream(own)),
            await user.is_refused(user.stream.add_consumer("MADES", spy)),
            await user.is_refused(user.stream.delete_stream("MADES")),
            await user.is_refused(user.stream.delete_consumer("MADES", f"agr_{FORESEEN}")),
        ]

    assert as_user(stack, name, attempts) == [True] * 4


def test_a_large_payload_is_read_by_its_receivers_group_only(stack: LocalStack) -> None:
    chunk = large_subject("agr", OPERATOR, PLATFORM, LARGE_ID, chunk=0)

    async def send(user: User) -> None:
        await user.stream.publish(chunk, b"sealed")

    async def read(user: User) -> bytes | None:
        return (await user.stream.get_msg("LARGE", subject=chunk, direct=True)).data

    async def is_refused(user: User) -> bool:
        return await user.is_refused(user.stream.get_msg("LARGE", subject=chunk, direct=True))

    as_user(stack, "tps", send)

    assert as_user(stack, "agr", read) == b"sealed"
    assert as_user(stack, "dso", is_refused)
    assert as_user(stack, OWN_GROUP, is_refused)


@pytest.mark.parametrize("credentials", [{}, {"user": "tps", "pass": "guess"}, {"user": "platform", "pass": ""}])
def test_nobody_connects_without_the_right_password(stack: LocalStack, credentials: dict[str, str]) -> None:
    with socket.create_connection(("127.0.0.1", stack.nats.port), timeout=5) as connection:
        answers = connection.makefile()
        answers.readline()
        connection.sendall(f"CONNECT {json.dumps(credentials)}\r\nPING\r\n".encode())

        assert answers.readline().startswith("-ERR 'Authorization Violation'")


def test_a_component_that_joins_may_send_without_a_restart(stack: LocalStack) -> None:
    subject = message_subject("tps", "TPS-SCHEDULE", PLATFORM, COLLEAGUE)
    pid = stack.pid("nats")

    async def joins() -> bool:
        async with user(stack, "agr") as sender:
            assert not await sender.may_publish(subject)
            stack.allow_component("agr", COLLEAGUE)
            async with asyncio.timeout(10):
                while not await _goes_through(sender, subject):
                    await asyncio.sleep(0.02)
        return True

    assert asyncio.run(joins())
    assert pid == stack.pid("nats")


async def _goes_through(sender: User, subject: str) -> bool:
    # After a change of permissions, the server drops the user's connections, and the library reconnects.
    with contextlib.suppress(nats.errors.Error):
        return await sender.may_publish(subject)
    return False


def test_provisioning_again_keeps_what_is_queued(stack: LocalStack) -> None:
    letter = message_subject("dso", "TPS-ASSET-LIST", GRID, PLATFORM)

    async def send(user: User) -> None:
        await user.stream.publish(letter, b"keep me")

    async def take(user: User) -> bytes:
        subscription = await user.stream.pull_subscribe_bind("dso_TPS-ASSET-LIST", stream="MADES")
        message = (await subscription.fetch(1, timeout=5))[0]
        await message.ack()
        return bytes(message.data)

    as_user(stack, "tps", send)
    stack.provision_broker()

    assert as_user(stack, "dso", take) == b"keep me"


codes = st.text(alphabet="ABCdef0123456789@-", min_size=1, max_size=16)


@given(own=st.frozensets(codes, max_size=3), foreign=codes)
def test_no_code_of_another_is_ever_in_a_partys_permissions(own: frozenset[str], foreign: str) -> None:
    access = Access({}, {"agr": own - {foreign}, "dso": frozenset({foreign})}, frozenset(CONSUMERS))

    allowed = group_permissions("agr", access)["publish"]["allow"]

    sending = [subject for subject in allowed if subject.startswith(("mades.", "large."))]
    assert all(foreign not in subject.split(".") for subject in sending)
    assert all(subject.split(".")[1] in {"tps", "ecp"} for subject in sending)


@pytest.mark.parametrize("code", ["*", ">", "a.b", "a b", "", 'x"'])
def test_a_code_that_would_widen_a_permission_is_refused(code: str) -> None:
    access = Access({"agr": "p"}, {"agr": frozenset({code})}, frozenset())

    with pytest.raises(MessageRefused):
        render_nats_conf(access, 4222, Path("/data"))
