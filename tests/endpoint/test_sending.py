"""Sending: a message in the outbox is sent once, whichever process sends it and whatever fails. Or it is FAILED."""

import dataclasses
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.endpoint.net import Faults, Net, at
from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL, at_once
from tps.endpoint import ledger
from tps.endpoint.archiving import read_document
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.message_row import MessageRow
from tps.endpoint.receiving import open_message
from tps.endpoint.sending import Draft, dispatch, dispatch_left_behind, enqueue, fail_expired
from tps.errors import StoreAway
from tps.host.services import utc_now
from tps.mades.ids import new_id
from tps.mades.states import State
from tps.mades.subjects import message_subject
from tps.mades.types import read_times_to_live

TO_PLATFORM = message_subject("tps", "TPS-ASSET", PLATFORM, OPERATOR)
SENT = ["VERIFYING", "ACCEPTED", "DELIVERING", "TRANSPORTED"]
NOISE = random.Random(1).randbytes(2_000_000)


def draft(**changes: Any) -> Draft:
    values: dict[str, Any] = {"sender": OPERATOR, "receiver": PLATFORM, "type": "TPS-ASSET", "content": b"<asset/>"}
    return Draft(**{**values, **changes})


def put(endpoint: Endpoint, **changes: Any) -> str:
    """Put a message into the outbox and return its id."""
    message_id = new_id()
    with endpoint.database.transaction() as tx:
        enqueue(endpoint, tx, draft(**changes), message_id)
    return message_id


def row_of(endpoint: Endpoint, message_id: str, component: str = OPERATOR) -> MessageRow:
    with endpoint.database.transaction() as tx:
        row = ledger.find(tx, component, message_id)
    assert row is not None
    return row


def states(endpoint: Endpoint, message_id: str) -> list[str]:
    with endpoint.database.transaction() as tx:
        return [step.state for step in ledger.trace_of(tx, OPERATOR, message_id)]


@pytest.mark.parametrize("is_after", [False, True], ids=["not done", "done but not learnt"])
@pytest.mark.parametrize("content", [b"<asset/>", NOISE], ids=["small", "large"])
def test_whatever_step_fails_the_next_attempt_sends_once(net: Net, content: bytes, is_after: bool) -> None:
    steps = []
    for step in range(1, 20):
        message_id, before = put(net.operators, content=content), net.in_stream(TO_PLATFORM)
        faults = Faults(step, is_after)
        try:
            dispatch(faults.around(net.operators), OPERATOR, [message_id])
        except StoreAway:
            steps.append(faults.failed_at)

        dispatch(net.operators, OPERATOR, [message_id])

        assert net.in_stream(TO_PLATFORM) == before + 1, faults.failed_at
        assert states(net.operators, message_id) == SENT, faults.failed_at
        assert read_document(net.operators, OPERATOR, message_id) == content
        assert open_message(net.platform, net.last(TO_PLATFORM)).content == content
        if not faults.failed_at:
            break

    large = ["put_large"] if content is NOISE else []
    assert steps == ["transaction", *large, "publish_each", "transaction"]


def test_what_was_sent_is_not_sent_again(net: Net) -> None:
    message_id, before = put(net.operators), net.in_stream(TO_PLATFORM)

    at_once(*[lambda: dispatch(net.operators, OPERATOR, [message_id])] * 4)
    dispatch(net.operators, OPERATOR, [message_id])

    assert net.in_stream(TO_PLATFORM) == before + 1
    assert states(net.operators, message_id) == SENT


def test_what_nobody_got_to_send_goes_out_with_a_tick_after_a_while(net: Net) -> None:
    dispatch_left_behind(at(net.operators, utc_now() + timedelta(seconds=4)))  # leftovers of other tests
    message_id, before = put(net.operators), net.in_stream(TO_PLATFORM)

    dispatch_left_behind(net.operators)
    too_early = net.in_stream(TO_PLATFORM)
    dispatch_left_behind(at(net.operators, utc_now() + timedelta(seconds=4)))

    assert (too_early, net.in_stream(TO_PLATFORM)) == (before, before + 1)
    assert states(net.operators, message_id) == SENT


def test_one_component_whose_messages_do_not_go_does_not_keep_the_others(net: Net) -> None:
    box = net.operators.mailbox
    late = at(net.operators, utc_now() + timedelta(seconds=4))
    with net.operators.database.transaction() as tx:
        enqueue(net.operators, tx, draft(sender=RIVAL), rivals := new_id())
    kept = put(net.operators)

    class Picky:
        def publish_each(self, letters: Any) -> set[str]:
            stored = box.publish_each([letter for letter in letters if letter.unique_id != kept])
            if not stored:
                raise StoreAway
            return stored

        def can_connect(self) -> bool:
            return True

    with pytest.raises(StoreAway):
        dispatch_left_behind(dataclasses.replace(late, mailbox=Picky()))  # type: ignore[arg-type]

    assert row_of(net.operators, kept).state == "VERIFYING"
    assert row_of(net.operators, rivals, RIVAL).state == "DELIVERING"


def test_no_transaction_is_open_while_others_are_asked(net: Net) -> None:
    """A slow broker or store must not occupy the connections of the database."""
    message_id = put(net.operators, content=NOISE)
    open_now, seen = 0, []

    @contextmanager
    def transaction() -> Iterator[Any]:
        nonlocal open_now
        with net.operators.database.transaction() as tx:
            open_now += 1
            yield tx
            open_now -= 1

    class Watched:
        def __init__(self, real: Any):
            self.real = real

        def __getattr__(self, name: str) -> Any:
            seen.append((name, open_now))
            return getattr(self.real, name)

    watched: dict[str, Any] = {
        "database": SimpleNamespace(transaction=transaction),
        "documents": Watched(net.operators.documents),
        "mailbox": Watched(net.operators.mailbox),
    }
    dispatch(dataclasses.replace(net.operators, **watched), OPERATOR, [message_id])

    assert seen == [("put_large", 0), ("publish_each", 0)]


@pytest.mark.parametrize(
    ("receiver", "type"),
    [
        (GRID, "TPS-ASSET"),
        (RIVAL, "TPS-ASSET"),
        (GRID, "TPS-LIMIT-FORESEEN"),
        (RIVAL, "TPS-LIMIT-FORESEEN"),
        ("5790000000999", "TPS-ASSET"),
        ("NOBODY", "TPS-ASSET"),
    ],
)
def test_an_operator_reaches_no_dso_and_no_operator_as_if_they_did_not_exist(
    net: Net, receiver: str, type: str
) -> None:
    message_id = put(net.operators, receiver=receiver, type=type)

    dispatch(net.operators, OPERATOR, [message_id])

    row = row_of(net.operators, message_id)
    assert (row.state, row.status) == ("FAILED", "failed")
    assert row.answer == {"errors": [{"code": "unknown_receiver", "detail": "No such receiver."}]}
    assert states(net.operators, message_id) == ["VERIFYING", "FAILED"]


def test_a_dso_reaches_no_operator_as_if_it_did_not_exist(net: Net) -> None:
    ids = [put(net.grids, sender=GRID, receiver=receiver) for receiver in (OPERATOR, "NOBODY")]

    dispatch(net.grids, GRID, ids)

    to_operator, to_nobody = [row_of(net.grids, message_id, GRID) for message_id in ids]
    assert to_operator.answer == to_nobody.answer
    assert (to_operator.state, to_nobody.state) == ("FAILED", "FAILED")


def test_what_fails_does_not_keep_the_others(net: Net) -> None:
    lost, fine = put(net.operators, receiver="NOBODY"), put(net.operators)

    dispatch(net.operators, OPERATOR, [lost, fine])

    assert (states(net.operators, lost)[-1], states(net.operators, fine)[-1]) == ("FAILED", "TRANSPORTED")


def test_what_the_broker_does_not_take_does_not_keep_the_others(net: Net) -> None:
    """If the broker denies one component the right to send, only this component is affected."""
    box = net.operators.mailbox
    kept, fine = put(net.operators), put(net.operators)

    class Picky:
        def publish_each(self, letters: Any) -> set[str]:
            return box.publish_each([letter for letter in letters if letter.unique_id != kept])

    endpoint = dataclasses.replace(net.operators, mailbox=Picky())  # type: ignore[arg-type]
    with pytest.raises(StoreAway):
        dispatch(endpoint, OPERATOR, [kept, fine])

    assert (states(net.operators, kept)[-1], states(net.operators, fine)[-1]) == ("VERIFYING", "TRANSPORTED")


def test_what_lost_its_point_before_it_was_sent_is_failed(net: Net) -> None:
    message_id = put(net.operators, no_use_after=utc_now())

    dispatch(at(net.operators, utc_now() + timedelta(minutes=2)), OPERATOR, [message_id])

    row = row_of(net.operators, message_id)
    assert (row.state, [error["code"] for error in row.answer["errors"]]) == ("FAILED", ["expired"])


def test_what_is_too_large_is_failed(net: Net) -> None:
    message_id = put(net.operators, content=bytes(50 * 1024 * 1024 + 1))

    dispatch(net.operators, OPERATOR, [message_id])

    row = row_of(net.operators, message_id)
    assert (row.state, [error["code"] for error in row.answer["errors"]]) == ("FAILED", ["content_too_large"])


def failure_of(endpoint: Endpoint, message_id: str) -> tuple[str, list[str]]:
    row = row_of(endpoint, message_id)
    return row.state, [error["code"] for error in row.answer.get("errors", [])]


@pytest.mark.parametrize("is_sent", [True, False], ids=["nobody took it", "the broker was away"])
def test_what_is_not_delivered_in_time_is_failed_also_if_the_receiver_never_was_there(net: Net, is_sent: bool) -> None:
    message_id = put(net.operators, type="MADES-TEST")
    if is_sent:
        dispatch(net.operators, OPERATOR, [message_id])
    expires_at = row_of(net.operators, message_id).expires_at

    fail_expired(at(net.operators, expires_at + timedelta(seconds=29)))
    assert failure_of(net.operators, message_id)[0] == ("DELIVERING" if is_sent else "VERIFYING")
    fail_expired(at(net.operators, expires_at + timedelta(seconds=30)))

    assert failure_of(net.operators, message_id) == ("FAILED", ["expired"])
    with net.operators.database.transaction() as tx:
        last = ledger.trace_of(tx, OPERATOR, message_id)[-1]
    assert (last.state, last.at_component, last.details) == ("FAILED", OPERATOR, "expired")


def test_what_was_delivered_or_answered_does_not_expire(net: Net) -> None:
    """A document that answers a message proves the delivery, even without an acknowledgement."""
    delivered, answered = put(net.operators), put(net.operators)
    dispatch(net.operators, OPERATOR, [delivered, answered])
    with net.operators.database.transaction() as tx:
        ledger.advance(tx, OPERATOR, [delivered], State.DELIVERED, at=utc_now(), at_component=PLATFORM)
        ledger.set_answer(tx, OPERATOR, [answered], status="accepted", answer={})

    fail_expired(at(net.operators, utc_now() + timedelta(days=30)))

    states_now = [row_of(net.operators, each).state for each in (delivered, answered)]
    assert states_now == ["DELIVERED", "DELIVERING"]


def test_a_message_lives_as_long_as_its_type_is_set_to(net: Net) -> None:
    endpoint = dataclasses.replace(net.operators, times_to_live=read_times_to_live("TPS-ASSET=120"))

    row = row_of(net.operators, put(endpoint))

    assert row.expires_at - row.created_at == timedelta(seconds=120)
