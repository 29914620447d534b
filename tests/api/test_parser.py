"""A RAML parser that is not ours (webapi-parser, on AMF) finds nothing wrong, and finds what we break.

Slow, and gets the parser by npm: only where TPS_SLOW_TESTS is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.interfaces import FOLDER, GROUPS

PARSER = "webapi-parser@0.5.0"
SCRIPT = Path(__file__).with_name("check_raml.js")
INSTALL_TIMEOUT_S, CHECK_TIMEOUT_S = 30, 60

pytestmark = pytest.mark.skipif(not os.environ.get("TPS_SLOW_TESTS"), reason="slow; TPS_SLOW_TESTS is not set")


@dataclass(frozen=True)
class Parser:
    """A folder with the parser in it."""

    folder: Path

    def check(self, *files: Path) -> subprocess.CompletedProcess[str]:
        """Exit status 0 if nothing was found; else what was found, on standard output."""
        return _run(["node", SCRIPT.name, *map(str, files)], self.folder, CHECK_TIMEOUT_S)


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Parser:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not here")
    folder = tmp_path_factory.mktemp("parser")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=5000"]
    try:
        installed = _run(["npm", "install", *options, PARSER], folder, INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not get the parser in time")
    if installed.returncode != 0:
        pytest.skip("npm could not get the parser")
    # Node looks for the parser beside the script.
    shutil.copy(SCRIPT, folder)
    return Parser(folder)


def test_a_parser_of_others_finds_nothing_wrong(parser: Parser) -> None:
    found = parser.check(*(FOLDER / f"{group}.raml" for group in GROUPS))

    assert (found.returncode, found.stdout) == (0, ""), found.stderr


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("max_production_kw: 600", "max_production_kw: -600"),
        ("kind?: AssetKind", "kind?: AssetKinds"),
        ("    usage: Every route.\n    responses:", "    usage: Every route.\n    answers:"),
    ],
    ids=["an example off its type", "a type that is not there", "a facet that RAML does not have"],
)
def test_a_parser_of_others_finds_what_is_broken(parser: Parser, tmp_path: Path, good: str, bad: str) -> None:
    text = (FOLDER / "types.raml").read_text()
    assert good in text
    (tmp_path / "types.raml").write_text(text.replace(good, bad))
    shutil.copy(FOLDER / "agr.raml", tmp_path)

    found = parser.check(tmp_path / "agr.raml")

    assert found.returncode == 1
    assert "Violation" in found.stdout


def _run(command: Sequence[str], folder: Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout_s)
