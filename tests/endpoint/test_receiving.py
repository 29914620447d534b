"""Invalid messages are FAILED and visible. A verified sender is told (docs/mades.md, "Failures")."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.endpoint.net import MADES_ACK, Net, at, registration, take_registration
from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL
from tps.endpoint import ledger, outbox
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Handling, Verdict, take
from tps.endpoint.message_row import MessageRow, Status
from tps.endpoint.outbox import Outgoing, Passage
from tps.endpoint.receiving import Arrival, apply_acknowledgement, open_acknowledgement
from tps.errors import MessageRefused
from tps.host.services import utc_now
from tps.mades.envelope import Envelope
from tps.mades.message import Message
from tps.mades.subjects import message_subject


def never(_handling: Handling) -> Verdict:
    raise AssertionError("nothing may be decided on it")


def refused(endpoint: Endpoint, arrival: Arrival) -> MessageRefused:
    with pytest.raises(MessageRefused) as error:
        take(endpoint, arrival, never)
    endpoint.owed.flush(endpoint)
    return error.value


def row_of(endpoint: Endpoint, message: Message) -> MessageRow | None:
    with endpoint.database.transaction() as tx:
        return ledger.find(tx, message.receiver, message.message_id)


def with_other_signature(net: Net, envelope: Envelope) -> Envelope:
    """Return the metadata of one message with the signature of another."""
    other = net.sealed(net.message(b"<other/>"))
    signature = other.metadata.rpartition(".")[2]
    return dataclasses.replace(envelope, metadata=f"{envelope.metadata.rpartition('.')[0]}.{signature}")


Spoil = Callable[[Net, Message], tuple[Endpoint, Arrival]]

SPOILT: dict[str, tuple[Spoil, bool]] = {
    "bad_signature": (
        lambda net, message: (net.platform, net.arrival(message, with_other_signature(net, net.sealed(message)))),
        False,
    ),
    "expired": (lambda net, message: (at(net.platform, utc_now() + timedelta(days=2)), net.arrival(message)), True),
    "sent_in_future": (
        lambda net, message: (
            net.platform,
            net.arrival(dataclasses.replace(message, sent_at=message.sent_at + timedelta(minutes=20))),
        ),
        True,
    ),
    "wrong_subject": (
        lambda net, message: (
            net.platform,
            Arrival(message_subject("tps", "TPS-SCHEDULE", PLATFORM, OPERATOR), net.arrival(message).data),
        ),
        False,
    ),
    "not_decryptable": (
        lambda net, message: (net.platform, net.arrival(message, net.sealed(message, for_=RIVAL))),
        True,
    ),
    "content_damaged": (
        lambda net, message: (
            net.platform,
            net.arrival(
                message,
                dataclasses.replace(
                    net.sealed(message),
                    content=net.sealed(dataclasses.replace(message, content=message.content[::-1])).content,
                ),
            ),
        ),
        True,
    ),
    "content_missing": (
        lambda net, message: (
            net.platform,
            net.arrival(message, dataclasses.replace(net.sealed(message), content=None)),
        ),
        True,
    ),
}


@pytest.mark.parametrize(("code", "spoil", "is_told"), [(code, *how) for code, how in SPOILT.items()], ids=SPOILT)
def test_a_message_that_failed_is_visible_and_its_sender_told_if_the_signature_held(
    net: Net, code: str, spoil: Spoil, is_told: bool
) -> None:
    message = net.message(registration())
    endpoint, arrival = spoil(net, message)
    told = net.in_stream(MADES_ACK)

    assert refused(endpoint, arrival).code == code

    row = row_of(net.platform, message)
    assert row is not None
    assert (row.state, row.status) == ("FAILED", "failed")
    assert [error["code"] for error in row.answer["errors"]] == [code]
    assert net.in_stream(MADES_ACK) == told + is_told


def test_the_sender_of_a_failed_message_reads_why(net: Net) -> None:
    message = sent(net)
    told = net.in_stream(MADES_ACK)
    refused(net.platform, net.arrival(message, net.sealed(message, for_=RIVAL)))
    assert net.in_stream(MADES_ACK) == told + 1

    news = net.last(MADES_ACK)
    apply_acknowledgement(net.operators, open_acknowledgement(net.operators, news))

    with net.operators.database.transaction() as tx:
        row = ledger.find(tx, OPERATOR, message.message_id)
        trace = ledger.trace_of(tx, OPERATOR, message.message_id)
    assert row is not None
    assert (row.state, row.status) == ("FAILED", "failed")
    assert row.answer["errors"][0]["code"] == "not_decryptable"
    assert [(step.state, step.at_component, step.details) for step in trace][-1] == (
        "FAILED",
        PLATFORM,
        "not_decryptable",
    )


def sent(net: Net) -> Message:
    """Put a message into the operator's outbox as sent."""
    message = net.message(registration())
    with net.operators.database.transaction() as tx:
        outbox.add_outgoing(
            tx,
            Outgoing(
                component=OPERATOR,
                receiver=PLATFORM,
                type=message.type,
                message_id=message.message_id,
                content=message.content,
                created_at=message.sent_at,
                expires_at=message.expires_at,
            ),
        )
        outbox.mark_sent(tx, OPERATOR, [message.message_id], Passage(utc_now(), utc_now(), "BROKER"))
    return message


def test_a_message_of_another_kind_of_party_is_refused(net: Net) -> None:
    message = net.message(registration(), type="TPS-POINT")

    assert refused(net.platform, net.arrival(message)).code == "type_not_allowed"


def test_a_message_for_a_component_that_is_not_ours_is_kept_as_failed(net: Net) -> None:
    message = net.message(b"<x/>", receiver=GRID)
    arrival = dataclasses.replace(net.arrival(message), subject=message_subject("tps", message.type, GRID, OPERATOR))

    assert refused(net.platform, arrival).code == "wrong_receiver"

    row = row_of(net.platform, message)
    assert row is not None
    assert row.state == "FAILED"


def test_an_operators_message_to_another_operator_reads_like_one_to_nobody(net: Net) -> None:
    """This holds even if the broker let the message through."""
    for type in ("TPS-ASSET", "TPS-LIMIT-FORESEEN"):
        error = refused(net.operators, net.arrival(net.message(b"<x/>", receiver=RIVAL, type=type)))

        assert (error.code, error.detail) == ("unknown_receiver", "No such receiver.")
    assert net.in_stream(message_subject("agr", "MADES-ACK", OPERATOR, RIVAL)) == 0
    with net.operators.database.transaction() as tx:
        assert tx.execute("TABLE owed_acknowledgement").fetchall() == []


def test_an_operators_message_to_a_dso_is_from_nobody_there(net: Net) -> None:
    message = net.message(b"<x/>", receiver=GRID)

    assert refused(net.grids, net.arrival(message)).code == "unknown_sender"


def test_what_has_no_form_is_dropped(net: Net) -> None:
    subject = message_subject("tps", "TPS-ASSET", PLATFORM, OPERATOR)

    for data in (b"", b"{}", b"\xff", json.dumps({"metadata": "a.b.c"}).encode()):
        assert refused(net.platform, Arrival(subject, data)).code == "malformed"


def test_a_forged_copy_does_not_keep_the_true_message_out(net: Net) -> None:
    message = net.message(registration())
    forged = net.arrival(message, with_other_signature(net, net.sealed(message)))
    refused(net.platform, forged)

    status = take_registration(net.platform, net.arrival(message))

    assert status is Status.ACCEPTED
    refused(net.platform, forged)
    row = row_of(net.platform, message)
    assert row is not None
    assert (row.state, row.status) == ("RECEIVED", "accepted")


def test_a_damaged_copy_of_what_was_taken_changes_nothing(net: Net) -> None:
    message = sent(net)
    take_registration(net.platform, net.arrival(message))
    net.platform.owed.flush(net.platform)
    apply_acknowledgement(net.operators, open_acknowledgement(net.operators, net.last(MADES_ACK)))

    refused(net.platform, net.arrival(message, net.sealed(message, for_=RIVAL)))
    apply_acknowledgement(net.operators, open_acknowledgement(net.operators, net.last(MADES_ACK)))

    row = row_of(net.platform, message)
    assert row is not None
    assert (row.state, row.status) == ("RECEIVED", "accepted")
    with net.operators.database.transaction() as tx:
        at_sender = ledger.find(tx, OPERATOR, message.message_id)
    assert at_sender is not None
    assert (at_sender.state, at_sender.status) == ("RECEIVED", "pending")
