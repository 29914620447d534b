"""Messages between operators and DSOs go only through the platform (F1), and attempts do not reveal who exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.broker import as_user
from tests.support.world import Member, World, fresh_gln
from tps.endpoint.sending import Draft, dispatch, enqueue
from tps.host.services import Services, build_services
from tps.mades.ids import new_id
from tps.mades.subjects import message_subject, wake_subject
from tps.mades.types import ASSET, ASSET_LIST, BUSINESS_TYPES, LIMIT_FORESEEN, LIMIT_UNFORESEEN


@pytest.fixture(scope="module")
def services(world: World) -> Iterator[Services]:
    """The endpoints of all groups, as in a worker."""
    services = build_services(world.settings)
    yield services
    services.close()


@pytest.fixture(scope="module")
def parties(world: World) -> dict[str, Member]:
    return {
        "operator": world.operator("Alpha"),
        "another operator": world.operator("Beta"),
        "DSO": world.dso("North Grid"),
        "another DSO": world.dso("South Grid"),
    }


def send(services: Services, sender: Member, receiver: str, message_type: str) -> dict[str, Any]:
    """Return the outcome of a message from a party's endpoint, without ids and times."""
    endpoint, message_id = services.endpoint(sender.group), new_id()
    draft = Draft(sender=sender.code, receiver=receiver, type=message_type, content=b"<hello/>")
    with endpoint.database.transaction() as tx:
        enqueue(endpoint, tx, draft, message_id)
    dispatch(endpoint, sender.code, [message_id])
    shown: dict[str, Any] = sender.done("GET", f"/messages/{message_id}")
    assert shown.pop("message_id") == message_id
    return {**shown, "trace": [{**step, "at": "some time"} for step in shown["trace"]]}


@pytest.mark.parametrize("message_type", BUSINESS_TYPES)
@pytest.mark.parametrize(
    ("sender", "receiver"),
    [
        ("operator", "DSO"),
        ("operator", "another operator"),
        ("DSO", "operator"),
        ("DSO", "another DSO"),
    ],
)
def test_a_message_past_the_platform_fails_as_one_to_a_code_that_does_not_exist(
    services: Services, parties: dict[str, Member], sender: str, receiver: str, message_type: str
) -> None:
    direct = send(services, parties[sender], parties[receiver].code, message_type)
    to_nobody = send(services, parties[sender], fresh_gln(), message_type)

    assert direct == to_nobody
    assert (direct["state"], direct["status"]) == ("FAILED", "failed")
    assert direct["errors"] == [{"code": "unknown_receiver", "detail": "No such receiver."}]


def test_a_message_to_the_platform_goes_out(services: Services, parties: dict[str, Member], world: World) -> None:
    sent = send(services, parties["operator"], world.settings.platform_component, ASSET)

    assert sent["state"] != "FAILED"


@pytest.mark.parametrize(
    ("group", "message_type", "receiver", "sender"),
    [
        ("dso", ASSET_LIST, "DSO", "operator"),
        ("dso", LIMIT_FORESEEN, "DSO", "operator"),
        ("agr", LIMIT_FORESEEN, "operator", "DSO"),
        ("agr", LIMIT_UNFORESEEN, "operator", "DSO"),
        ("agr", LIMIT_FORESEEN, "another operator", "operator"),
        ("dso", ASSET_LIST, "another DSO", "DSO"),
    ],
)
def test_the_broker_takes_no_message_past_the_platform(
    world: World, parties: dict[str, Member], group: str, message_type: str, receiver: str, sender: str
) -> None:
    """The group's own user bypasses its endpoint; the refusal is the same for existing and unknown receivers."""
    own, codes = parties[sender], (parties[receiver].code, fresh_gln())

    taken = [publishes(world, own, message_subject(group, message_type, code, own.code)) for code in codes]

    assert taken == [False, False]
    assert publishes(world, own, wake_subject(own.group, own.code)), "the broker refuses whatever it is given"


@pytest.mark.parametrize(("sender", "rival"), [("operator", "DSO"), ("DSO", "operator")])
def test_the_broker_takes_no_message_in_anothers_name(
    world: World, parties: dict[str, Member], sender: str, rival: str
) -> None:
    subject = message_subject("tps", LIMIT_FORESEEN, world.settings.platform_component, parties[rival].code)

    assert not publishes(world, parties[sender], subject)


def publishes(world: World, member: Member, subject: str) -> bool:
    return bool(as_user(world.stack, member.group, lambda user: user.may_publish(subject)))
