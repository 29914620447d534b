"""The holder of the secret can repeat ids. The ids reveal nothing to others (NF3)."""

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
def test_different_things_give_different_ids(triple: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (triple == other) == (derived_id(SECRET, *triple) == derived_id(SECRET, *other))


@pytest.mark.parametrize(
    ("triple", "other"),
    [(("a", "bc", ""), ("ab", "c", "")), (("a", "", "b"), ("a", "b", "")), (("a\0", "b", ""), ("a", "\0b", ""))],
)
def test_fields_do_not_run_into_each_other(triple: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert derived_id(SECRET, *triple) != derived_id(SECRET, *other)


def test_another_secret_gives_another_id() -> None:
    assert derived_id(SECRET, "a", "b", "c") != derived_id(SECRET[::-1], "a", "b", "c")


def test_it_is_the_hmac_that_it_was_yesterday() -> None:
    """A software update must not change the ids of earlier decisions."""
    assert derived_id(SECRET, "consumed", "recipient", "purpose") == "d1e1a52add6cad4f83b43419297ff71f"


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        derived_id(b"short", "a", "b", "c")


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
    assert message_id(new_id())
