"""Files of a running stack for other commands and for the next start: `run.json` and the lock."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tps.local.embedded.failure import StackError

_KILL_WAIT_S = 10.0
_POLL_S = 0.02


def write_private(path: Path, text: str) -> None:
    """Write a file atomically that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object; empty if the file is missing or truncated."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def lock(folder: Path) -> IO[str] | None:
    """Lock the data folder for this process; return None if another process has the lock.

    The lock ends with the process.
    """
    try:
        file = (folder / "lock").open("a")
    except OSError as error:
        raise StackError(f"cannot write to the data folder {folder}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until no other process is in a block of this name."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def end_leftovers(run: dict[str, Any]) -> list[str]:
    """Kill children of a killed stack, by process id and command line. Return the names of the killed children."""
    import psutil

    ended = []
    for name, child in run.get("processes", {}).items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(child["pid"])
            # Before the wrapper becomes the server, the server's command is the end of the wrapper's command.
            if process.cmdline()[-len(child["command"]) :] == child["command"]:
                _end(process)
                ended.append(name)
    return ended


def _end(process: Any) -> None:
    import psutil

    family = [process, *process.children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + _KILL_WAIT_S
    while any(map(_runs, family)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _runs(process: Any) -> bool:
    """Return False for an ended process. A zombie holds no port and no file, so it counts as ended."""
    import psutil

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
