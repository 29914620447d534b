"""docs/privacy.md says nothing that no test shows: each statement has a key, and each key stands in a test."""

import re

from tests.architecture.sources import ROOT
from tests.e2e.identities import BAD_TOKENS
from tests.privacy import table
from tests.privacy.table_stores import BUCKETS, DATABASES, STREAMS, SUBJECTS

_STATEMENT = re.compile(r"\| ([A-Z]{3}-[A-Z0-9]{2,3}) \|")
_PROOF = re.compile(r'"""([A-Z]{3}-[A-Z0-9]{2,3})[:.]')
PAGE = ROOT / "docs" / "privacy.md"


def statements() -> list[str]:
    """The lines of the page's tables that state something."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [line for line in lines if not line.startswith(("| key", "|--", "| ---"))]


def keyed_statements() -> set[str]:
    """The keys of these statements."""
    return {match.group(1) for line in statements() if (match := _STATEMENT.match(line))}


def test_every_statement_has_a_key_and_every_key_a_test() -> None:
    assert len(keyed_statements()) == len(statements())
    assert keyed_statements() == _keys_in_tests()


def test_the_page_tells_the_table_as_it_is() -> None:
    page, tables = PAGE.read_text(), sum(map(len, DATABASES.values()))

    for told in (
        f"One table of {table.rows()} rows",
        f"- {len(table.ROUTES)} routes",
        f"- {len(table.SERVICES)} addresses of the MADES web service",
        f"- {len(table.EVENTS)} events and ticks",
        f"{len(table.PROBES)} probes, open; {len(table.SHUT)} doors",
        f"- {len(SUBJECTS)} families of subjects and {len(STREAMS)} streams",
        f"- {len(DATABASES)} databases with {tables} tables, {len(BUCKETS)} buckets",
        f"{len(BAD_TOKENS)} kinds of tokens that do not hold",
    ):
        assert told in page


def _keys_in_tests() -> set[str]:
    """Keys that begin the docstring of a test."""
    folders = [ROOT / "tests" / "privacy", ROOT / "tests" / "e2e"]
    texts = [path.read_text() for folder in folders for path in folder.glob("test_*.py")]
    return {key for text in texts for key in _PROOF.findall(text)}
