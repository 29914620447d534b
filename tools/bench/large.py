"""One large content from an application to the platform's application by the web service, with its memory use."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, Sizes
from tools.faults.silence import eventually
from tools.story.grid import make_gln
from tps.host.settings import Settings
from tps.local import onboarding
from tps.local.files.service import Service
from tps.mades.file_names import OutgoingName
from tps.mades.ids import new_id

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_SENDER = 95_001
_TYPE = "TPS-POINT"
_LOOK_S = 0.05


def large(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Send, take in and give out incompressible content; measure the time, and peaks of resident memory by process."""
    content = random.Random(1).randbytes(sizes.large_mb * 1_000_000)
    sender = onboarding.add_party(
        stack, role="dso", code=make_gln(_SENDER), name="Grid of large contents", grid_prefixes=()
    )
    platform = Settings.from_env(stack.environment()).platform_component
    with (
        closing(Service(stack.gateway_url, sender["component"], sender["password"])) as sending,
        closing(Service(stack.gateway_url, platform, stack.vault.password("web-service.tps"))) as receiving,
    ):
        memory = _Memory(stack)
        memory.start()
        figures = [*memory.figures("before")]
        started = time.monotonic()
        message_id = sending.send(OutgoingName("bench", platform, _TYPE, new_id()), content, new_id())
        figures += [_seconds("SendMessage", started, sizes), *memory.figures("while it is sent")]
        eventually(lambda: sending.status(message_id).state in ("DELIVERED", "RECEIVED", "FAILED") or None)
        figures += [
            _seconds("from SendMessage to its delivery", started, sizes),
            *memory.figures("while it is taken in"),
        ]
        started = time.monotonic()
        received = _received(receiving, message_id)
        figures += [_seconds("ReceiveMessage", started, sizes), *memory.figures("while it is given out")]
        memory.finish()
    if hashlib.sha256(received).digest() != hashlib.sha256(content).digest():
        raise RuntimeError("the received content differs from the sent content")
    return figures


def _seconds(name: str, started: float, sizes: Sizes) -> Figure:
    return Figure("large", f"{sizes.large_mb} MB: {name}", time.monotonic() - started, "s")


def _received(service: Service, message_id: str) -> bytes:
    """Return the content of this message. Older messages of its type are confirmed first."""
    while (offered := service.receive(_TYPE)) is not None and offered.message_id != message_id:
        service.confirm(offered.message_id)
    return offered.content if offered else b""


class _Memory(threading.Thread):
    """Records peaks of resident memory since the last figures; on Linux only."""

    def __init__(self, stack: LocalStack):
        super().__init__(name="memory", daemon=True)
        self._stack = stack
        self._is_done = threading.Event()
        self._peaks_mb: dict[str, float] = {}
        self._forget()

    def run(self) -> None:
        """Sample often, because a process of the database may end with its work."""
        while not self._is_done.wait(_LOOK_S):
            self._look()

    def finish(self) -> None:
        self._is_done.set()
        self.join()

    def figures(self, when: str) -> Iterator[Figure]:
        """Yield the peaks of the largest worker, the broker, and the largest process of the database."""
        self._look()
        for name, peak_mb in self._peaks_mb.items():
            yield Figure("large", f"{name}, peak {when}", peak_mb, "MB")
        self._forget()

    def _look(self) -> None:
        for name, pids in self._pids().items():
            self._peaks_mb[name] = max(self._peaks_mb.get(name, 0.0), *map(_peak_mb, pids))

    def _forget(self) -> None:
        self._peaks_mb = {}
        for pid in {pid for pids in self._pids().values() for pid in pids}:
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _pids(self) -> dict[str, list[int]]:
        running = {name: int(process["pid"]) for name, process in self._stack.run_record()["processes"].items()}
        workers = [pid for name, pid in running.items() if name.startswith("worker")]
        return {
            "a worker": workers,
            "the broker": [running["nats"]],
            "a process of the database": [running["postgres"], *_children(running["postgres"])],
        }


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _peak_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1000
    return 0.0
