"""The transitions of message states are a consistent table."""

import itertools

import pytest

from tps.mades.states import (
    FAILURES,
    TRANSITIONS,
    UNANSWERABLE,
    State,
    is_allowed,
    is_answerable,
    predecessors,
    refusal,
    shown_to_application,
)


def test_only_received_and_failed_are_final() -> None:
    assert [state for state, following in TRANSITIONS.items() if not following] == [State.RECEIVED, State.FAILED]


def test_no_state_is_ever_entered_twice() -> None:
    """A late acknowledgement never moves a message back, because the table has no cycle."""
    order = list(State)

    assert all(order.index(before) < order.index(after) for before in order for after in TRANSITIONS[before])


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_predecessors_and_transitions_tell_the_same(before: State, after: State) -> None:
    assert is_allowed(before, after) == (before in predecessors(after))


@pytest.mark.parametrize(
    "story",
    [
        [State.VERIFYING, State.ACCEPTED, State.DELIVERING, State.TRANSPORTED, State.DELIVERED, State.RECEIVED],
        [State.VERIFYING, State.ACCEPTED, State.DELIVERED, State.RECEIVED],
        [State.VERIFYING, State.DELIVERED, State.RECEIVED],
        [State.VERIFYING, State.ACCEPTED, State.RECEIVED],
        [State.VERIFYING, State.FAILED],
        [State.VERIFYING, State.ACCEPTED, State.FAILED],
    ],
)
def test_a_message_may_take_this_way(story: list[State]) -> None:
    assert all(is_allowed(before, after) for before, after in itertools.pairwise(story))


@pytest.mark.parametrize("later", [State.RECEIVED, State.FAILED])
def test_a_delivery_acknowledgement_that_comes_late_changes_nothing(later: State) -> None:
    assert not is_allowed(later, State.DELIVERED)


def test_what_was_delivered_does_not_fail() -> None:
    assert State.DELIVERED not in predecessors(State.FAILED)


def test_applications_see_four_states() -> None:
    seen = {state: shown_to_application(state) for state in State}

    assert set(seen.values()) == {State.ACCEPTED, State.DELIVERED, State.RECEIVED, State.FAILED}
    assert State.ACCEPTED == seen[State.VERIFYING] == seen[State.DELIVERING] == seen[State.TRANSPORTED]


def test_a_refusal_without_detail_speaks_the_tables_sentence() -> None:
    assert FAILURES["expired"] == refusal("expired").detail
    assert refusal("malformed", "why").detail == "why"


def test_a_failure_must_be_in_the_table() -> None:
    with pytest.raises(KeyError):
        refusal("bad_luck")


def test_nobody_is_answered_before_the_signature_held() -> None:
    assert FAILURES.keys() >= UNANSWERABLE
    assert not is_answerable("bad_signature")
    assert is_answerable("not_decryptable")
