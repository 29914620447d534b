"""Notices of the platform to parties about their registrations (F4a)."""

import pytest

from tests.samples import CHP, HEAT_PUMP
from tests.support.functions import function
from tps.documents.acknowledgement import Outcome
from tps.platform.registry import ClaimStatus, StatusChange

process = function("process_registration")


def make_change(before: tuple[bool, bool], after: tuple[bool, bool]) -> StatusChange:
    """Return a status change of a claim on the CHP; a status is (is active, is capped)."""
    return StatusChange("5790000000012", "m", "d", ClaimStatus(CHP, *before), ClaimStatus(CHP, *after))


def texts(answer: object) -> list[tuple[str, str]]:
    return [(reason.code, reason.text) for reason in answer.reasons]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "after", "news"),
    [
        ((False, False), (True, False), ["ACTIVE"]),
        ((True, False), (False, False), ["WAITING"]),
        ((True, False), (True, True), ["CAPPED"]),
        ((True, True), (True, False), ["UNCAPPED"]),
        ((False, False), (True, True), ["ACTIVE", "CAPPED"]),
        ((True, True), (False, False), ["WAITING", "UNCAPPED"]),
        ((True, True), (True, True), []),
    ],
)
def test_a_notice_says_what_is_new_and_nothing_else(
    before: tuple[bool, bool], after: tuple[bool, bool], news: list[str]
) -> None:
    assert list(process.news(make_change(before, after))) == news


def test_an_answer_names_the_state_of_each_entry() -> None:
    statuses = [ClaimStatus(CHP, True, False), ClaimStatus(HEAT_PUMP, False, False)]

    answer = process.accepted(statuses, stale=set())

    assert answer.outcome is Outcome.ACCEPTED
    assert [text for _, text in texts(answer)] == [f"ACTIVE={CHP}", f"WAITING={HEAT_PUMP}"]


def test_an_answer_tells_the_operator_that_its_weight_is_capped() -> None:
    answer = process.accepted([ClaimStatus(CHP, True, True)], stale=set())

    assert [text for _, text in texts(answer)] == [f"ACTIVE={CHP}", f"CAPPED={CHP}"]


def test_what_is_older_than_what_stands_is_acknowledged_as_such() -> None:
    """A84: accepted and ignored, so that a late message does no harm and is not resent."""
    answer = process.accepted([], stale={CHP})

    assert (answer.outcome, [code for code, _ in texts(answer)]) == (Outcome.ACCEPTED, ["A84"])
