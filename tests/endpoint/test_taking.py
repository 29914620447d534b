"""Intake of a message: it is decided once, despite failures and repeats (ARCHITECTURE.md, "Decided once")."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.endpoint.net import (
    GRIDS_NEWS,
    MADES_ACK,
    OPERATORS_ACK,
    OPERATORS_NEWS,
    Faults,
    Net,
    accept,
    registration,
    take_and_tell,
    take_registration,
)
from tests.support.functions import function
from tests.support.servers import OPERATOR, PLATFORM, at_once
from tps.documents import Document, decode
from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.documents.ref import AssetRegistration
from tps.endpoint import intake, ledger
from tps.endpoint.acknowledging import send_owed
from tps.endpoint.answers import Answer
from tps.endpoint.archiving import read_document
from tps.endpoint.handling import Handling, Incoming, Verdict, take
from tps.endpoint.message_row import MessageRow, Status
from tps.endpoint.receiving import Arrival, open_acknowledgement, open_message
from tps.errors import RuleBroken, StoreAway
from tps.mades.message import AcknowledgementKind, Message
from tps.stores.database import Database

MOST_STEPS = 40
NEWS = (OPERATORS_ACK, OPERATORS_NEWS, GRIDS_NEWS)


def rows(net: Net, query: str, *arguments: object) -> list[dict[str, Any]]:
    with net.platform.database.transaction() as tx:
        return tx.execute(query, arguments).fetchall()


def caused_by(net: Net, message: Message) -> list[dict[str, Any]]:
    """Return the messages that were decided because of a message."""
    return rows(net, "SELECT * FROM message WHERE caused_by = %s ORDER BY type", message.message_id)


def effects(net: Net, document_id: str) -> int:
    return len(rows(net, "SELECT 1 FROM effect WHERE document_id = %s", document_id))


def row_of(net: Net, message: Message) -> MessageRow:
    with net.platform.database.transaction() as tx:
        row = ledger.find(tx, message.receiver, message.message_id)
    assert row is not None
    return row


def answer_to(net: Net, message: Message) -> Acknowledgement:
    """Return the acknowledgement document that answers a message."""
    (sent,) = [row for row in caused_by(net, message) if row["type"] == "TPS-ASSET-ACK"]
    content = read_document(net.platform, message.receiver, sent["message_id"])
    assert content is not None
    document = decode(content)
    assert isinstance(document, Acknowledgement)
    return document


def let_leases_run_out(net: Net) -> None:
    with net.platform.database.transaction() as tx:
        tx.execute("UPDATE owed_acknowledgement SET leased_until = now()")


def take_with_fault(net: Net, arrival: Arrival, faults: Faults) -> bool:
    """Take in a message. Return True if the fault occurred."""
    try:
        take_and_tell(faults.around(net.platform), arrival)
    except StoreAway:
        return True
    return bool(faults.failed_at)


@pytest.mark.parametrize("is_after", [False, True], ids=["not done", "done but not learnt"])
def test_whatever_step_fails_a_repeat_leaves_every_effect_exactly_once(net: Net, is_after: bool) -> None:
    steps = []
    for step in range(1, MOST_STEPS):
        document = registration()
        message = net.message(document)
        arrival, faults = net.arrival(message), Faults(step, is_after)
        before, acknowledged = [net.in_stream(subject) for subject in NEWS], net.in_stream(MADES_ACK)
        has_failed = take_with_fault(net, arrival, faults)

        status = take_and_tell(net.platform, arrival)

        assert status is Status.ACCEPTED, faults.failed_at
        assert effects(net, document.header.document_id) == 1, faults.failed_at
        row = row_of(net, message)
        assert (row.state, row.status, row.is_handled) == ("RECEIVED", "accepted", True), faults.failed_at
        sent = caused_by(net, message)
        assert [each["type"] for each in sent] == ["TPS-ASSET-ACK", "TPS-ASSET-LIST", "TPS-LIMIT-FORESEEN"]
        assert all(each["sent_at"] and each["state"] == "DELIVERING" for each in sent)
        assert [net.in_stream(subject) for subject in NEWS] == [count + 1 for count in before], faults.failed_at
        let_leases_run_out(net)
        send_owed(net.platform)
        assert 1 <= net.in_stream(MADES_ACK) - acknowledged <= 2, faults.failed_at
        assert rows(net, "TABLE owed_acknowledgement") == []
        assert read_document(net.platform, message.receiver, message.message_id) == message.content
        assert all(read_document(net.platform, message.receiver, each["message_id"]) for each in sent)
        if not has_failed:
            break
        steps.append(faults.failed_at)

    assert len(steps) >= 12
    assert set(steps) == {"transaction", "publish_each"}


def test_the_answer_goes_before_what_must_not_delay_it(net: Net) -> None:
    message = net.message(registration())
    published: list[str] = []

    class Watched:
        def publish_each(self, letters: Any) -> set[str]:
            published.extend(letter.subject for letter in letters)
            return net.platform.mailbox.publish_each(letters)

    take_and_tell(dataclasses.replace(net.platform, mailbox=Watched()), net.arrival(message))  # type: ignore[arg-type]

    assert published[0] == OPERATORS_ACK
    assert set(published[1:]) == {OPERATORS_NEWS, GRIDS_NEWS, MADES_ACK}


def test_a_repeat_never_decides_anew(net: Net) -> None:
    message = net.message(registration())
    take_registration(net.platform, net.arrival(message))
    sent = caused_by(net, message)

    def never(_incoming: Incoming) -> Verdict:
        raise AssertionError("decided anew")

    status = take(net.platform, net.arrival(message), never)

    assert status is Status.ACCEPTED
    assert caused_by(net, message) == sent


def test_a_message_that_comes_twice_at_once_has_one_effect(net: Net) -> None:
    document = registration()
    message = net.message(document)
    arrival = net.arrival(message)

    statuses = at_once(*[lambda: take_and_tell(net.platform, arrival)] * 3)

    assert statuses == [Status.ACCEPTED] * 3
    assert effects(net, document.header.document_id) == 1
    assert len(caused_by(net, message)) == 3


def test_a_decision_that_breaks_leaves_nothing_but_that_it_came_and_may_be_taken_again(net: Net) -> None:
    document = registration()
    message = net.message(document)

    def breaks(handling: Handling, document: AssetRegistration) -> Answer:
        accept(handling, document)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        dataclasses.replace(take_registration, decide=breaks)(net.platform, net.arrival(message))

    assert effects(net, document.header.document_id) == 0
    left = rows(net, "SELECT state, content FROM message WHERE message_id = %s", message.message_id)
    assert left == [{"state": "TRANSPORTED", "content": None}]
    assert take_registration(net.platform, net.arrival(message)) is Status.ACCEPTED


def test_the_same_document_in_another_message_gets_the_same_answer_and_has_no_second_effect(net: Net) -> None:
    document = registration()
    later = dataclasses.replace(
        document,
        header=dataclasses.replace(document.header, created_at=document.header.created_at + timedelta(seconds=5)),
    )
    first, second = net.message(document), net.message(later)

    statuses = [take_registration(net.platform, net.arrival(each)) for each in (first, second)]

    assert statuses == [Status.ACCEPTED] * 2
    assert effects(net, document.header.document_id) == 1
    assert answer_to(net, second).outcome is answer_to(net, first).outcome is Outcome.ACCEPTED
    assert answer_to(net, second).header.document_id != answer_to(net, first).header.document_id
    replies = [row["in_reply_to"] for each in (first, second) for row in caused_by(net, each)]
    assert replies == [first.message_id, second.message_id]


def test_the_same_document_in_two_messages_at_once_has_one_effect(net: Net) -> None:
    document = registration()
    arrivals = [net.arrival(net.message(document)) for _ in range(3)]

    statuses = at_once(*[lambda each=each: take_registration(net.platform, each) for each in arrivals])

    assert statuses == [Status.ACCEPTED] * 3
    assert effects(net, document.header.document_id) == 1


def test_the_same_id_with_other_content_is_refused(net: Net) -> None:
    document = registration()
    other = registration("571313190000000028", document_id=document.header.document_id)
    take_registration(net.platform, net.arrival(net.message(document)))
    message = net.message(other)

    status = take_registration(net.platform, net.arrival(message))

    assert status is Status.REFUSED
    assert [reason.code for reason in answer_to(net, message).reasons] == ["A51"]
    assert effects(net, document.header.document_id) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"sender": "5790000000043"}, "A78"), ({"receiver": "5790000000050"}, "A53")],
)
def test_a_document_must_be_from_who_signed_and_to_who_received(net: Net, changes: Any, code: str) -> None:
    document = registration(**changes)
    message = net.message(document)

    status = take_registration(net.platform, net.arrival(message))

    assert status is Status.REFUSED
    assert code in {reason.code for reason in answer_to(net, message).reasons}
    assert effects(net, document.header.document_id) == 0


def test_what_is_no_document_is_refused_with_a_reason(net: Net) -> None:
    message = net.message(b"<not a document", ba_message_id="mine")

    status = take_registration(net.platform, net.arrival(message))

    assert status is Status.REFUSED
    assert answer_to(net, message).outcome is Outcome.REJECTED
    assert answer_to(net, message).received.document_id == "mine"


def test_what_the_platform_answers_is_opened_by_its_receiver(net: Net) -> None:
    message = net.message(registration())
    take_registration(net.platform, net.arrival(message))

    answer = open_message(net.operators, net.last(OPERATORS_ACK))

    assert (answer.sender, answer.receiver, answer.in_reply_to) == (PLATFORM, OPERATOR, message.message_id)


def test_while_our_own_trouble_keeps_a_message_its_sender_is_told_once_that_it_came(net: Net) -> None:
    """The sender gets a tracing acknowledgement. The message stays at the broker and is handled later."""
    message = net.message(registration())
    arrival, told = net.arrival(message), net.in_stream(MADES_ACK)

    def trouble(_incoming: Incoming) -> Verdict:
        raise StoreAway("a store is unavailable")

    for _ in range(2):
        with pytest.raises(StoreAway):
            take(net.platform, arrival, trouble)
        net.platform.owed.flush(net.platform)

    assert net.in_stream(MADES_ACK) == told + 1
    news = open_acknowledgement(net.operators, net.last(MADES_ACK))
    assert (news.kind, [each.message_id for each in news.messages]) == (
        AcknowledgementKind.TRACING,
        [message.message_id],
    )
    assert row_of(net, message).state == "TRANSPORTED"

    assert take_registration(net.platform, arrival) is Status.ACCEPTED

    net.platform.owed.flush(net.platform)
    assert open_acknowledgement(net.operators, net.last(MADES_ACK)).kind is AcknowledgementKind.RECEIVE
    with net.platform.database.transaction() as tx:
        states = [step.state for step in ledger.trace_of(tx, PLATFORM, message.message_id)]
    assert states == ["TRANSPORTED", "DELIVERED", "RECEIVED"]


def test_a_document_is_decoded_while_no_transaction_is_open(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile document must not hold locks during its refusal."""
    watched = Watched(net.platform.database)
    decoded_with_open: list[int] = []

    def noted(content: bytes) -> Document:
        decoded_with_open.append(watched.open)
        return decode(content)

    monkeypatch.setattr(intake, "decode", noted)

    take_registration(dataclasses.replace(net.platform, database=watched), net.arrival(net.message(registration())))  # type: ignore[arg-type]

    assert decoded_with_open == [0]


class Watched:
    """A database that counts its open transactions."""

    def __init__(self, database: Database):
        self._database, self.open = database, 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._database.transaction() as tx:
            self.open += 1
            try:
                yield tx
            finally:
                self.open -= 1


@pytest.mark.parametrize("content", [b"no XML", b"<a/>", b"<position>" + b"0" * 4_400 + b"</position>"])
def test_an_acknowledgement_that_cannot_be_read_is_refused_once_and_does_not_come_again(
    net: Net, content: bytes
) -> None:
    message = net.message(content, type="TPS-ASSET-ACK", sender=PLATFORM, receiver=OPERATOR)
    receive = function("receive_document")

    statuses = [receive.ANSWER(net.operators, net.arrival(message)) for _ in range(2)]

    assert statuses == [Status.REFUSED] * 2
    with net.operators.database.transaction() as tx:
        row = ledger.find(tx, OPERATOR, message.message_id)
    assert row is not None
    assert (row.status, row.is_handled) == (Status.REFUSED, True)


def test_a_decision_that_refuses_ends_the_message_and_leaves_nothing_behind(net: Net) -> None:
    document = registration()
    message = net.message(document)

    def refuses(handling: Handling, document: AssetRegistration) -> Answer:
        accept(handling, document)
        raise RuleBroken("never acceptable")

    assert dataclasses.replace(take_and_tell, decide=refuses)(net.platform, net.arrival(message)) is Status.REFUSED

    assert effects(net, document.header.document_id) == 0
    assert [row["type"] for row in caused_by(net, message)] == ["TPS-ASSET-ACK"]
    assert take_registration(net.platform, net.arrival(message)) is Status.REFUSED


def test_a_refusal_without_a_document_ends_the_message_and_leaves_nothing_behind(net: Net) -> None:
    message = net.message(registration())

    def refuses(incoming: Incoming) -> Verdict:
        incoming.tx.execute("INSERT INTO effect VALUES (%s)", (message.message_id,))
        raise RuleBroken("never acceptable")

    assert take(net.platform, net.arrival(message), refuses) is Status.REFUSED

    assert effects(net, message.message_id) == 0
    assert caused_by(net, message) == []
