"""Keys: each row of a page's tables has a key, and the docstrings of the tests that prove the row begin with it."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.architecture.sources import ROOT

_KEY = r"[A-Z]{3}-[A-Z0-9]{2,3}"
_ROW = re.compile(rf"\| ({_KEY}) \|")
_PROOF = re.compile(rf"((?:{_KEY})(?:, {_KEY})*)[:.]")
_SHOWING = ("rule", "invariant", "step")


def rows(page: str) -> list[str]:
    """Return the content rows of the page's tables."""
    lines = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| ")]
    return [line for line in lines if not line.startswith(("| key", "|--", "| ---"))]


def keys_of(page: str) -> list[str]:
    """Return the keys of these rows in their order."""
    return [match.group(1) for line in rows(page) if (match := _ROW.match(line))]


@cache
def keys_in_tests() -> frozenset[str]:
    """Return the keys at the beginning of docstrings of tests, and of steps of random histories."""
    trees = (ast.parse(path.read_text()) for path in (ROOT / "tests").rglob("test_*.py"))
    return frozenset(key for tree in trees for docstring in _docstrings(tree) for key in keys_that_begin(docstring))


def keys_that_begin(docstring: str) -> list[str]:
    """Return the keys at the beginning of a docstring: `A-1, B-2: proof` has two."""
    match = _PROOF.match(docstring)
    return match.group(1).split(", ") if match else []


def _docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and _shows(node):
            yield ast.get_docstring(node) or ""


def _shows(function: ast.FunctionDef) -> bool:
    decorators = (each.func for each in function.decorator_list if isinstance(each, ast.Call))
    names = {each.id for each in decorators if isinstance(each, ast.Name)}
    return function.name.startswith("test_") or not names.isdisjoint(_SHOWING)
