"""The short form of `./tps bench faults`: every process is killed once under traffic."""

from pathlib import Path

import pytest

from tools.faults.run import Plan, run_faults


@pytest.mark.timeout(240)
def test_nothing_is_lost_and_nothing_done_twice_when_each_process_is_killed_in_turn(tmp_path: Path) -> None:
    plan = Plan(limits=20, operators=3, kills=7, pauses=1, pause_s=2, outage_s=3, seconds=16)

    report = run_faults(tmp_path / "data", plan)

    assert report.violations == []
    assert (report.accepted, report.dead_letters) == (20, 0)
    assert set(report.kills.values()) == {1}
    assert report.outages == 3
    assert report.replayed > 20
