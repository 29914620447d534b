"""The platform operator's overview: a day of many operators with many limits; time and size of each route."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, Sizes
from tools.bench.watched import Watched, Watcher, make_watched, window_of
from tools.story.actor import open_http

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_STORY = 84
_POLLS = 20
_CONFLICTS = "conflicts of all, the worst 100"


def overview(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Measure each route, for the first and for repeated requests."""
    with open_http() as http:
        watched = make_watched(stack, http, sizes, _STORY)
        watcher = Watcher(http, stack)
        queries = _queries(watched)
        figures = [figure for name, path in queries.items() for figure in _figures(watcher, name, path)]
        watched.plan_anew()
        started = time.perf_counter()
        watcher.ask(queries[_CONFLICTS])
        after_ms = 1000 * (time.perf_counter() - started)
        return [*figures, Figure("overview", f"{_CONFLICTS}, after one operator planned again", after_ms, "ms")]


def _queries(watched: Watched) -> dict[str, str]:
    dso, operator, window = watched.dso, watched.operator, window_of(watched)
    return {
        "plans of all, totals": f"schedules?{window}",
        "plans of one operator, totals": f"schedules?party={operator}&{window}",
        "plans of one operator, 100 changed assets": f"schedules?party={operator}&per_asset=true&limit=100&{window}",
        "limits of all, as bars": f"limits?summary=true&{window}",
        "limits of one operator, with parts": f"limits?party={operator}&{window}",
        _CONFLICTS: f"conflicts?dso={dso}&limit=100&{window}",
        "conflicts of one operator": f"conflicts?agr={operator}&{window}",
        "changes, nothing new": "changes",
    }


def _figures(watcher: Watcher, name: str, path: str) -> list[Figure]:
    """Return time and size of the first answer, and the median time of later answers."""
    times = []
    for _ in range(_POLLS):
        started = time.perf_counter()
        answer = watcher.ask(path)
        times.append(time.perf_counter() - started)
    return [
        Figure("overview", f"{name}, first", 1000 * times[0], "ms"),
        Figure("overview", f"{name}, again", 1000 * sorted(times[1:])[len(times) // 2], "ms"),
        Figure("overview", f"{name}, size", len(answer.content) / 1000, "kB"),
    ]
