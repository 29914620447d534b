"""Calls of applications to their endpoint: one message per conversation, also for simultaneous calls (F1)."""

from __future__ import annotations

import pytest

from tests.endpoint.net import Net, registration
from tests.support.servers import OPERATOR, PLATFORM, at_once
from tps.documents import encode
from tps.endpoint.applications import Sending, confirm_message, send_message, send_test, status_of
from tps.endpoint.components import OwnComponent
from tps.errors import MessageRefused, NotFound
from tps.mades.ids import new_id

ALPHA = OwnComponent(OPERATOR, OPERATOR, "agr", "Alpha")


def sending(**changes: object) -> Sending:
    values = {"receiver": PLATFORM, "type": "TPS-ASSET", "content": encode(registration())}
    return Sending(**{**values, **changes})  # type: ignore[arg-type]


def test_one_conversation_is_one_message_whoever_sends_it_how_often_at_once(net: Net) -> None:
    once = sending(conversation_id=new_id())

    ids = at_once(*[lambda: send_message(net.operators, ALPHA, once)] * 8)

    assert len(set(ids)) == 1
    assert net.in_stream(f"mades.tps.TPS-ASSET.{PLATFORM}.{OPERATOR}") >= 1


@pytest.mark.parametrize("conversation_id", [None, "", "  "])
def test_no_conversation_is_a_message_each_time(net: Net, conversation_id: str | None) -> None:
    anew = sending(conversation_id=conversation_id)

    assert send_message(net.operators, ALPHA, anew) != send_message(net.operators, ALPHA, anew)


def test_the_same_conversation_of_others_is_another(net: Net) -> None:
    beta = OwnComponent("5790000000098", "5790000000098", "agr", "Beta")
    conversation = sending(conversation_id=new_id(), receiver="5790000000999")

    assert send_message(net.operators, ALPHA, conversation) != send_message(net.operators, beta, conversation)


def test_a_long_and_strange_conversation_id_is_one_too(net: Net) -> None:
    strange = sending(conversation_id="\u00e5\n'\"" * 5000)

    assert send_message(net.operators, ALPHA, strange) == send_message(net.operators, ALPHA, strange)


@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": "a.b"},
        {"receiver": ">"},
        {"receiver": ""},
        {"type": "TPS_ASSET"},
        {"type": "*"},
        {"type": "MADES-ACK"},
        {"ba_message_id": "x" * 256},
        {"ba_message_id": "a\nb"},
        {"sender_application": "x" * 61},
    ],
)
def test_what_has_not_its_form_is_refused_at_once(net: Net, changes: dict[str, str]) -> None:
    with pytest.raises(MessageRefused) as refused:
        send_message(net.operators, ALPHA, sending(**changes))

    assert refused.value.code == "malformed"


def test_a_test_of_a_receiver_that_is_none_is_refused(net: Net) -> None:
    with pytest.raises(MessageRefused):
        send_test(net.operators, ALPHA, "a.b", None)


@pytest.mark.parametrize("message_id", ["", "x", "0" * 32, "a\nb", "\u00e6"])
def test_a_message_that_is_not_there_is_not_found(net: Net, message_id: str) -> None:
    with pytest.raises(NotFound):
        status_of(net.operators, ALPHA, message_id)
    with pytest.raises(NotFound):
        confirm_message(net.operators, ALPHA, message_id)
