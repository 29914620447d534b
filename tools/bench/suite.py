"""All benches by name, run one after the other, with output as text or JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from tools.bench import broken, browser, feeds, large, overview, pure, served
from tools.bench.figures import Figure, Sizes, machine
from tps.host.stack import consumers, load_stack
from tps.local.embedded.stack import LocalStack
from tps.local.embedded.up import Up, running
from tps.local.onboarding import ensure_platform

PURE: dict[str, Callable[[Sizes], list[Figure]]] = {"fairness": pure.fairness, "documents": pure.documents}
SERVED: dict[str, Callable[[LocalStack, Sizes], list[Figure]]] = {
    "registration": served.registration,
    "limits": served.limits,
    "schedules": feeds.schedules,
    "changes": feeds.changes,
    "overview": overview.overview,
}
BROKEN: dict[str, Callable[[float | None], list[Figure]]] = {"faults": broken.faults, "power": broken.power}
ALONE: dict[str, Callable[[LocalStack, Sizes], list[Figure]]] = {
    "silence": broken.silence,
    "large": large.large,
    "gui": browser.gui,
}
WORKERS = 2


def main(names: Sequence[str], is_json: bool, seconds: float | None = None) -> None:
    """Run the named benches and print their figures; by default those that neither break nor overload anything.

    Args:
        seconds: How long `faults` and `power` cause faults; None for the published duration.

    Raises:
        click.BadParameter: Unknown bench.
        ViolatedError: A fault caused harm.
    """
    known = (*PURE, *SERVED, *ALONE, *BROKEN)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.BadParameter(f"unknown bench {unknown[0]}; known: {', '.join(known)}")
    figures = list(_printed(measure(names or (*PURE, *SERVED), Sizes(), seconds), is_json))
    if is_json:
        print(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}, indent=1))


def measure(names: Sequence[str], sizes: Sizes, seconds: float | None = None) -> Iterator[Figure]:
    """Yield figures as they are measured. Benches with a stack get a fresh one in a temporary folder.

    There, the batching window has no length unless TPS_BATCH_WINDOW_S is set, so that waiting is not measured.
    """
    for name in names:
        if name in PURE:
            yield from PURE[name](sizes)
    wanted = {name: bench for name, bench in (SERVED | ALONE).items() if name in names}
    if wanted:
        os.environ.setdefault("TPS_BATCH_WINDOW_S", "0")
        with tempfile.TemporaryDirectory(prefix="tps-bench-") as folder, running(_up(Path(folder))) as stack:
            for bench in wanted.values():
                yield from bench(stack, sizes)
    for name in names:
        if name in BROKEN:
            yield from BROKEN[name](seconds)


def _printed(figures: Iterator[Figure], is_json: bool) -> Iterator[Figure]:
    """Print and yield each figure. With JSON, print to standard error, for people who wait."""
    channel = sys.stderr if is_json else sys.stdout
    print(", ".join(f"{name} {value}" for name, value in machine().items()), file=channel)
    for figure in figures:
        print(figure, file=channel, flush=True)
        yield figure


def _up(data: Path) -> Up:
    return Up(data=data, port=0, workers=WORKERS, consumers=consumers(load_stack()), prepare=ensure_platform)
