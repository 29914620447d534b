"""The description of a child process, and how it is started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_WRAPPER = Path(__file__).with_name("child.py")
_LOG_BYTES = 10 * 1024 * 1024
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class User:
    """The user that a child becomes. None in `Process` keeps the user of the supervisor."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Process:
    """One child: its command, its user and its signals.

    Attributes:
        name: Unique in its supervisor. Its log is `<name>.log`.
        command: Absolute path of the program, and arguments. Never a secret: every user of the machine can see them.
        environment: Added to the few harmless variables that are inherited. May contain secrets.
        kept_fds: File descriptors that the child inherits under the same numbers.
        stop_signal: Asks the child to stop.
        death_signal: The child receives it when the supervisor ends.
        stop_timeout_s: Seconds from the stop signal to SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    kept_fds: tuple[int, ...] = ()
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stop_timeout_s: float = 10.0


def base_environment() -> dict[str, str]:
    """Return the variables of our environment that a child inherits."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def spawn(process: Process) -> subprocess.Popen[bytes]:
    """Start a child in its own session, with its output in its log.

    The calling thread must live as long as the child, because for the kernel the end of the thread is the parent's end.
    """
    user = process.user or User(-1, -1)
    wrapper = [sys.executable, "-I", "-S", str(_WRAPPER), str(os.getpid()), str(int(process.death_signal))]
    _rotate(process.log)
    with process.log.open("ab") as log:
        log.write(f"--- {process.name} starts at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n".encode())
        log.flush()
        return subprocess.Popen(
            [*wrapper, str(user.uid), str(user.gid), *process.command],
            cwd=process.folder,
            env={**base_environment(), **process.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=process.kept_fds,
            start_new_session=True,
        )


def last_lines(log: Path, count: int = 8) -> str:
    """Return the end of a child's log, which shows why it ended."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
