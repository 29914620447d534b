"""`./tps dead-letters` on a running system: lists undelivered messages with their reasons, and redrives them."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import nats
import pytest
from click.testing import CliRunner

from tests.endpoint.net import registration
from tests.support.world import Member, World, eventually, fresh_gsrn
from tps.documents import encode
from tps.endpoint import applications, components, ledger
from tps.endpoint.sending import Draft, enqueue
from tps.host.services import Services, build_services, utc_now
from tps.local.cli import commands
from tps.mades.certificates import CertificateUse
from tps.mades.envelope import seal
from tps.mades.ids import new_id
from tps.mades.message import Message
from tps.mades.subjects import dead_subject
from tps.mades.types import ASSET, CONNECTIVITY_TEST, expiry

REASON = "process_registration: not reached"


@pytest.fixture(scope="module")
def services(world: World) -> Iterator[Services]:
    services = build_services(world.settings)
    yield services
    services.close()


def dead_letters(world: World, *arguments: str) -> str:
    """Return the standard output of the command."""
    done = CliRunner().invoke(commands, ["dead-letters", *arguments, "--data", str(world.stack.data)])
    assert done.exit_code == 0, done.output
    return done.stdout


def listed(world: World, message_id: str, *arguments: str) -> dict[str, Any] | None:
    """Return the list's entry of one message."""
    entries = json.loads(dead_letters(world, "list", "--json", *arguments))["undelivered"]
    return next((each for each in entries if each["message_id"] == message_id), None)


def buried_registration(world: World, services: Services, operator: Member) -> str:
    """Send a registration that no function takes; return its message id."""
    now, platform = utc_now(), world.settings.platform_component
    document = registration(fresh_gsrn(), sender=operator.code, receiver=platform)
    message = Message(new_id(), ASSET, operator.code, platform, now, expiry(ASSET, now), 1, encode(document))
    endpoint = services.endpoint("agr")
    with endpoint.database.transaction() as tx:
        entry, signing = endpoint.entry(tx, platform), endpoint.signing_key(tx, operator.code)
    assert entry is not None
    envelope = seal(message, signing, entry.certificate(CertificateUse.ENCRYPTION, now))
    subject = dead_subject("tps", ASSET, platform, operator.code)
    headers = {"Nats-Msg-Id": f"dead-{message.message_id}", "ce-id": message.message_id, "ce-type": f"mades.{ASSET}"}
    headers |= {"Tps-Attempts": "30", "Tps-Reason": REASON}
    asyncio.run(_publish(world, subject, envelope.to_bytes(), headers))
    return message.message_id


async def _publish(world: World, subject: str, data: bytes, headers: dict[str, str]) -> None:
    url, user, password = world.stack.nats_admin
    client = await nats.connect(url, user=user, password=password)
    await client.jetstream().publish(subject, data, headers=headers)
    await client.close()


def test_a_dead_letter_is_listed_shown_and_redriven_and_then_takes_effect_once(
    world: World, services: Services
) -> None:
    operator = world.operator()
    message_id = buried_registration(world, services, operator)

    entry = listed(world, message_id, "--type", ASSET)
    assert entry is not None
    assert (entry["kind"], entry["reason"], entry["attempts"]) == ("dead", REASON, 30)
    shown = json.loads(dead_letters(world, "show", entry["id"]))
    assert (shown["group"], shown["metadata"]["sender"]) == ("tps", operator.code)
    assert shown["headers"] == {"ce-id": message_id, "ce-type": f"mades.{ASSET}"}
    assert "content" not in shown

    assert dead_letters(world, "redrive", entry["id"]) == "1\n"

    platform = services.endpoint("tps")

    def trace() -> list[str]:
        with platform.database.transaction() as tx:
            return [step.state for step in ledger.trace_of(tx, platform.platform, message_id)]

    assert eventually(trace) == ["DELIVERED", "RECEIVED"]
    assert listed(world, message_id) is None


def test_what_failed_at_the_platform_is_in_the_same_list_with_its_reason(world: World, services: Services) -> None:
    platform = services.endpoint("tps")
    with platform.database.transaction() as tx:
        own = components.component_by_code(tx, platform.platform)
    assert own is not None
    message_id = applications.send_test(platform, own, "NOBODY", None)

    entry = listed(world, message_id)

    assert entry is not None
    assert (entry["id"], entry["kind"], entry["reason"]) == (message_id, "failed", "unknown_receiver")
    assert (entry["sender"], entry["receiver"]) == (platform.platform, "NOBODY")


def test_the_list_is_had_in_pages(world: World, services: Services) -> None:
    operator = world.operator()
    buried = {buried_registration(world, services, operator) for _ in range(3)}

    seen: list[str] = []
    arguments = ["--json", "--limit", "2"]
    while True:
        page = json.loads(dead_letters(world, "list", *arguments))
        seen += [each["message_id"] for each in page["undelivered"]]
        if page["next"] is None:
            break
        arguments = ["--json", "--limit", "2", "--after", page["next"]]

    assert buried <= set(seen)
    assert len(seen) == len(set(seen))
    # The redrive includes dead letters of other tests on this stack.
    assert int(dead_letters(world, "redrive", "--type", ASSET)) >= len(buried)
    assert [listed(world, message_id) for message_id in buried] == [None] * len(buried)


def test_a_letter_that_is_not_there_is_said_in_one_line(world: World) -> None:
    for arguments in (["show", "999999"], ["redrive", "999999"]):
        done = CliRunner().invoke(commands, ["dead-letters", *arguments, "--data", str(world.stack.data)])

        assert "unknown dead letter 999999" in str(done.exception)


def test_what_was_not_delivered_in_time_is_failed_by_a_tick(world: World, services: Services) -> None:
    """The message is two hours old, was never sent, and a test message lives for an hour."""
    operator, platform = world.operator(), world.settings.platform_component
    endpoint, message_id = services.endpoint("agr"), new_id()
    long_ago = replace(endpoint, clock=lambda: utc_now() - timedelta(hours=2))
    with endpoint.database.transaction() as tx:
        enqueue(long_ago, tx, Draft(operator.code, platform, CONNECTIVITY_TEST, b"*"), message_id)

    def errors() -> list[dict[str, str]]:
        with endpoint.database.transaction() as tx:
            row = ledger.find(tx, operator.code, message_id)
        return row.answer.get("errors", []) if row else []

    assert [each["code"] for each in eventually(errors)] == ["expired"]
