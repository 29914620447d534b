"""Simulated power loss: every process ends by kill -9, and data that was not synced to disk is dropped.

The data folder is on a file system of its own inside a file. Meanwhile the kernel writes nothing back by itself (no
periodic write-back, rare journal commits), so the file contains the synced data and little else. A copy of the file,
mounted in its place, is the disk of the next start. Needs root and loop mounts.
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
    """A mounted file system in a file; `lose_power` returns to the synced state."""

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
        """Drop unsynced data. No process may use the disk."""
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
    """Return the reason why this machine cannot simulate a power loss, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not Path("/dev/loop-control").exists() or not os.access(_WRITEBACK, os.W_OK):
        return "needs loop devices and permission to set the kernel's write-back"
    if shutil.which("mkfs.ext4") is None:
        return "needs mkfs.ext4"
    return None


def run_power_loss(folder: Path, plan: Plan, losses: int) -> Report:
    """Run traffic over several power losses, without the plan's kills and pauses."""
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
    done = Losses({"all processes, with loss of unsynced data": losses})
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
