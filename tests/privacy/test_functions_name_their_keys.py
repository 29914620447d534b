"""Each function says which statements of docs/privacy.md it must keep."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATED = set(re.findall(r"^\| ([A-Z]{3}-[A-Z0-9]{2,3}) \|", (ROOT / "docs/privacy.md").read_text(), re.MULTILINE))
FUNCTIONS = sorted((ROOT / "functions").glob("*/func.py"))


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_function_names_the_statements_it_must_keep(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    (line,) = re.findall(r"^Privacy: +(.+) \(docs/privacy\.md\)\.$", docstring, re.MULTILINE)

    assert set(line.split(", ")) <= STATED
