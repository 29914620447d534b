"""The system under test: `tps up` as its own process, so that its supervisor can be killed, too."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2

from tps.host.settings import Settings
from tps.host.stack import consumers, load_stack
from tps.local import onboarding, tokens
from tps.local.embedded.ports import free_ports
from tps.local.embedded.stack import attach_or_start

STORES = ("nats", "postgres", "s3")
CHILDREN = (*STORES, "delivery")
_READY_S = 90.0


class System:
    """A stack on a data folder, run by `tps up`, that can be killed and restarted.

    Args:
        data: Data folder.
        workers: Worker processes.
    """

    def __init__(self, data: Path, workers: int):
        self.data = data
        self.port = free_ports(1)[0]
        self.workers = workers
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the names of all processes that can be killed."""
        workers = (f"worker-{number}" for number in range(1, self.workers + 1))
        return (*workers, *CHILDREN, "supervisor")

    def start(self) -> None:
        """Start, and wait until everything answers; raises RuntimeError otherwise."""
        log = (self.data.parent / f"{self.data.name}.up.log").open("a")
        command = [sys.executable, "-m", "tps.local.cli", "up", "--data", str(self.data), "--port", str(self.port)]
        with log:
            self._process = subprocess.Popen(
                [*command, "--workers", str(self.workers)], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        if not self._process.stdout.readline().startswith("ready"):
            raise RuntimeError(f"the system does not start; see {log.name}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._close_output()

    def pid(self, target: str) -> int | None:
        """Return the process id of a target; None while it does not run."""
        if target == "supervisor":
            return self._process.pid if self._process else None
        try:
            record = json.loads((self.data / "run.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        process = record["processes"].get(target)
        return int(process["pid"]) if process else None

    def kill(self, target: str) -> bool:
        """Kill a target with SIGKILL and restart the supervisor; return False if the target was not running."""
        with self._lock:
            pid = self.pid(target)
            if pid is None or not _signal(pid, signal.SIGKILL):
                return False
            if target == "supervisor":
                assert self._process is not None
                self._process.wait()
                self._close_output()
                self.start()
            return True

    def kill_all(self) -> None:
        """Kill all processes at once with SIGKILL, without a restart."""
        pids = [pid for target in self.targets if (pid := self.pid(target))]
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._close_output()
        while any(_is_alive(pid) for pid in pids):
            time.sleep(0.02)

    def pause(self, target: str, seconds: float, stop: threading.Event) -> bool:
        """Stop a target by SIGSTOP for a while: alive and connected, but silent."""
        pid = self.pid(target)
        if pid is None or not _signal(pid, signal.SIGSTOP):
            return False
        stop.wait(seconds)
        _signal(pid, signal.SIGCONT)
        return True

    def wait_ready(self) -> None:
        """Wait until every store and function answers; raises RuntimeError after the timeout."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/health/readiness", timeout=5).status_code == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError("the system did not become ready again")

    def onboard(self, role: str, codes: list[str]) -> dict[str, str]:
        """Onboard parties, and return a bearer token for each."""
        issued = {}
        with attach_or_start(self.data, consumers=consumers(load_stack())) as stack:
            settings = Settings.from_env(stack.environment())
            for code in codes:
                onboarding.add_party(stack, role=role, code=code, name=f"Party {code}", grid_prefixes=())
                issued[code] = tokens.sign(stack, settings, code, role)
        return issued

    def dead_letters(self) -> int:
        """Return the number of dead letters."""
        import asyncio

        import nats

        async def count() -> int:
            with attach_or_start(self.data, consumers=consumers(load_stack())) as stack:
                url, user, password = stack.nats_admin
                client = await nats.connect(url, user=user, password=password)
                info = await client.jetstream().stream_info("DEAD")
                await client.close()
                return int(info.state.messages)

        return asyncio.run(count())

    def memory_mb(self) -> dict[str, int]:
        """Return the resident memory of each process; on Linux only."""
        return {name: _resident_mb(pid) for name in self.targets if (pid := self.pid(name))}

    def _close_output(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    """Return False for an ended process, also for a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _resident_mb(pid: int) -> int:
    fields: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            fields[name] = value.split()
    return int(fields["VmRSS"][0]) // 1024 if "VmRSS" in fields else 0
