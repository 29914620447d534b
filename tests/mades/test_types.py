"""Routes and answers of the message types (F1). Source: docs/documents.md, "Message types"."""

from datetime import timedelta

import pytest

from tests.mades.builders import NOW
from tps.errors import MessageRefused
from tps.mades import types
from tps.mades.codes import message_type


def test_no_type_joins_an_operator_and_a_dso_directly() -> None:
    pairs = {pair for routes in types.ROUTES.values() for pair in routes}

    assert all("tps" in pair for pair in pairs)
    assert all(sender != receiver for sender, receiver in pairs)


def test_every_type_and_its_acknowledgement_have_a_route_and_a_legal_name() -> None:
    assert len(types.ROUTES) == 15
    assert all(message_type(type) for type in types.ROUTES)
    assert all(types.acknowledgement_of(type) in types.ROUTES for type in types.BUSINESS_TYPES)


def test_answers_go_back_the_way_the_question_came() -> None:
    for question, answers in types.ANSWERS.items():
        for answer in answers:
            back = {(receiver, sender) for sender, receiver in types.ROUTES[question]}
            assert back & types.ROUTES[answer], (question, answer)


def test_an_acknowledgement_is_not_answered() -> None:
    assert not any(types.is_acknowledgement(type) for type in types.ANSWERS)
    assert types.is_acknowledgement("TPS-ASSET-ACK")
    assert not types.is_acknowledgement("MADES-ACK")


@pytest.mark.parametrize(
    ("type", "sender", "receiver"),
    [
        ("TPS-LIMIT-FORESEEN", "dso", "agr"),
        ("TPS-ASSET", "dso", "tps"),
        ("TPS-POINT", "agr", "tps"),
        ("X", "agr", "tps"),
    ],
)
def test_another_route_is_type_not_allowed(type: str, sender: str, receiver: str) -> None:
    with pytest.raises(MessageRefused) as refused:
        types.check_route(type, sender, receiver)

    assert refused.value.code == "type_not_allowed"


def test_a_route_of_the_table_is_allowed() -> None:
    types.check_route("TPS-LIMIT-FORESEEN", "dso", "tps")
    types.check_route("TPS-LIMIT-FORESEEN", "tps", "agr")
    types.check_route("TPS-LIMIT-FORESEEN-ACK", "agr", "tps")


def test_a_role_knows_what_it_receives() -> None:
    assert types.types_received_by("agr") == (
        "MADES-TEST",
        "TPS-ASSET-ACK",
        "TPS-LIMIT-FORESEEN",
        "TPS-LIMIT-UNFORESEEN",
        "TPS-SCHEDULE-ACK",
    )


def test_emergencies_go_first_and_live_for_a_day_at_most() -> None:
    assert types.priority("TPS-LIMIT-UNFORESEEN") == 9
    assert types.priority("TPS-SCHEDULE") == 4
    assert types.expiry("TPS-LIMIT-UNFORESEEN", NOW) == NOW + timedelta(hours=24)
    assert types.expiry("TPS-SCHEDULE", NOW) == NOW + timedelta(days=14)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (timedelta(hours=3), timedelta(hours=3)),
        (timedelta(hours=30), timedelta(hours=24)),
        (timedelta(hours=-1), timedelta(minutes=1)),
    ],
)
def test_an_emergency_lives_until_its_expected_end(end: timedelta, expected: timedelta) -> None:
    assert types.expiry("TPS-LIMIT-UNFORESEEN", NOW, NOW + end) == NOW + expected


def test_times_to_live_are_set_by_type_and_the_others_stay() -> None:
    times = types.read_times_to_live("TPS-SCHEDULE=86400, TPS-LIMIT-UNFORESEEN=3600,")

    assert types.expiry("TPS-SCHEDULE", NOW, times_to_live=times) == NOW + timedelta(days=1)
    assert types.expiry("TPS-LIMIT-UNFORESEEN", NOW, times_to_live=times) == NOW + timedelta(hours=1)
    assert types.expiry("TPS-ASSET", NOW, times_to_live=times) == NOW + timedelta(days=14)
    assert types.expiry("MADES-TEST", NOW, times_to_live=times) == NOW + timedelta(hours=1)
    every = types.read_times_to_live("*=604800")
    assert types.expiry("TPS-ASSET", NOW, times_to_live=every) == NOW + timedelta(days=7)


@pytest.mark.parametrize(
    "wrong",
    [
        *("TPS-SCHEDULE", "TPS-SCHEDULE=", "TPS-SCHEDULE=1d", "TPS-SCHEDULE=59", "TPS-SCHEDULE=1209601"),
        *("TPS-PLAN=3600", "TPS-LIMIT-UNFORESEEN=86401", "=3600", "TPS-SCHEDULE=-60", "TPS-SCHEDULE=" + "9" * 5000),
    ],
)
def test_a_time_to_live_that_cannot_be_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{wrong}: "):
        types.read_times_to_live(f"TPS-ASSET=3600,{wrong}")
