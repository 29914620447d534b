"""Messages for ReceiveMessage: all unconfirmed messages, oldest first, without answers to REST calls (F1)."""

from __future__ import annotations

import dataclasses
import random
from datetime import timedelta

from tests.support.rows import NOW, hours, incoming, outgoing
from tests.support.servers import OPERATOR, RIVAL
from tps.endpoint import ledger, outbox
from tps.endpoint.confirming import mark_confirmed, next_unconfirmed
from tps.mades.ids import new_id
from tps.mades.message import Message
from tps.mades.states import State
from tps.stores.database import Database


def arrive(agr: Database, message: Message, after_s: float = 0) -> Message:
    """Return the message after it was received and decided on."""
    with agr.transaction() as tx:
        ledger.add_incoming(tx, message, NOW + timedelta(seconds=after_s))
        ledger.mark_handled(tx, message.receiver, message.message_id, status="accepted", document=(None, None))
    return message


def to_operator(**changes: object) -> Message:
    return dataclasses.replace(incoming(), receiver=OPERATOR, **changes)  # type: ignore[arg-type]


def offered(agr: Database, type: str | None = None, component: str = OPERATOR) -> tuple[str | None, int]:
    with agr.transaction() as tx:
        row, remaining = next_unconfirmed(tx, component, type)
    return row.message_id if row else None, remaining


def confirm(agr: Database, message_id: str, component: str = OPERATOR) -> bool:
    with agr.transaction() as tx:
        return mark_confirmed(tx, component, message_id, hours(1))


def test_the_oldest_is_offered_until_it_is_confirmed_then_the_next(agr: Database) -> None:
    order = list(range(5))
    random.Random(5).shuffle(order)
    messages = {place: arrive(agr, to_operator(), place) for place in order}
    seen = []

    for place in range(5):
        assert offered(agr) == offered(agr) == (messages[place].message_id, 4 - place)
        seen.append(confirm(agr, messages[place].message_id))

    assert seen == [True] * 5
    assert offered(agr) == (None, 0)
    assert confirm(agr, messages[0].message_id), "confirmed again, it is still confirmed"


def test_a_type_can_be_asked_for(agr: Database) -> None:
    arrive(agr, to_operator(type="TPS-ASSET-ACK"))
    limit = arrive(agr, to_operator(type="TPS-LIMIT-FORESEEN"), 1)

    assert offered(agr, "TPS-LIMIT-FORESEEN") == (limit.message_id, 0)
    assert offered(agr, "TPS-LIMIT-UNFORESEEN") == (None, 0)


def test_anothers_messages_are_neither_offered_counted_nor_confirmed(agr: Database) -> None:
    theirs = arrive(agr, to_operator())

    assert offered(agr, component=RIVAL) == (None, 0)
    assert not confirm(agr, theirs.message_id, RIVAL)
    assert offered(agr) == (theirs.message_id, 0)


def test_answers_are_offered_to_who_asked_by_the_web_service(agr: Database) -> None:
    questions = {}
    for by_application in (False, True):
        out = dataclasses.replace(outgoing(component=OPERATOR), by_application=by_application)
        with agr.transaction() as tx:
            outbox.add_outgoing(tx, out)
        questions[by_application] = out.message_id
    answers = {who: arrive(agr, to_operator(in_reply_to=asked)) for who, asked in questions.items()}

    assert offered(agr) == (answers[True].message_id, 0)


def test_what_is_not_whole_proven_and_decided_is_not_offered(agr: Database) -> None:
    undecided, failed, test = to_operator(), to_operator(), to_operator(type="MADES-TEST")
    with agr.transaction() as tx:
        ledger.add_incoming(tx, undecided, NOW)
    arrive(agr, test)
    arrive(agr, failed)
    with agr.transaction() as tx:
        tx.execute("UPDATE message SET state = %s WHERE message_id = %s", (State.FAILED, failed.message_id))

    assert offered(agr) == (None, 0)
    assert not confirm(agr, failed.message_id)
    assert not confirm(agr, undecided.message_id)
    assert not confirm(agr, new_id())


def test_what_rest_has_given_is_offered_still(agr: Database) -> None:
    """A REST answer makes a message RECEIVED. Only a confirmation by SOAP ends the offers of the web service."""
    message = arrive(agr, to_operator())
    with agr.transaction() as tx:
        ledger.advance(tx, OPERATOR, [message.message_id], State.RECEIVED, at=hours(1), at_component=OPERATOR)

    assert offered(agr) == (message.message_id, 0)
