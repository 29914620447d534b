"""A name in a room means one thing, and every public function and class has a user."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from tests.architecture.sources import ROOT, Function, Source, source_of, sources


def room_of(source: Source) -> str:
    """Return the room of a module. A function is a room of its own: functions never import each other."""
    return source.path.parent.name if source.room == "functions" else source.room


def repeated_classes(files: Iterable[Source]) -> dict[str, list[str]]:
    """Return the classes whose name a room has twice, by room and name, with their files."""
    files_of: defaultdict[str, list[str]] = defaultdict(list)
    for source in files:
        for node in source.nodes:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files_of[f"{room_of(source)}: {node.name}"].append(source.name)
    return {name: places for name, places in files_of.items() if len(places) > 1}


def public_definitions(source: Source) -> Iterator[str]:
    """Yield the public functions and classes of a module, without functions that a decorator registers (commands)."""
    for node in source.tree.body:
        is_registered = isinstance(node, Function) and node.decorator_list
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not is_registered:
            yield node.name


def used_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield every name that the code reads or imports, also a name in a string (`monkeypatch`, entry points)."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.rpartition(".")[2]


@cache
def names_in_use() -> frozenset[str]:
    """Return the names that the sources and the tests use, and the entry points in pyproject.toml."""
    tests = (ast.parse(path.read_text()) for path in (ROOT / "tests").rglob("*.py"))
    nodes = [*(source.nodes for source in sources()), *(ast.walk(tree) for tree in tests)]
    scripts = (ROOT / "pyproject.toml").read_text().replace('"', " ").replace(":", " ").split()
    return frozenset(name for each in nodes for name in used_names(each)) | frozenset(scripts)


def unused(source: Source) -> list[str]:
    # parliament calls `main` of a function.
    return [name for name in public_definitions(source) if name != "main" and name not in names_in_use()]


def test_no_room_has_two_classes_of_one_name() -> None:
    assert repeated_classes(sources()) == {}


def test_every_public_name_is_used() -> None:
    assert {source.name: names for source in sources() if (names := unused(source))} == {}


def test_a_repeated_class_is_seen() -> None:
    files = [source_of(ROOT / f"shared/tps/dso/{name}.py", "class Known: ...") for name in ("a", "b")]

    assert repeated_classes(files) == {"dso: Known": ["shared/tps/dso/a.py", "shared/tps/dso/b.py"]}


def test_an_unused_function_is_seen() -> None:
    name = "nobody_" + "calls_this"

    assert unused(source_of(ROOT / "shared/tps/dso/a.py", f"def {name}(): ...")) == [name]
