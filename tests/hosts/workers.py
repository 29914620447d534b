"""One function in its own process, as Knative runs the image: TPS_FUNCTION, PORT, and the settings of its groups."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from tps.host.stack import FunctionEntry
from tps.local.embedded.ports import free_ports
from tps.local.embedded.stack import LocalStack

READY_WITHIN_S = 40
STOP_WITHIN_S = 20
_GROUPS = ("agr", "dso", "tps", "ecp")


@dataclass(frozen=True)
class Worker:
    """A running worker and its URL."""

    process: subprocess.Popen[bytes]
    url: str


@contextmanager
def running_worker(stack: LocalStack, entry: FunctionEntry) -> Iterator[Worker]:
    """Run a worker during the block, and yield it when it answers."""
    with started_worker(stack, entry) as worker:
        _wait_ready(worker)
        yield worker


@contextmanager
def started_worker(stack: LocalStack, entry: FunctionEntry) -> Iterator[Worker]:
    """Start a worker, ready or not. It is ended with the block."""
    (port,) = free_ports(1)
    passed_on = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    own = {**passed_on, "TPS_FUNCTION": entry.name, "PORT": str(port)}
    command = [sys.executable, "-m", "tps.host.worker"]
    environment = {**of_groups(stack.environment(), entry.groups), **own}
    worker = Worker(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL), f"http://127.0.0.1:{port}")
    try:
        yield worker
    finally:
        worker.process.terminate()
        worker.process.wait(STOP_WITHIN_S)


def of_groups(environment: Mapping[str, str], groups: tuple[str, ...]) -> dict[str, str]:
    """Return the settings of these groups only: a function has no secrets of other groups."""
    foreign = tuple(f"TPS_{group.upper()}_" for group in _GROUPS if group not in groups)
    own = {name: value for name, value in environment.items() if not name.startswith(foreign)}
    return {**own, "TPS_GROUPS": ",".join(groups)}


def _wait_ready(worker: Worker) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not _is_ready(worker.url):
        assert worker.process.poll() is None, f"ended with {worker.process.returncode}"
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.05)


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health/readiness", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False
