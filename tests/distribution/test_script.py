"""`./tps` installs once and prints its downloads. A stand-in for Python prints the output of pip."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("tps", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-npm.lock")
PROGRAMS = ("sh", "dirname", "cksum", "tr", "cat", "grep", "rm", "mv", "env")

# Acts like the Python of a virtual environment: pip exists, every call is recorded, and pip prints $PIP_SAYS.
PYTHON = """#!/bin/sh
case "$*" in
    *" pip install "*) echo "$*" >>"$CALLS"; cat "$PIP_SAYS"; [ ! -e "$PIP_SAYS.fails" ] ;;
    "-m tools.cli"* | "-m tps."*) echo "ran ${*##* }" ;;
    "- "*) shift 2; exec env TPS_INSTALLING="$TPS_INSTALLING" sh "$@" ;;
esac
"""


class Checkout:
    """A copy of the script's files, with the stand-in as its Python."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in FILES:
            shutil.copy(ROOT / name, folder)
        self.path = folder / "path"
        self.path.mkdir()
        for program in PROGRAMS:
            (self.path / program).symlink_to(shutil.which(program) or "")
        for python in (self.path / "python3", folder / ".venv/bin/python"):
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text(PYTHON)
            python.chmod(0o755)
        self.says("")

    def says(self, text: str) -> None:
        """Make every pip print this."""
        (self.folder / "says").write_text(text)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.path),
            "CALLS": str(self.folder / "calls"),
            "PIP_SAYS": str(self.folder / "says"),
        }
        command = [str(self.path / "sh"), str(self.folder / "tps"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=30)

    def installed(self) -> list[str]:
        """Return what pip was asked to install: locks by name, and `project`."""
        calls = (self.folder / "calls").read_text().splitlines()
        return [Path(call.split()[-1]).name if "--require-hashes" in call else "project" for call in calls]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_first_call_installs_and_the_next_one_does_not(checkout: Checkout) -> None:
    first, second = checkout.run("up"), checkout.run("up")

    assert (first.returncode, first.stdout) == (0, "ran up\n"), first.stderr
    assert "about 110 MB" in first.stderr
    assert (second.returncode, second.stdout, second.stderr) == (0, "ran up\n", "")
    assert checkout.installed() == ["requirements.lock", "requirements-npm.lock", "project"]


def test_tests_install_the_larger_lock(checkout: Checkout) -> None:
    checkout.run("up")
    said = checkout.run("check").stderr

    assert "requirements-dev.lock" in said
    assert "requirements-dev.lock" in checkout.installed()


def test_a_machine_with_npm_downloads_no_node(checkout: Checkout) -> None:
    (checkout.path / "npm").symlink_to("/bin/true")

    done = checkout.run("up")

    assert checkout.installed() == ["requirements.lock", "project"]
    assert "npm" not in done.stderr


def test_every_tenth_package_and_every_large_file_is_told(checkout: Checkout) -> None:
    total = sum("==" in line for line in (ROOT / "requirements.lock").read_text().splitlines())
    lock = f"(from -r {checkout.folder}/requirements.lock (line 3))"
    checkout.says(
        "Ignoring tzdata: markers 'sys_platform == \"win32\"' don't match your environment\n"
        + f"Collecting small==1 {lock}\n  Downloading small-1.whl (130 kB)\n"
        + f"Collecting large==1 {lock}\n  Downloading large-1.whl (47.7 MB)\n"
        + f"Requirement already satisfied: other==2 in somewhere {lock}\n" * 8
        + "Installing collected packages: large, small\n"
    )

    lines = checkout.run("up").stderr.splitlines()

    begin = lines.index("tps: installing the packages of requirements.lock (only once; downloads about 110 MB)")
    assert lines[begin + 1 : begin + 4] == [
        f"tps:   2 of {total - 1}: large-1.whl (47.7 MB)",
        f"tps:   10 of {total - 1} packages",
        "tps:   unpacking",
    ]


def test_a_failed_download_ends_it_and_the_next_call_tries_again(checkout: Checkout) -> None:
    (checkout.folder / "says.fails").touch()

    failed = checkout.run("up")
    (checkout.folder / "says.fails").unlink()
    again = checkout.run("up")

    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1] == ("tps: the installation failed (see above); run the same command to retry")
    assert checkout.installed()[:2] == ["requirements.lock", "requirements.lock"]
    assert (again.returncode, again.stdout) == (0, "ran up\n")
