"""Our sources, parsed for the architecture tests."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file of shared/tps, functions or tools."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path from the root, for messages of failing tests."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def room(self) -> str:
        """Return `functions`, `tools`, or the file's part of `tps`: `domain`, `stores`, `errors`, ..."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return parts[2] if parts[0] == "shared" else parts[0]

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree, which each rule goes through."""
        return list(ast.walk(self.tree))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield (line, module) of every import. `from a import b` yields `a.b`, because b may be a module."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

    def functions(self) -> Iterator[Function]:
        return (node for node in self.nodes if isinstance(node, Function))


@cache
def sources() -> tuple[Source, ...]:
    """Return all sources, ordered by path."""
    paths = [path for place in ("shared/tps", "functions", "tools") for path in (ROOT / place).rglob("*.py")]
    return tuple(Source(path) for path in sorted(paths) if path != ROOT / "shared" / "tps" / "__init__.py")


def source_of(path: Path, text: str) -> Source:
    """Return a source with the given text, for a test."""
    source = Source(path)
    source.__dict__["text"] = text
    return source
