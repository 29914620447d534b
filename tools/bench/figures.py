"""What is measured, how much of it, and how it is told."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the benches are; the defaults are the published ones.

    Attributes:
        assets: Of the grid that is registered, listed, encoded, divided.
        operators: Fan-outs to measure, in numbers of operators.
        updated: Operators whose limit is updated.
        planned: Assets that are planned, or told of, in one call.
        rounds: How often what is quick is repeated.
        watched, watched_limits: Operators and limits that the platform operator looks at.
        silent: Messages that are sent while their receiver is down.
        large_mb: Size of one large content.
    """

    assets: int = 17_505
    operators: tuple[int, ...] = (3, 50)
    updated: int = 10
    planned: int = 2_000
    rounds: int = 30
    watched: int = 50
    watched_limits: int = 1_000
    silent: int = 1_000
    large_mb: int = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: of which bench, of what, and in which unit."""

    bench: str
    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.bench:13} {self.name:58} {_readable(self.value):>12} {self.unit}"


def machine() -> dict[str, str | int]:
    """What the figures were measured on, as far as a program can know."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def quantiles(bench: str, name: str, seconds: Sequence[float]) -> list[Figure]:
    """Median and 99th percentile (the longest, of less than a hundred) in milliseconds."""
    ordered = sorted(seconds)
    highest = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return [
        Figure(bench, f"{name}, p50", 1000 * statistics.median(ordered), "ms"),
        Figure(bench, f"{name}, p99", 1000 * highest, "ms"),
    ]


def best_of(rounds: int, work: Callable[[], object]) -> float:
    """Seconds of the quickest of several runs: what the work costs when nothing else disturbs."""
    return min(timed(work) for _ in range(rounds))


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _readable(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
