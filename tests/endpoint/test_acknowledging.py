"""MADES acknowledgements: many messages in one, sent once or twice, never lost, and valid only for own messages."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from tests.endpoint.net import MADES_ACK, Faults, Net
from tests.support.servers import OPERATOR, PLATFORM, RIVAL, at_once
from tests.support.statements import statements_of
from tps.endpoint import ledger, outbox
from tps.endpoint.acknowledging import send_owed
from tps.endpoint.outbox import Outgoing, Passage
from tps.endpoint.owed import owe
from tps.endpoint.receiving import apply_acknowledgement, open_acknowledgement
from tps.errors import MessageRefused, StoreAway
from tps.host.services import utc_now
from tps.mades.ids import new_id
from tps.mades.message import AcknowledgedMessage, AcknowledgementKind, MadesAcknowledgement
from tps.mades.subjects import message_subject

KINDS = AcknowledgementKind


def owe_many(net: Net, count: int) -> list[str]:
    ids = [new_id() for _ in range(count)]
    with net.platform.database.transaction() as tx:
        owe(tx, component=PLATFORM, peer=OPERATOR, message_ids=ids, kind=KINDS.DELIVERY, at=utc_now())
    return ids


def left(net: Net) -> int:
    with net.platform.database.transaction() as tx:
        return len(tx.execute("TABLE owed_acknowledgement").fetchall())


def sent_messages(net: Net, count: int, receiver: str = PLATFORM) -> list[str]:
    """Return the ids of messages that an operator has sent."""
    now = utc_now()
    ids = [new_id() for _ in range(count)]
    with net.operators.database.transaction() as tx:
        for message_id in ids:
            expires_at = now + timedelta(days=1)
            outbox.add_outgoing(tx, Outgoing(OPERATOR, receiver, "TPS-ASSET", message_id, b"", now, expires_at))
        outbox.mark_sent(tx, OPERATOR, list(ids), Passage(now, now, "BROKER"))
    return ids


def news(kind: AcknowledgementKind, ids: list[str], **changes: Any) -> MadesAcknowledgement:
    messages = tuple(AcknowledgedMessage(each, utc_now(), changes.pop("detail", None)) for each in ids)
    values = {"sender": PLATFORM, "receiver": OPERATOR, **changes}
    return MadesAcknowledgement(message_id=new_id(), kind=kind, sent_at=utc_now(), messages=messages, **values)


def rows_of(net: Net, ids: list[str]) -> list[tuple[str, str]]:
    with net.operators.database.transaction() as tx:
        found = [ledger.find(tx, OPERATOR, each) for each in ids]
    return [(row.state, row.status) for row in found if row]


def test_many_are_sent_in_few_and_speak_of_all(net: Net) -> None:
    ids, before = owe_many(net, 600), net.in_stream(MADES_ACK)

    spoken_of = send_owed(net.platform)

    assert spoken_of == 600
    assert net.in_stream(MADES_ACK) == before + 2
    last = open_acknowledgement(net.operators, net.last(MADES_ACK))
    assert len(last.messages) == 100
    assert {each.message_id for each in last.messages} < set(ids)
    assert send_owed(net.platform) == left(net) == 0


def test_two_processes_at_once_send_each_once(net: Net) -> None:
    owe_many(net, 600)
    before = net.in_stream(MADES_ACK)

    spoken_of = at_once(*[lambda: send_owed(net.platform)] * 3)

    assert sum(spoken_of) == 600
    assert left(net) == 0
    assert 2 <= net.in_stream(MADES_ACK) - before <= 4


def test_what_could_not_be_sent_is_sent_by_the_next_who_tries(net: Net) -> None:
    owe_many(net, 1)
    before = net.in_stream(MADES_ACK)
    faults = Faults(2, is_after=False)

    with pytest.raises(StoreAway):
        send_owed(faults.around(net.platform))

    assert faults.failed_at == "publish_each"
    assert send_owed(net.platform) == 1
    assert net.in_stream(MADES_ACK) == before + 1


def test_a_component_that_cannot_sign_does_not_stop_the_others(net: Net) -> None:
    to_platform = message_subject("tps", "MADES-ACK", PLATFORM, OPERATOR)
    send_owed(net.operators)  # leftovers of other tests
    with net.operators.database.transaction() as tx:
        for component in ("KEYLESS", OPERATOR):
            owe(tx, component=component, peer=PLATFORM, message_ids=[new_id()], kind=KINDS.DELIVERY, at=utc_now())
    before = net.in_stream(to_platform)

    send_owed(net.operators)

    assert net.in_stream(to_platform) == before + 1
    with net.operators.database.transaction() as tx:
        (kept,) = tx.execute("DELETE FROM owed_acknowledgement RETURNING component").fetchall()
    assert kept["component"] == "KEYLESS"


def test_who_does_not_take_messages_from_a_component_does_not_learn_of_it(net: Net) -> None:
    with net.operators.database.transaction() as tx:
        owe(tx, component=RIVAL, peer=OPERATOR, message_ids=[new_id()], kind=KINDS.FAILURE, at=utc_now())

    send_owed(net.operators)

    assert net.in_stream(message_subject("agr", "MADES-ACK", OPERATOR, RIVAL)) == 0
    with net.operators.database.transaction() as tx:
        assert tx.execute("TABLE owed_acknowledgement").fetchall() == []


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([KINDS.DELIVERY], "DELIVERED"),
        ([KINDS.RECEIVE], "RECEIVED"),
        ([KINDS.RECEIVE, KINDS.DELIVERY], "RECEIVED"),
        ([KINDS.TRACING], "DELIVERING"),
    ],
)
def test_news_move_our_messages_on_and_never_back(net: Net, kinds: list[AcknowledgementKind], state: str) -> None:
    ids = sent_messages(net, 2)

    for kind in kinds:
        apply_acknowledgement(net.operators, news(kind, ids))

    assert rows_of(net, ids) == [(state, "pending")] * 2


def test_a_failure_is_an_answer_but_not_to_what_was_delivered(net: Net) -> None:
    failed, delivered = sent_messages(net, 2)
    apply_acknowledgement(net.operators, news(KINDS.DELIVERY, [delivered]))

    apply_acknowledgement(net.operators, news(KINDS.FAILURE, [failed, delivered], detail="expired"))

    assert rows_of(net, [failed, delivered]) == [("FAILED", "failed"), ("DELIVERED", "pending")]


def test_of_anothers_messages_nobody_can_say_anything(net: Net) -> None:
    to_platform, to_other = sent_messages(net, 1), sent_messages(net, 1, receiver="OTHER")

    apply_acknowledgement(net.operators, news(KINDS.RECEIVE, [*to_platform, *to_other, new_id()], sender="OTHER"))
    apply_acknowledgement(net.operators, news(KINDS.RECEIVE, to_platform, receiver=RIVAL))

    assert rows_of(net, to_platform) == [("DELIVERING", "pending")]
    assert rows_of(net, to_other) == [("RECEIVED", "pending")]


def test_news_of_500_messages_take_no_more_statements_than_of_one(net: Net) -> None:
    first, ids = sent_messages(net, 1), sent_messages(net, 500)

    of_one = statements_of(lambda: apply_acknowledgement(net.operators, news(KINDS.RECEIVE, first)))
    of_many = statements_of(lambda: apply_acknowledgement(net.operators, news(KINDS.RECEIVE, ids)))

    assert of_many == of_one > 0
    assert set(rows_of(net, ids)) == {("RECEIVED", "pending")}


def test_an_acknowledgement_is_believed_by_its_signature(net: Net) -> None:
    owe_many(net, 1)
    send_owed(net.platform)
    arrival = net.last(MADES_ACK)

    tampered = dataclasses.replace(arrival, data=arrival.data.replace(b'"metadata":"', b'"metadata":"e', 1))
    with pytest.raises(MessageRefused):
        open_acknowledgement(net.operators, tampered)
