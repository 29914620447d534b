"""A reader finds the whole story of a requirement in few files (ARCHITECTURE.md, "Two doors, one form")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from tests.architecture.sources import ROOT, Source
from tps.host.stack import FunctionEntry, load_stack

MOST_FILES = 7
# Read once for all requirements, as ARCHITECTURE.md says.
DOORS = ("shared/tps/rest/function.py", "shared/tps/endpoint/intake.py")
ROW = re.compile(r"^\| (F\d[abc]?) \| (`.+`) \|$", re.MULTILINE)


@cache
def table() -> Mapping[str, tuple[str, ...]]:
    """Return the files of each requirement, as ARCHITECTURE.md lists them."""
    rows = ROW.findall((ROOT / "ARCHITECTURE.md").read_text())
    return {requirement: tuple(re.findall(r"`([^`]+)`", files)) for requirement, files in rows}


def served() -> set[str]:
    """Return the functional requirements that stack.yml names."""
    return {requirement for entry in load_stack() for requirement in entry.serves if requirement.startswith("F")}


def imported_files(name: str) -> Iterator[str]:
    """Yield the files of the package that a file imports."""
    for _, module in Source(ROOT / name).imports():
        parts = module.split(".")
        paths = ("shared/" + "/".join(parts[:length]) + ".py" for length in (len(parts), len(parts) - 1))
        yield from (path for path in paths if parts[0] == "tps" and (ROOT / path).is_file())


def test_every_requirement_that_a_function_serves_has_a_row() -> None:
    assert served() <= table().keys()


@pytest.mark.parametrize("requirement", table())
def test_a_requirement_takes_few_files_and_each_of_them_exists(requirement: str) -> None:
    files = table()[requirement]

    assert len(set(files)) == len(files) <= MOST_FILES
    assert [name for name in files if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("entry", load_stack(), ids=lambda entry: entry.name)
def test_a_function_stands_in_no_row_of_a_requirement_that_it_does_not_serve(entry: FunctionEntry) -> None:
    name, serves = entry.name, set(entry.serves)
    rows = {requirement for requirement, files in table().items() if f"functions/{name}/func.py" in files}

    assert rows <= serves


@pytest.mark.parametrize("requirement", table())
def test_each_file_of_a_story_is_reached_from_another_one(requirement: str) -> None:
    """A row fails if it lists unrelated files."""
    files = [name for name in table()[requirement] if name.endswith(".py")]
    reached = {path for name in (*files, *DOORS) for path in imported_files(name)}

    # The first file is where the story begins.
    unreached = {name for name in files[1:] if name.startswith("shared/")} - reached - set(DOORS)

    assert unreached == set()
