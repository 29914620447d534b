"""A process that is alive and connected but does nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.world import eventually
from tps.local.embedded.stack import LocalStack


@contextmanager
def halted(stack: LocalStack, name: str) -> Iterator[None]:
    """Halt a process with all its threads for the block. On a busy machine, some threads run on for a while."""
    pid = stack.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: _states(pid) <= {"T", "t"})
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _states(pid: int) -> set[str]:
    """Return the states of its threads, on Linux."""
    states = set()
    for thread in Path("/proc", str(pid), "task").glob("*/stat"):
        with suppress(OSError):  # A thread may just have ended.
            states.add(thread.read_text().rpartition(")")[2].split()[0])
    return states
