"""Power loss: synced data stays, unsynced data is lost, and no accepted limit is lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.faults.power import Disk, run_power_loss, why_not
from tools.faults.run import Plan

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"cannot simulate a power loss: {why_not()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "power")
    disk.make()
    yield disk
    disk.unmount()


def test_the_disk_keeps_what_was_synced_and_loses_the_rest(disk: Disk) -> None:
    with (disk.mount_point / "synced").open("wb") as synced:
        synced.write(b"kept")
        synced.flush()
        os.fsync(synced.fileno())
    (disk.mount_point / "not synced").write_bytes(b"lost")

    disk.lose_power()

    assert (disk.mount_point / "synced").read_bytes() == b"kept"
    lost = disk.mount_point / "not synced"
    assert not lost.exists() or lost.read_bytes() == b""


@pytest.mark.timeout(240)
def test_a_power_loss_loses_no_accepted_limit(tmp_path: Path) -> None:
    report = run_power_loss(tmp_path / "power", Plan(limits=10, operators=3, seconds=5), losses=1)

    assert report.violations == []
    assert report.accepted == 10
