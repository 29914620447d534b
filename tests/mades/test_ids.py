"""Ids are repeatable for the holder of the secret and say nothing to others (invariant 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tps.mades.codes import message_id
from tps.mades.ids import derived_id, new_id

SECRET = bytes(range(32))
FIELDS = st.tuples(st.text(), st.text(), st.text())


@given(FIELDS)
def test_the_same_thing_gives_the_same_id_of_32_hex_digits(fields: tuple[str, str, str]) -> None:
    first, second = derived_id(SECRET, *fields), derived_id(SECRET, *fields)

    assert first == second
    assert first == message_id(first)


@given(FIELDS, FIELDS)
def test_different_things_give_different_ids(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (one == other) == (derived_id(SECRET, *one) == derived_id(SECRET, *other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc", ""), ("ab", "c", "")), (("a", "", "b"), ("a", "b", "")), (("a\0", "b", ""), ("a", "\0b", ""))],
)
def test_fields_do_not_run_into_each_other(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert derived_id(SECRET, *one) != derived_id(SECRET, *other)


def test_another_secret_gives_another_id() -> None:
    assert derived_id(SECRET, "a", "b", "c") != derived_id(SECRET[::-1], "a", "b", "c")


def test_it_is_the_hmac_that_it_was_yesterday() -> None:
    """Ids of what was decided before an update of the software must come out the same after it."""
    assert derived_id(SECRET, "consumed", "recipient", "purpose") == "d1e1a52add6cad4f83b43419297ff71f"


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        derived_id(b"short", "a", "b", "c")


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
    assert message_id(new_id())
