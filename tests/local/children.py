"""Small processes to supervise, and checks of the processes of this machine."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tps.local.embedded.process import Process

DEADLINE_S = 15.0
SLEEPER = "import time; print('here', flush=True); time.sleep(600)"


def make_process(folder: Path, code: str = SLEEPER, name: str = "child", **details: object) -> Process:
    """Return a child that runs this Python code."""
    command = (sys.executable, "-c", code)
    return Process(name=name, command=command, folder=folder, log=folder / "logs" / f"{name}.log", **details)  # type: ignore[arg-type]


def eventually(is_so: Callable[[], object], what: str) -> None:
    """Wait until the condition holds; fail after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, f"not in {DEADLINE_S:.0f} s: {what}"
        time.sleep(0.02)


def logged(folder: Path, name: str = "child") -> str:
    """Return the output of a child so far."""
    log = folder / "logs" / f"{name}.log"
    return log.read_text() if log.exists() else ""


def is_gone(pid: int) -> bool:
    """Return True if no such process runs; a zombie counts as gone."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
