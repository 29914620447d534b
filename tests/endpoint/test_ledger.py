"""The message ledger: states, sequences, outbox, idempotency keys (ARCHITECTURE.md, "Decided once")."""

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.rows import NOW, hours, incoming, outgoing, rows
from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL, at_once
from tps.endpoint import ledger, outbox
from tps.endpoint.ledger import Step
from tps.endpoint.outbox import Passage
from tps.errors import KeyReused
from tps.mades.ids import new_id
from tps.mades.message import Metadata
from tps.mades.states import State, is_allowed
from tps.stores.database import Database


def metadata_of(message_id: str) -> Metadata:
    return Metadata(
        message_id=message_id,
        type="TPS-ASSET",
        sender=OPERATOR,
        receiver=PLATFORM,
        sent_at=NOW,
        expires_at=hours(1),
        sequence=1,
        content_size=1,
        content_sha256="0" * 64,
        ba_message_id="ours",
    )


def state_of(database: Database, component: str, message_id: str) -> str:
    with database.transaction() as tx:
        row = ledger.find(tx, component, message_id)
    assert row is not None
    return str(row.state)


def places_of(database: Database, message_id: str) -> list[tuple[str, str, datetime]]:
    with database.transaction() as tx:
        steps = ledger.trace_of(tx, PLATFORM, message_id)
    return [(step.state, step.at_component, step.at) for step in steps]


def trace_of(database: Database, component: str, message_id: str) -> list[tuple[str, str | None]]:
    with database.transaction() as tx:
        return [(step.state, step.details) for step in ledger.trace_of(tx, component, message_id)]


def test_sequences_count_per_sender_and_receiver(tps: Database) -> None:
    with tps.transaction() as tx:
        numbers = [
            outbox.add_outgoing(tx, outgoing(component=sender, receiver=receiver))
            for sender, receiver in [(PLATFORM, OPERATOR), (PLATFORM, OPERATOR), (PLATFORM, GRID), (RIVAL, OPERATOR)]
        ]

    assert numbers == [1, 2, 1, 1]


def test_sequences_have_no_gap_and_no_double_under_concurrent_senders(tps: Database) -> None:
    def send_ten() -> list[int]:
        numbers = []
        for _ in range(10):
            with tps.transaction() as tx:
                numbers.append(outbox.add_outgoing(tx, outgoing()) or 0)
        return numbers

    counted = at_once(*[send_ten] * 4)

    assert sorted(number for numbers in counted for number in numbers) == list(range(1, 41))
    assert all(numbers == sorted(numbers) for numbers in counted)


def test_a_sequence_is_not_counted_by_what_was_rolled_back(tps: Database) -> None:
    with pytest.raises(ZeroDivisionError), tps.transaction() as tx:  # noqa: PT012
        outbox.add_outgoing(tx, outgoing())
        raise ZeroDivisionError

    with tps.transaction() as tx:
        assert outbox.add_outgoing(tx, outgoing()) == 1


def test_what_was_decided_before_is_not_decided_again(tps: Database) -> None:
    first = outgoing(content=b"<first/>")
    with tps.transaction() as tx:
        outbox.add_outgoing(tx, first)

    with tps.transaction() as tx:
        again = outbox.add_outgoing(tx, outgoing(message_id=first.message_id, content=b"<second/>"))
        after = outbox.add_outgoing(tx, outgoing())

    assert (again, after) == (None, 2)
    assert trace_of(tps, PLATFORM, first.message_id) == [("VERIFYING", None)]


def test_of_two_processes_that_decide_the_same_at_once_one_does(tps: Database) -> None:
    message_id = new_id()

    def decide() -> int | None:
        with tps.transaction() as tx:
            return outbox.add_outgoing(tx, outgoing(message_id=message_id))

    numbers = at_once(*[decide] * 4)

    assert sorted(numbers, key=str) == [1, None, None, None]
    assert trace_of(tps, PLATFORM, message_id) == [("VERIFYING", None)]


def test_unsent_messages_come_by_rank_and_then_in_their_order(tps: Database) -> None:
    limits = [outgoing(caused_by="cause") for _ in range(3)]
    answer = outgoing(caused_by="cause", receiver=GRID, rank=-1)
    ids = [each.message_id for each in (*limits, answer)]
    with tps.transaction() as tx:
        for each in (*limits, answer):
            outbox.add_outgoing(tx, each)
        of_cause = outbox.unsent_of_cause(tx, PLATFORM, "cause")
        waiting = [row.message_id for row in outbox.unsent(tx, PLATFORM, sorted(ids))]

    assert of_cause == waiting == [answer.message_id, *ids[:3]]


def test_what_was_sent_or_failed_is_not_unsent(tps: Database) -> None:
    sent, failed, waiting = outgoing(), outgoing(), outgoing()
    ids = [sent.message_id, failed.message_id, waiting.message_id]
    with tps.transaction() as tx:
        for each in (sent, failed, waiting):
            outbox.add_outgoing(tx, each)
        outbox.mark_sent(tx, PLATFORM, [sent.message_id], Passage(NOW, hours(1), "BROKER"))
        ledger.advance(tx, PLATFORM, [failed.message_id], State.FAILED, at=NOW, at_component=PLATFORM)
        unsent = [row.message_id for row in outbox.unsent(tx, PLATFORM, ids)]
        left = outbox.left_unsent(tx, NOW + timedelta(seconds=1))
        none_left = outbox.left_unsent(tx, NOW)
        found = ledger.find(tx, PLATFORM, sent.message_id)

    assert unsent == [waiting.message_id]
    assert (left, none_left) == ([(PLATFORM, waiting.message_id)], [])
    assert found is not None
    assert found.state == "DELIVERING"
    assert places_of(tps, sent.message_id) == [
        ("VERIFYING", PLATFORM, NOW),
        ("ACCEPTED", PLATFORM, NOW),
        ("DELIVERING", PLATFORM, NOW),
        ("TRANSPORTED", "BROKER", hours(1)),
    ]


def test_a_receiver_that_is_faster_than_the_brokers_answer_leaves_the_trace_in_order(tps: Database) -> None:
    sent = outgoing()

    with tps.transaction() as tx:
        outbox.add_outgoing(tx, sent)
        ledger.advance(tx, PLATFORM, [sent.message_id], State.DELIVERED, at=NOW, at_component=OPERATOR)
        for _ in range(2):
            outbox.mark_sent(tx, PLATFORM, [sent.message_id], Passage(NOW, hours(1), "BROKER"))

    assert state_of(tps, PLATFORM, sent.message_id) == "DELIVERED"
    on_the_way = ["VERIFYING", "ACCEPTED", "DELIVERING", "TRANSPORTED", "DELIVERED"]
    assert [state for state, _ in trace_of(tps, PLATFORM, sent.message_id)] == on_the_way


def test_who_has_seen_a_message_on_its_way_is_noted_once_and_moves_nothing(tps: Database) -> None:
    sent = outgoing()

    with tps.transaction() as tx:
        outbox.add_outgoing(tx, sent)
        for number in range(2):
            steps = [Step(sent.message_id, hours(number), "came"), Step("unknown", NOW)]
            ledger.trace_passage(tx, PLATFORM, steps, at_component=OPERATOR)

    assert state_of(tps, PLATFORM, sent.message_id) == "VERIFYING"
    assert trace_of(tps, PLATFORM, sent.message_id) == [("VERIFYING", None), ("TRANSPORTED", "came")]


@pytest.mark.parametrize("end", ["taken", "failed", "claimed to have failed"])
def test_what_came_and_could_not_be_taken_is_noted_once_until_it_is_taken_or_fails(tps: Database, end: str) -> None:
    message = incoming()

    with tps.transaction() as tx:
        arrived = [ledger.add_arrived(tx, message, NOW) for _ in range(2)]
        if end == "taken":
            assert ledger.add_incoming(tx, message, hours(1))
        else:
            is_proven = end == "failed"
            ledger.add_failed(tx, metadata_of(message.message_id), "expired", hours(1), is_proven=is_proven)
        is_noted_again = ledger.add_arrived(tx, message, hours(2))

    assert (arrived, is_noted_again) == ([True, False], False)
    last = {"taken": ["DELIVERED"], "failed": ["FAILED"], "claimed to have failed": []}[end]
    states = ["TRANSPORTED", *last]
    assert [state for state, _ in trace_of(tps, PLATFORM, message.message_id)] == states
    assert state_of(tps, PLATFORM, message.message_id) == states[-1]


def test_large_contents_come_a_few_at_a_time_but_always_one(tps: Database) -> None:
    noise = random.Random(1)
    big = [outgoing(content=noise.randbytes(3_000_000)) for _ in range(3)]
    huge = outgoing(content=noise.randbytes(9_000_000), rank=-1)
    left = [each.message_id for each in (*big, huge)]
    sizes = []

    with tps.transaction() as tx:
        for each in (*big, huge):
            outbox.add_outgoing(tx, each)
        while batch := [row.message_id for row in outbox.unsent(tx, PLATFORM, left)]:
            sizes.append(len(batch))
            left = [message_id for message_id in left if message_id not in batch]

    assert sizes == [1, 2, 1]


@given(st.lists(st.sampled_from(list(State)), max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_state_goes_only_where_the_table_lets_it(tps: Database, attempts: list[State]) -> None:
    message, expected = outgoing(), State.VERIFYING
    with tps.transaction() as tx:
        outbox.add_outgoing(tx, message)
    steps = [State.VERIFYING]

    for attempt in attempts:
        with tps.transaction() as tx:
            moved = ledger.advance(tx, PLATFORM, [message.message_id], attempt, at=NOW, at_component=OPERATOR)
        assert bool(moved) == is_allowed(expected, attempt)
        if moved:
            expected = attempt
            steps.append(attempt)

    assert state_of(tps, PLATFORM, message.message_id) == expected
    assert [state for state, _ in trace_of(tps, PLATFORM, message.message_id)] == steps


def test_many_messages_advance_each_with_its_own_time(tps: Database) -> None:
    messages = [outgoing() for _ in range(3)]
    with tps.transaction() as tx:
        for each in messages:
            outbox.add_outgoing(tx, each)
        steps = [Step(each.message_id, hours(number), f"step {number}") for number, each in enumerate(messages)]
        moved = ledger.advance_each(
            tx, PLATFORM, [*steps, Step("unknown", NOW)], State.DELIVERED, at_component=OPERATOR
        )

    assert sorted(moved) == sorted(each.message_id for each in messages)
    with tps.transaction() as tx:
        at = [ledger.trace_of(tx, PLATFORM, each.message_id)[-1].at for each in messages]
    assert at == [hours(0), hours(1), hours(2)]


def test_a_message_that_comes_again_is_noted_and_changes_nothing(tps: Database) -> None:
    message = incoming()

    with tps.transaction() as tx:
        added = [ledger.add_incoming(tx, message, hours(number)) for number in range(2)]
        row = ledger.find(tx, PLATFORM, message.message_id)

    assert added == [True, False]
    assert row is not None
    assert row.created_at == NOW
    assert trace_of(tps, PLATFORM, message.message_id) == [("DELIVERED", None), ("DELIVERED", "came again")]


def test_of_one_message_delivered_twice_at_once_one_is_the_first(tps: Database) -> None:
    message = incoming()

    def take() -> bool:
        with tps.transaction() as tx:
            return ledger.add_incoming(tx, message, NOW)

    assert sorted(at_once(take, take, take)) == [False, False, True]


def test_a_failed_message_says_why_and_stays_failed(tps: Database) -> None:
    message = incoming()

    with tps.transaction() as tx:
        ledger.add_failed(tx, metadata_of(message.message_id), "expired", NOW, is_proven=True)
        is_new = ledger.add_incoming(tx, message, NOW)
        row = ledger.find(tx, PLATFORM, message.message_id)

    assert row is not None
    assert (is_new, row.state, row.status, row.is_handled) == (False, "FAILED", "failed", True)
    assert [error["code"] for error in row.answer["errors"]] == ["expired"]


def test_what_was_only_claimed_gives_way_to_the_true_message(tps: Database) -> None:
    message = incoming(sequence=7)

    with tps.transaction() as tx:
        ledger.add_failed(tx, metadata_of(message.message_id), "bad_signature", NOW, is_proven=False)
        is_new = ledger.add_incoming(tx, message, NOW)
        row = ledger.find(tx, PLATFORM, message.message_id)

    assert row is not None
    assert (is_new, row.state, row.status, row.is_handled) == (True, "DELIVERED", "pending", False)
    assert (row.sequence, row.answer) == (7, {})


def test_a_claim_does_not_touch_a_message_that_is_there(tps: Database) -> None:
    message = incoming()

    with tps.transaction() as tx:
        ledger.add_incoming(tx, message, NOW)
        ledger.add_failed(tx, metadata_of(message.message_id), "bad_signature", NOW, is_proven=False)

    assert trace_of(tps, PLATFORM, message.message_id) == [("DELIVERED", None)]


def test_only_what_a_component_sent_to_a_peer_is_the_peers_to_speak_of(tps: Database) -> None:
    to_operator, to_grid, came = outgoing(), outgoing(receiver=GRID), incoming()
    ids = [to_operator.message_id, to_grid.message_id, came.message_id, "unknown"]

    with tps.transaction() as tx:
        outbox.add_outgoing(tx, to_operator)
        outbox.add_outgoing(tx, to_grid)
        ledger.add_incoming(tx, came, NOW)

        assert ledger.sent_to(tx, PLATFORM, OPERATOR, ids) == {to_operator.message_id}


def test_a_key_serves_one_request(tps: Database) -> None:
    def remember(key: str, digest: bytes, message_id: str, party: str = OPERATOR) -> str:
        with tps.transaction() as tx:
            return ledger.remember_key(tx, party=party, key=key, digest=digest, message_id=message_id, now=NOW)

    assert remember("k", b"request", "first") == "first"
    assert remember("k", b"request", "second") == "first"
    assert remember("k", b"other request", "third", party=RIVAL) == "third"
    with pytest.raises(KeyReused):
        remember("k", b"other request", "fourth")


def test_of_two_calls_with_one_key_at_once_one_is_sent(tps: Database) -> None:
    def call() -> str:
        mine = new_id()
        with tps.transaction() as tx:
            served = ledger.remember_key(tx, party=OPERATOR, key="k", digest=b"d", message_id=mine, now=NOW)
            if served == mine:
                outbox.add_outgoing(tx, outgoing(message_id=mine))
        return served

    served = at_once(call, call, call)

    with tps.transaction() as tx:
        assert rows(tx, "SELECT message_id FROM message") == [(served[0],)]
    assert len(set(served)) == 1


def test_an_answer_is_kept_with_its_message(tps: Database) -> None:
    message = outgoing(document_id="d" * 32, revision=2)
    with tps.transaction() as tx:
        outbox.add_outgoing(tx, message)
        ledger.set_answer(tx, PLATFORM, [message.message_id], status="refused", answer={"errors": [{"code": "A64"}]})
        row = ledger.find(tx, PLATFORM, message.message_id)

    assert row is not None
    assert (row.status, row.answer) == ("refused", {"errors": [{"code": "A64"}]})
    assert (row.ba_message_id, row.revision) == (f"{'d' * 32}-2", 2)
