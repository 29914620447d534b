"""`./tps up` as people and programs see it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.local.children import eventually, is_gone

ROOT = Path(__file__).parents[2]
_READY_S = 30.0


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "shared"), str(ROOT)])}


@contextmanager
def started(data: Path, port: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Run the stack in its own process, ready or not."""
    command = [sys.executable, "-m", "tests.local.fake_up", str(data), str(port)]
    with (
        (data.parent / "stderr").open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(), cwd=ROOT) as up,
    ):
        try:
            yield up
        finally:
            up.send_signal(signal.SIGTERM)


def ready_url(up: subprocess.Popen[str]) -> str:
    assert up.stdout is not None
    line = up.stdout.readline()
    assert line.startswith("ready http://127.0.0.1:"), line
    return line.split()[1]


def ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def processes(data: Path) -> dict[str, int]:
    """Return name -> process id of all children in `run.json`."""
    record = json.loads((data / "run.json").read_text())
    return {name: child["pid"] for name, child in record["processes"].items()}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """One stack for the tests that do not change it."""
    data = tmp_path_factory.mktemp("up") / "data"
    with started(data) as up:
        yield data, ready_url(up)


def test_all_workers_answer_behind_one_port(running: tuple[Path, str]) -> None:
    _, url = running
    heard: set[str] = set()

    def both_answered() -> bool:
        heard.add(ask(url).split()[0])
        return heard == {"worker-1", "worker-2"}

    eventually(both_answered, "both workers answered")


def test_a_worker_that_is_killed_costs_no_connection(running: tuple[Path, str]) -> None:
    data, url = running
    victim = processes(data)["worker-1"]

    os.kill(victim, signal.SIGKILL)
    # On a busy machine, the killed worker may accept one more connection.
    eventually(lambda: is_gone(victim), "the worker is dead")

    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert ask(url)
    eventually(lambda: processes(data).get("worker-1") not in (None, victim), "another worker-1 runs")


@pytest.mark.parametrize("name", ["nats", "postgres", "s3", "delivery"])
def test_whatever_dies_is_started_again_at_the_same_place(running: tuple[Path, str], name: str) -> None:
    data, _ = running
    before = json.loads((data / "run.json").read_text())
    victim = before["processes"][name]

    os.kill(victim["pid"], signal.SIGKILL)

    eventually(lambda: processes(data).get(name) not in (None, victim["pid"]), f"another {name} runs")
    after = json.loads((data / "run.json").read_text())
    assert after["processes"][name]["command"] == victim["command"]
    assert after["ports"] == before["ports"]
    eventually(lambda: all(map(_answers, before["ports"].values())), "all ports answer again")


def _answers(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.settimeout(1)
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def test_a_second_stack_runs_beside_the_first(running: tuple[Path, str], tmp_path: Path) -> None:
    with started(tmp_path / "data") as up:
        url = ready_url(up)

        assert url != running[1]
        assert ask(url)


def test_a_taken_port_is_named(running: tuple[Path, str], tmp_path: Path) -> None:
    port = int(running[1].rpartition(":")[2])

    with started(tmp_path / "data", port) as up:
        assert up.wait(20) == 1

    said = (tmp_path / "stderr").read_text()
    assert said == f"tps: another program uses port {port}; choose another port with --port\n"


def test_a_folder_in_use_is_named_with_its_holder(running: tuple[Path, str]) -> None:
    data, _ = running
    holder = json.loads((data / "run.json").read_text())["pid"]
    command = [sys.executable, "-m", "tests.local.fake_up", str(data), "0"]

    second = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=ROOT, check=False)

    assert second.returncode == 1
    assert f"another running stack uses the data folder {data.resolve()} (pid {holder})" in second.stderr
    assert "Traceback" not in second.stderr
    assert second.stdout == ""


def test_sigterm_stops_everything_in_order(tmp_path: Path) -> None:
    """Delivery stops before the workers, because they answer its current calls."""
    data = tmp_path / "data"
    with started(data) as up:
        ready_url(up)
        pids = processes(data)

        up.send_signal(signal.SIGTERM)

        assert up.wait(20) == 0
    assert all(is_gone(pid) for pid in pids.values())
    assert "died" not in (tmp_path / "stderr").read_text()
    assert not (data / "run.json").exists()
    assert "was answered" in (data / "logs/delivery.log").read_text()
    assert "database system is shut down" in (data / "logs/postgres.log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_kill_nine_leaves_nothing_running_and_the_next_start_is_fast(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(data) as up:
        ready_url(up)
        pids = processes(data)
        up.kill()
    eventually(lambda: all(is_gone(pid) for pid in pids.values()), "no child outlives it")

    begun = time.monotonic()
    with started(data) as again:
        assert ask(ready_url(again))
        assert time.monotonic() - begun < _READY_S


def test_leftovers_that_outlived_a_kill_are_ended_by_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(data) as up:
        ready_url(up)
        record = json.loads((data / "run.json").read_text())
    with subprocess.Popen(["/bin/sleep", "600"]) as leftover:
        record["processes"] = {"nats": {"pid": leftover.pid, "command": ["/bin/sleep", "600"]}}
        (data / "run.json").write_text(json.dumps(record))

        with started(data) as again:
            assert ask(ready_url(again))

    assert is_gone(leftover.pid)
    assert "ended nats, a leftover of a killed stack" in (tmp_path / "stderr").read_text()
