"""The folders of the GUI import one way: rules import nothing, the shell imports all others."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture.sources import ROOT

GUI = ROOT / "gui"

# What a folder may import besides itself. `lib` holds the third-party modules; it exists only in the published GUI.
RULES = {
    "rules": frozenset[str](),
    "data": frozenset({"rules", "lib"}),
    "drawing": frozenset({"rules", "lib"}),
    "views": frozenset({"rules", "data", "drawing", "lib"}),
    "shell": frozenset({"rules", "data", "drawing", "views", "lib"}),
}

# `import ... from "x"`, `export ... from "x"` and `import "x"` at the beginning of a line; `import("x")` anywhere.
_IMPORT = re.compile(
    r"""(?:^(?:(?:import|export)\b[^"';]*\bfrom\s*|import\s*)|\bimport\(\s*)["']([^"']+)["']""", re.MULTILINE
)


def imported(module: str, text: str) -> Iterator[str]:
    """Yield the path below `gui/` of each module that the text imports."""
    for target in _IMPORT.findall(text):
        yield _resolved(PurePosixPath(module).parent / target) if target.startswith(".") else target


def _resolved(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def broken_imports(module: str, text: str) -> list[str]:
    """Return the imports that the table does not allow."""
    folder = PurePosixPath(module).parts[0]
    allowed = RULES.get(folder, frozenset()) | {folder}
    return [path for path in imported(module, text) if path.partition("/")[0] not in allowed]


def modules() -> list[str]:
    """Return our modules by their path below `gui/`, without their tests."""
    names = (path.relative_to(GUI).as_posix() for path in GUI.rglob("*.js"))
    return sorted(name for name in names if not name.startswith(("tests/", "node_modules/")))


@pytest.mark.parametrize("module", modules())
def test_a_module_of_the_gui_imports_only_what_its_folder_may(module: str) -> None:
    text = (GUI / module).read_text()

    assert broken_imports(module, text) == []
    assert [path for path in imported(module, text) if not path.startswith("lib/") and not (GUI / path).exists()] == []


def test_every_module_of_the_gui_is_in_a_folder_with_a_rule() -> None:
    assert {PurePosixPath(module).parts[0] for module in modules()} == RULES.keys()


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("rules/x.js", 'import { html } from "../lib/preact.js";'),
        ("rules/x.js", 'import { useAnswer } from "../data/answers.js";'),
        ("data/x.js", 'import { Chart } from "../drawing/chart.js";'),
        ("drawing/x.js", 'import { useAnswer } from "../data/answers.js";'),
        ("views/x.js", 'import { App } from "../shell/app.js";'),
        ("views/x.js", 'export { App } from "../shell/app.js";'),
        ("views/x.js", 'const app = await import("../shell/app.js");'),
        ("views/x.js", 'import "../shell/app.js";'),
        ("views/x.js", 'import {\n  App,\n} from "../shell/app.js";'),
        ("shell/x.js", 'import { test } from "../tests/time.test.js";'),
        ("shell/x.js", 'import { test } from "node:test";'),
        ("x.js", 'import { words } from "./rules/texts.js";'),
    ],
)
def test_the_rules_of_the_gui_refuse(module: str, text: str) -> None:
    assert broken_imports(module, text)


def test_an_import_within_a_folder_or_towards_the_rules_is_allowed() -> None:
    assert not broken_imports(
        "views/x.js", 'import { Time } from "./parts.js";\nimport { iso } from "../rules/time.js";'
    )
