"""Problem types: a stable name per class of error, the same in code, page and client."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from tests.api.interfaces import interface
from tests.architecture.sources import ROOT, sources
from tps.client import problems as client
from tps.client.problems import Problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = re.compile(
    r"^\| `(?P<type>[^`]+)` \| (?P<status>\d{3}) \| (?P<meaning>.+) \| (?P<who>.+) \| (?P<codes>.+) \|$", re.M
)
_CODE = re.compile(r"`([^`]+)`")
# These answer with the type of their base class: never served as problem details, or the same problem to a caller.
_SHARING = {
    "CallFailedError",
    "InvalidDocument",
    "LibrariesMissing",
    "NotReachedError",
    "NotUnderstood",
    "StackError",
    "ViolatedError",
}


def test_every_class_of_error_has_a_type_of_its_own() -> None:
    nameless = {name for name, declared in error_classes().items() if "problem_type" not in declared}
    types = [type_of(name) for name in error_classes().keys() - nameless]

    assert nameless <= _SHARING
    assert sorted(types) == sorted(set(types))
    assert all(re.fullmatch(r"urn:tps:problem:[a-z]+(-[a-z]+)*", each) for each in types)


def test_the_page_lists_every_type_with_its_status_and_nothing_else() -> None:
    coded = {type_of(name): status_of(name) for name in error_classes() if "problem_type" in error_classes()[name]}

    assert {row["type"]: int(row["status"]) for row in rows()} == coded
    assert len(list(rows())) == len(coded)


def test_the_page_names_codes_of_the_contract() -> None:
    known = set(_CODE.findall(str(interface("agr").types["tps.Code"]["description"])))

    assert {code for row in rows() for code in _CODE.findall(row["codes"])} <= known


def test_the_client_knows_every_type_and_raises_as_for_its_status() -> None:
    for row in rows():
        by_type = problem_of(599, {"type": row["type"]})
        by_status = problem_of(int(row["status"]), {"type": "urn:tps:problem:of-tomorrow"})
        assert type(by_type) is type(by_status)
        assert by_type.type == row["type"]
    assert client._BY_TYPE.keys() <= {row["type"] for row in rows()}


def test_a_type_that_the_client_does_not_know_is_no_failure_of_its_own() -> None:
    assert type(problem_of(418, {"type": "urn:tps:problem:of-tomorrow"})) is Problem
    assert problem_of(418, {}).type == "about:blank"


def rows() -> Iterator[re.Match[str]]:
    return _ROW.finditer((ROOT / "docs" / "problems.md").read_text())


@cache
def error_classes() -> dict[str, dict[str, object]]:
    """`TpsError` and all classes below it, wherever they are defined -> what their bodies assign, and `bases`."""
    classes = [node for source in sources() for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    found: dict[str, dict[str, object]] = {}
    while more := [each for each in classes if each.name not in found and _is_error(each, found)]:
        found |= {each.name: _assigned(each) for each in more}
    return found


def _is_error(node: ast.ClassDef, known: dict[str, dict[str, object]]) -> bool:
    return node.name == "TpsError" or any(isinstance(base, ast.Name) and base.id in known for base in node.bases)


def _assigned(node: ast.ClassDef) -> dict[str, object]:
    assigned: dict[str, object] = {"bases": [base.id for base in node.bases if isinstance(base, ast.Name)]}
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = statement.value
            assigned[statement.targets[0].id] = value.value if isinstance(value, ast.Constant) else value
    return assigned


def type_of(name: str) -> str:
    return str(error_classes()[name]["problem_type"])


def status_of(name: str) -> int:
    declared = error_classes()[name]
    if "http_status" in declared:
        return int(str(declared["http_status"]))
    [base] = declared["bases"]  # type: ignore[misc]
    return status_of(base)
