"""The supervisor starts child processes, restarts those that die, reports each restart, and stops all in order."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from tps.local.embedded.failure import StackError
from tps.local.embedded.process import Process, last_lines, spawn

_POLL_S = 0.1
_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 30.0
# A child that ran this long restarts with the shortest delay again.
_STABLE_S = 5.0
_DEATHS_BEFORE_READY = 4


@dataclass(slots=True)
class _Child:
    process: Process
    due: float
    running: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    delay_s: float = _FIRST_DELAY_S
    deaths: int = 0
    is_stopping: bool = False


class Supervisor:
    """Child processes of this process. One thread starts all, and lives as long as they do.

    Args:
        say: Receives messages for people.
        changed: Called with name -> (pid, command) when the set of running processes changes.
    """

    def __init__(self, say: Callable[[str], None], changed: Callable[[dict[str, tuple[int, tuple[str, ...]]]], None]):
        self._say = say
        self._changed = changed
        self._children: dict[str, _Child] = {}
        self._condition = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, process: Process) -> None:
        """Start a child now, and restart it whenever it dies."""
        with self._condition:
            self._children[process.name] = _Child(process, due=time.monotonic())
            self._condition.notify_all()

    def stop(self, names: Iterable[str]) -> None:
        """Stop these children together, kill those that do not stop in time, and forget them."""
        wanted = set(names)
        with self._condition:
            children = [child for name, child in self._children.items() if name in wanted]
            for child in children:
                child.is_stopping = True
        for child in children:
            _signal(child, child.process.stop_signal)
        for child in children:
            _wait(child)
        with self._condition:
            for child in children:
                self._children.pop(child.process.name, None)
        self._tell()

    def close(self) -> None:
        """Stop all remaining children and the supervising thread."""
        self.stop(list(self._children))
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        self._thread.join()

    def pid(self, name: str) -> int | None:
        """Return the process id of a running child; None while it does not run."""
        child = self._children.get(name)
        running = child.running if child else None
        return running.pid if running is not None and running.poll() is None else None

    def process(self, name: str) -> Process:
        """Return how a child is started; raises KeyError for an unknown name."""
        return self._children[name].process

    def running(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return name -> (process id, command) of the running children."""
        return {
            name: (child.running.pid, child.process.command)
            for name, child in list(self._children.items())
            if child.running is not None
        }

    def check(self, name: str) -> None:
        """Raise if a child that is not ready yet dies repeatedly.

        Raises:
            StackError: The child does not start. The message has the last lines of its log.
        """
        child = self._children[name]
        if child.deaths >= _DEATHS_BEFORE_READY:
            raise StackError(f"{name} does not start; the end of {child.process.log}:\n{last_lines(child.process.log)}")

    def _watch(self) -> None:
        with self._condition:
            while not self._is_closed:
                if self._look():
                    self._tell()
                self._condition.wait(_POLL_S)

    def _look(self) -> bool:
        is_changed = False
        for child in self._children.values():
            if child.is_stopping:
                continue
            if child.running is not None and child.running.poll() is not None:
                self._bury(child)
            if child.running is None and child.due <= time.monotonic():
                child.running = spawn(child.process)
                child.started_at = time.monotonic()
                is_changed = True
        return is_changed

    def _bury(self, child: _Child) -> None:
        assert child.running is not None
        lived_s = time.monotonic() - child.started_at
        child.delay_s = _FIRST_DELAY_S if lived_s > _STABLE_S else min(child.delay_s * 2, _LONGEST_DELAY_S)
        child.deaths += 1
        child.due = time.monotonic() + child.delay_s
        # Processes that the child started must not keep its port or its files.
        _kill_group(child.running.pid)
        self._say(
            f"{child.process.name} died ({_cause(child.running.returncode)}) after {lived_s:.1f} s; "
            f"restarting in {child.delay_s:.1f} s. The last lines of its log:\n{last_lines(child.process.log)}"
        )
        child.running = None

    def _tell(self) -> None:
        self._changed(self.running())


def _signal(child: _Child, number: signal.Signals) -> None:
    if child.running is not None and child.running.poll() is None:
        child.running.send_signal(number)


def _wait(child: _Child) -> None:
    if child.running is None:
        return
    with suppress(subprocess.TimeoutExpired):
        child.running.wait(child.process.stop_timeout_s)
    _kill_group(child.running.pid)
    child.running.wait()


def _kill_group(pid: int) -> None:
    """Kill the whole session of a child. Helper processes may outlive its leader."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _cause(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    return signal.Signals(-returncode).name
