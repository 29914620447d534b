"""docs/privacy.md says nothing that no test shows: each statement has a key, and each key stands in a test."""

import re

from tests.architecture.sources import ROOT

_STATEMENT = re.compile(r"\| ([A-Z]{3}-[A-Z0-9]{2,3}) \|")
_PROOF = re.compile(r'"""([A-Z]{3}-[A-Z0-9]{2,3})[:.]')
PAGE = ROOT / "docs" / "privacy.md"


def test_every_statement_has_a_key_and_every_key_a_test() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    statements = [line for line in lines if not line.startswith(("| key", "|--", "| ---"))]
    keyed = {match.group(1) for line in statements if (match := _STATEMENT.match(line))}

    assert len(keyed) == len(statements)
    assert keyed == _keys_in_tests()


def _keys_in_tests() -> set[str]:
    """Keys that begin the docstring of a test."""
    folders = [ROOT / "tests" / "privacy", ROOT / "tests" / "e2e"]
    texts = [path.read_text() for folder in folders for path in folder.glob("test_*.py")]
    return {key for text in texts for key in _PROOF.findall(text)}
