"""Figures, the sizes of the benches, and their output."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the benches; the defaults are those of the published figures.

    Attributes:
        assets: Assets of the grid to register, list, encode and divide.
        operators: Numbers of operators for the fan-out.
        updated: Operators whose limit is updated.
        planned: Assets in one call of the feeds.
        rounds: Repetitions of fast measurements.
        watched, watched_limits: Operators and limits in the platform operator's overview.
        silent: Messages sent while their receiver is down.
        large_mb: Size of a large content.
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
    """One figure: its bench, name, value and unit."""

    bench: str
    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.bench:13} {self.name:58} {_readable(self.value):>12} {self.unit}"


def machine() -> dict[str, str | int]:
    """Return the machine's properties that a program can read."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def quantiles(bench: str, name: str, seconds: Sequence[float]) -> list[Figure]:
    """Return median and 99th percentile in milliseconds; with less than a hundred values, the longest."""
    ordered = sorted(seconds)
    highest = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return [
        Figure(bench, f"{name}, p50", 1000 * statistics.median(ordered), "ms"),
        Figure(bench, f"{name}, p99", 1000 * highest, "ms"),
    ]


def best_of(rounds: int, work: Callable[[], object]) -> float:
    """Return the seconds of the fastest run, which other load disturbs least."""
    return min(timed(work) for _ in range(rounds))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _readable(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
