"""A backend processes the documents that it receives (F7a, F5b)."""

from dataclasses import replace

from tests.samples import CHARGER, CHP, DSO, HEAT_PUMP, RIVALS_ASSET, SAMPLES, make_acknowledgement
from tests.support.functions import function
from tps.documents.acknowledgement import DocumentReason, Outcome, RejectedSeries
from tps.mades.message import ACKNOWLEDGEMENT_TYPE
from tps.mades.types import types_received_by
from tps.operator.limits import limit_json
from tps.party.outcomes import answer_json

receive = function("receive_document")
LEFT_OUT = "unknown asset, inactive asset, or asset in another grid"


def test_an_accepted_document_has_no_errors() -> None:
    assert answer_json(SAMPLES["accepted"]) == {}


def test_a_waiting_registration_has_no_errors() -> None:
    """Its notices are reasons of the document, too."""
    assert answer_json(SAMPLES["accepted, waiting"]) == {}


def test_a_refusal_names_code_and_detail() -> None:
    answer = answer_json(SAMPLES["rejected"])

    assert answer == {"errors": [{"code": "A51", "detail": "revision 1 is here with other content"}]}


def test_a_refusal_without_a_text_says_its_code_at_least() -> None:
    document = make_acknowledgement(Outcome.REJECTED, DocumentReason("A57"))

    assert answer_json(document) == {"errors": [{"code": "A57", "detail": "A57"}]}


def test_a_refused_registration_names_the_resource() -> None:
    rejected = (RejectedSeries(HEAT_PUMP, (DocumentReason("A69", "neither given"), DocumentReason("A42"))),)

    answer = answer_json(make_acknowledgement(Outcome.REJECTED, rejected=rejected))

    assert answer["errors"] == [
        {"code": "A69", "detail": "neither given", "subject": HEAT_PUMP},
        {"code": "A42", "detail": "A42", "subject": HEAT_PUMP},
    ]


def test_a_refused_limit_names_each_asset() -> None:
    reasons = (DocumentReason("A64", CHP), DocumentReason("A64", RIVALS_ASSET))
    document = make_acknowledgement(Outcome.REJECTED, rejected=(RejectedSeries("1", reasons),))

    answer = answer_json(document)

    assert answer["errors"] == [
        {"code": "A64", "detail": LEFT_OUT, "subject": CHP},
        {"code": "A64", "detail": LEFT_OUT, "subject": RIVALS_ASSET},
    ]


def test_an_emergency_accepted_in_part_names_what_was_left_out() -> None:
    answer = answer_json(SAMPLES["emergency partly accepted"])

    assert answer == {
        "rejected": [
            {"asset_id": CHARGER, "code": "A64", "detail": LEFT_OUT},
            {"asset_id": "NDK:gone", "code": "A64", "detail": LEFT_OUT},
        ]
    }


def test_a_foreseen_limit_reads_as_the_contract_says() -> None:
    assert limit_json(SAMPLES["foreseen limit to an operator"]) == {
        "id": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
        "revision": 1,
        "kind": "foreseen",
        "issuer": {"code": DSO, "name": "Grid = <North> & Søn"},
        "asset_ids": [CHP],
        "received_at": "2020-04-02T08:00:00Z",
        "direction": "production",
        "start": "2020-04-10T06:00:00Z",
        "end": "2020-04-10T08:00:00Z",
        "available": [
            {"start": "2020-04-10T06:00:00Z", "end": "2020-04-10T07:00:00Z", "power_kw": 300.05},
            {"start": "2020-04-10T07:00:00Z", "end": "2020-04-10T08:00:00Z", "power_kw": 150.025},
        ],
        "share": {"rule": "weighted_max_min", "weight_kw": 1200.5},
        "reason": {"code": "B19"},
    }


def test_an_emergency_has_an_action_and_an_expected_end_and_no_part() -> None:
    limit = limit_json(SAMPLES["emergency to an operator"])

    assert (limit["kind"], limit["action"], limit["expected_end"]) == ("unforeseen", "stop", "2020-04-10T14:00:00Z")
    assert not {"end", "available", "share"} & limit.keys()


def test_an_issuer_without_a_name_is_its_code() -> None:
    nameless = replace(SAMPLES["emergency to an operator"], issuer_name=None)

    assert limit_json(nameless)["issuer"] == {"code": DSO}


def test_each_group_has_a_taker_for_its_mades_acknowledgements() -> None:
    assert {group for group, message_type in receive.TOPICS if message_type == ACKNOWLEDGEMENT_TYPE} == {
        "agr",
        "dso",
        "tps",
    }


def test_it_takes_no_type_that_its_group_never_receives() -> None:
    strangers = {
        (group, message_type)
        for group, message_type in receive.TOPICS
        if message_type not in {*types_received_by(group), ACKNOWLEDGEMENT_TYPE}
    }

    assert strangers == set()
