"""Each function names the statements of docs/privacy.md that it must keep."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.keys import keys_of

ROOT = Path(__file__).resolve().parents[2]
STATED = set(keys_of("docs/privacy.md"))
FUNCTIONS = sorted((ROOT / "functions").glob("*/func.py"))


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_a_function_names_the_statements_it_must_keep(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    (line,) = re.findall(r"^Privacy: +(.+) \(docs/privacy\.md\)\.$", docstring, re.MULTILINE)

    assert set(line.split(", ")) <= STATED
