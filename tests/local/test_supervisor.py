"""The supervisor with small test processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.local.children import SLEEPER, eventually, is_gone, logged, make_process
from tps.local.embedded.failure import StackError
from tps.local.embedded.record import end_leftovers, lock
from tps.local.embedded.supervisor import Supervisor


class Watched:
    """A supervisor and its messages."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.running: list[dict[str, tuple[int, tuple[str, ...]]]] = []
        self.supervisor = Supervisor(self.said.append, self.running.append)


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    watched.supervisor.close()


def test_a_child_that_dies_is_restarted_and_its_last_lines_are_shown(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.start(make_process(tmp_path, "import time; print('last words', flush=True); time.sleep(600)"))
    eventually(lambda: "last words" in logged(tmp_path), "the child speaks")
    first = watched.supervisor.pid("child")
    assert first is not None

    os.kill(first, signal.SIGKILL)

    eventually(lambda: watched.supervisor.pid("child") not in (None, first), "another one runs")
    assert "child died (SIGKILL)" in watched.said[0]
    assert "last words" in watched.said[0]


def test_the_delay_grows_while_a_child_keeps_dying(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.start(make_process(tmp_path, "raise SystemExit(3)"))

    eventually(lambda: len(watched.said) >= 3, "it died three times")

    delays = [float(said.partition("restarting in ")[2].partition(" s")[0]) for said in watched.said[:3]]
    assert delays == [0.4, 0.8, 1.6]
    assert "exit code 3" in watched.said[0]


def test_a_child_that_never_stands_is_given_up_with_its_log(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.start(make_process(tmp_path, "raise SystemExit('no such thing')"))
    eventually(lambda: len(watched.said) >= 4, "it died four times")

    with pytest.raises(StackError, match="no such thing"):
        watched.supervisor.check("child")


def test_a_program_that_is_not_there_is_named(watched: Watched, tmp_path: Path) -> None:
    process = make_process(tmp_path)
    missing = type(process)(name="child", command=("/no/such/program",), folder=tmp_path, log=process.log)

    watched.supervisor.start(missing)

    eventually(lambda: watched.said, "it died")
    assert "cannot run /no/such/program: No such file or directory" in watched.said[0]


def test_a_stopped_child_stays_stopped(watched: Watched, tmp_path: Path) -> None:
    watched.supervisor.start(make_process(tmp_path))
    eventually(lambda: watched.supervisor.pid("child"), "it runs")
    pid = watched.supervisor.pid("child")
    assert pid is not None

    watched.supervisor.stop(["child"])

    assert is_gone(pid)
    assert watched.supervisor.running() == {}
    assert watched.running[-1] == {}
    assert watched.said == []


def test_a_child_that_does_not_want_to_stop_is_ended_by_force(watched: Watched, tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    watched.supervisor.start(make_process(tmp_path, deaf, stop_timeout_s=0.2))
    eventually(lambda: "deaf" in logged(tmp_path), "it does not listen")
    pid = watched.supervisor.pid("child")
    assert pid is not None

    watched.supervisor.stop(["child"])

    assert is_gone(pid)


def test_what_a_dead_child_had_started_is_ended_too(watched: Watched, tmp_path: Path) -> None:
    code = f"import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid, flush=True)"
    watched.supervisor.start(make_process(tmp_path, code + "; time.sleep(600)"))
    eventually(lambda: len(logged(tmp_path).splitlines()) >= 2, "it told its helper's pid")
    helper = next(int(line) for line in logged(tmp_path).splitlines() if line.isdigit())
    pid = watched.supervisor.pid("child")
    assert pid is not None

    os.kill(pid, signal.SIGKILL)

    eventually(lambda: is_gone(helper), "its helper is gone")


def test_secrets_of_our_environment_do_not_reach_a_child(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEBODYS_SECRET", "hush")
    code = "import os, time; print(sorted(os.environ), flush=True); time.sleep(600)"

    watched.supervisor.start(make_process(tmp_path, code, environment={"TPS_GIVEN": "yes"}))

    eventually(lambda: "TPS_GIVEN" in logged(tmp_path), "it told its environment")
    assert "SOMEBODYS_SECRET" not in logged(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from tests.local.children import make_process
from tps.local.embedded.supervisor import Supervisor
supervisor = Supervisor(print, lambda running: None)
supervisor.start(make_process(Path({str(tmp_path)!r})))
while supervisor.pid("child") is None:
    time.sleep(0.01)
print(supervisor.pid("child"), flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        eventually(lambda: "here" in logged(tmp_path), "the child runs")

        supervisor.kill()

    eventually(lambda: is_gone(child), "the child is gone")


def test_leftovers_are_ended_by_pid_and_command(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLEEPER]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as leftover:
        assert leftover.stdout is not None
        leftover.stdout.readline()

        ended = end_leftovers({"processes": {"nats": {"pid": leftover.pid, "command": command}}})

        assert ended == ["nats"]
        assert is_gone(leftover.pid)


def test_a_stranger_with_a_recorded_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        record = {"processes": {"nats": {"pid": stranger.pid, "command": ["nats-server", "-c", "nats.conf"]}}}

        assert end_leftovers(record) == []
        assert psutil.pid_exists(stranger.pid)
        assert stranger.poll() is None
        stranger.kill()


def test_a_data_folder_has_one_holder(tmp_path: Path) -> None:
    first = lock(tmp_path)
    assert first is not None

    assert lock(tmp_path) is None
    first.close()
    second = lock(tmp_path)
    assert second is not None
    second.close()
