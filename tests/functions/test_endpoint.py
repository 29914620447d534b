"""The view of a message for its sender and its receiver (F1)."""

from __future__ import annotations

import pytest

from tests.support.functions import function
from tests.support.messages import make_message_row, make_trace_step
from tps.endpoint.message_row import Status
from tps.mades.states import State

endpoint = function("endpoint")


def test_a_message_is_shown_as_the_contract_says() -> None:
    shown = endpoint.message_json(
        make_message_row(), [make_trace_step(State.ACCEPTED), make_trace_step(State.DELIVERED, "came again")]
    )

    assert shown == {
        "message_id": "m",
        "direction": "sent",
        "type": "TPS-LIMIT-FORESEEN",
        "state": "RECEIVED",
        "status": "accepted",
        "document": {"id": "d", "revision": 1},
        "errors": [],
        "trace": [
            {"at": "2026-04-10T08:00:00.250000Z", "state": "ACCEPTED", "component": "c"},
            {"at": "2026-04-10T08:00:00.250000Z", "state": "DELIVERED", "component": "c", "details": "came again"},
        ],
    }


@pytest.mark.parametrize("state", [State.VERIFYING, State.ACCEPTED, State.DELIVERING, State.TRANSPORTED])
def test_a_message_on_its_way_is_accepted_and_its_trace_says_how_far_it_is(state: State) -> None:
    shown = endpoint.message_json(make_message_row(state=state), [make_trace_step(state)])

    assert (shown["state"], shown["trace"][0]["state"]) == ("ACCEPTED", state)


def test_reasons_name_their_resource_where_there_is_one() -> None:
    errors = [{"code": "A64", "detail": "unknown", "subject": "5713"}, {"code": "A57", "detail": "over"}]

    shown = endpoint.message_json(make_message_row(status=Status.REFUSED, answer={"errors": errors}), [])

    assert shown["errors"] == errors


def test_an_emergency_accepted_in_part_shows_what_was_left_out() -> None:
    rejected = [{"asset_id": "5713", "code": "A64", "detail": "unknown"}]

    shown = endpoint.message_json(make_message_row(status=Status.PARTLY_ACCEPTED, answer={"rejected": rejected}), [])

    assert shown["rejected"] == rejected


def test_an_answer_names_the_question() -> None:
    shown = endpoint.message_json(make_message_row(direction="in", in_reply_to="q"), [])

    assert (shown["direction"], shown["in_reply_to"]) == ("received", "q")
