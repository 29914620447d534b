"""Every promise on the pages with keys is proved by a test."""

import pytest

from tests.architecture.keys import keys_in_tests, keys_of, keys_that_begin, rows

PAGES = ("docs/privacy.md", "docs/semantics.md")


def test_every_row_has_a_key_of_its_own() -> None:
    keys = [key for page in PAGES for key in keys_of(page)]

    assert len(keys) == sum(len(rows(page)) for page in PAGES)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("page", PAGES)
def test_every_key_has_a_test(page: str) -> None:
    assert set(keys_of(page)) - keys_in_tests() == set()


def test_every_key_of_a_test_stands_on_a_page() -> None:
    assert keys_in_tests() - {key for page in PAGES for key in keys_of(page)} == set()


@pytest.mark.parametrize(
    ("docstring", "keys"),
    [
        ("LIM-SUM: what it shows.", ["LIM-SUM"]),
        ("LIM-SUM, REV-999.", ["LIM-SUM", "REV-999"]),
        ("A84: accepted and ignored.", []),
        ("As LIM-SUM says.", []),
    ],
)
def test_a_docstring_begins_with_its_keys(docstring: str, keys: list[str]) -> None:
    assert keys_that_begin(docstring) == keys
