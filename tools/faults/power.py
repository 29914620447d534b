"""Power loss, stood in for: every process ends by kill -9, and what was not synced to disk is dropped.

The data folder lies on a file system of its own inside a file. The kernel writes nothing back by itself meanwhile
(periodic write-back off, rare journal commits), so at any moment the file holds what was synced and little else. A copy
of it, mounted in its place, is the disk that the next start finds. Needs root and loop mounts.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tools.faults.run import Losses, Plan, Report, Traffic, conclude
from tools.faults.system import System

_WRITEBACK = Path("/proc/sys/vm/dirty_writeback_centisecs")
_SIZE_MB = 4096


@dataclass
class Disk:
    """A file system in a file, mounted; `lose_power` goes back to what was synced."""

    folder: Path

    @property
    def mount_point(self) -> Path:
        return self.folder / "disk"

    @property
    def _image(self) -> Path:
        return self.folder / "disk.img"

    def make(self) -> None:
        self.mount_point.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(_SIZE_MB * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self._mount()

    def lose_power(self) -> None:
        """Drop what was not synced; nothing may use the disk any more."""
        synced = self.folder / "synced.img"
        _run("cp", "--sparse=always", str(self._image), str(synced))
        self.unmount()
        synced.replace(self._image)
        self._mount()

    def unmount(self) -> None:
        deadline = time.monotonic() + 20
        while subprocess.run(["umount", str(self.mount_point)], capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError("the disk is in use")
            time.sleep(0.1)

    def _mount(self) -> None:
        _run("mount", "-o", "loop,commit=600", str(self._image), str(self.mount_point))


def why_not() -> str | None:
    """Why this machine cannot lose power, or None if it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not Path("/dev/loop-control").exists() or not os.access(_WRITEBACK, os.W_OK):
        return "needs loop devices and the right to set the kernel's write-back"
    if shutil.which("mkfs.ext4") is None:
        return "needs mkfs.ext4"
    return None


def run_power_loss(folder: Path, plan: Plan, losses: int) -> Report:
    """Traffic over several power losses; the plan's kills and pauses are left out."""
    disk = Disk(folder)
    disk.make()
    system = System(disk.mount_point / "data", plan.workers)
    try:
        with _no_write_back():
            system.start()
            return _play(system, disk, plan, losses)
    finally:
        system.kill_all()
        with suppress(RuntimeError):
            disk.unmount()


def _play(system: System, disk: Disk, plan: Plan, losses: int) -> Report:
    traffic = Traffic.begin(system, plan)
    sender = traffic.sender
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        limits: list[Future[None]] = [pool.submit(sender.send, number) for number in range(plan.limits // 2)]
        for loss in range(losses):
            time.sleep(plan.seconds / losses)
            system.kill_all()
            disk.lose_power()
            system.start()
            rest = range(plan.limits // 2 + loss, plan.limits, losses)
            limits += [pool.submit(sender.send, number) for number in rest]
        for registrar in traffic.registrars:
            registrar.register(0)
        for future in limits:
            future.result()
    faults_s = time.monotonic() - started
    done = Losses({"everything, and what was not synced": losses})
    return conclude(system, traffic, faults_s=faults_s, injuries=done)


@contextmanager
def _no_write_back() -> Iterator[None]:
    before = _WRITEBACK.read_text()
    _WRITEBACK.write_text("0")
    try:
        yield
    finally:
        _WRITEBACK.write_text(before)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
