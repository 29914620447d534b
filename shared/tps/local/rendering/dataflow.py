"""docs/dataflow.md: what invokes each function, as a diagram and as tables."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from tps.host.stack import FunctionEntry, consumers

INTRODUCTION = """\
# Dataflow: what invokes each function

Three things invoke a function: a call on one of its routes, a message of a type that it takes (one durable consumer per
group and type), or a tick. Functions never call each other. They exchange messages.
"""


def dataflow(stack: tuple[FunctionEntry, ...]) -> str:
    """Return the page in Markdown."""
    parts = [INTRODUCTION, *_diagram(stack), "", *_functions(stack), "", *_requirements(stack)]
    return "\n".join(parts) + "\n"


def _diagram(stack: tuple[FunctionEntry, ...]) -> Iterator[str]:
    yield from ("```mermaid", "flowchart LR")
    for group in _groups(stack):
        yield from _group_nodes(group, stack)
    for entry in stack:
        yield f'    {entry.name}["{entry.name}"]'
        yield from _edges(entry)
    yield "```"


def _group_nodes(group: str, stack: tuple[FunctionEntry, ...]) -> Iterator[str]:
    if any(_routes_of(entry, group) for entry in stack):
        yield f'    {group}_caller(["{group} caller"])'
    if any(taker == group for taker, _ in consumers(stack)):
        yield f'    {group}_inbox[/"mades.{group}"/]'


def _edges(entry: FunctionEntry) -> Iterator[str]:
    for group in entry.groups:
        if routes := _routes_of(entry, group):
            yield f'    {group}_caller -- "{"<br/>".join(routes)}" --> {entry.name}'
    for group, topics in groupby(sorted(entry.topics), key=lambda topic: topic[0]):
        yield f'    {group}_inbox -- "{"<br/>".join(name for _, name in topics)}" --> {entry.name}'
    if entry.tick_s:
        yield f'    clock(("tick")) -. "every {entry.tick_s:g} s" .-> {entry.name}'


def _functions(stack: tuple[FunctionEntry, ...]) -> Iterator[str]:
    yield from ("## By function", "")
    yield "| function | groups | routes | message types | tick | requirements |"
    yield "|---|---|---|---|---|---|"
    yield from (_function_row(entry) for entry in stack)


def _function_row(entry: FunctionEntry) -> str:
    cells = [
        f"`{entry.name}`",
        ", ".join(entry.groups),
        _lines(entry.routes) + (" (may wait)" if entry.waits else ""),
        _lines(f"{group}/{name}" for group, name in entry.topics),
        f"{entry.tick_s:g} s" if entry.tick_s else "",
        ", ".join(entry.serves),
    ]
    return f"| {' | '.join(cells)} |"


def _requirements(stack: tuple[FunctionEntry, ...]) -> Iterator[str]:
    yield from ("## By requirement", "", "| requirement | functions |", "|---|---|")
    for requirement in sorted({name for entry in stack for name in entry.serves}):
        serving = (entry.name for entry in stack if requirement in entry.serves)
        yield f"| {requirement} | {', '.join(f'`{name}`' for name in serving)} |"


def _groups(stack: tuple[FunctionEntry, ...]) -> list[str]:
    return sorted({group for entry in stack for group in entry.groups})


def _routes_of(entry: FunctionEntry, group: str) -> list[str]:
    return [route for route in entry.routes if route.startswith(f"/{group}/")]


def _lines(words: Iterable[str]) -> str:
    return "<br>".join(f"`{word}`" for word in words)
