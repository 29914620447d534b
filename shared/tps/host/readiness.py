"""Readiness of a process: one shared answer, kept briefly, so that many probes cost no more than one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

KEPT_S = 1.0
_NEVER = float("-inf")


class Readiness:
    """Whether every store answers.

    Args:
        probes: One per store. Each returns True if its store answers, within about 2 s.
        kept_s: Age at which an answer is renewed.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        probes: Sequence[Callable[[], bool]],
        *,
        kept_s: float = KEPT_S,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._probes = probes
        self._kept_s = kept_s
        self._clock = clock
        self._looking = threading.Lock()
        self._is_ready = False
        self._looked_at = _NEVER

    def is_ready(self) -> bool:
        """Return whether every store answered a moment ago.

        One caller renews an old answer. The others get the last answer meanwhile, and False before the first one: a
        store that is away must not hold a thread for every probe.
        """
        is_old = self._clock() - self._looked_at >= self._kept_s
        if is_old and self._looking.acquire(blocking=False):
            try:
                self._is_ready = self._look()
                self._looked_at = self._clock()
            finally:
                self._looking.release()
        return self._is_ready

    def _look(self) -> bool:
        with ThreadPoolExecutor(max(len(self._probes), 1)) as pool:
            return all(pool.map(lambda probe: probe(), self._probes))
