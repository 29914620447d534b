"""The commands in README and how-to pages are run as they stand; only addresses and the data folder are this test's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.world import World

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/how-to-operator.md", "docs/how-to-dso.md", "docs/how-to-platform.md")
STARTING = re.compile(r"^\./tps (up|check|test|demo).*$", re.MULTILINE)


def commands_of(page: str) -> str:
    """All shell blocks of a page, without those that start the stack or the tests."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(STARTING.sub("", block) for block in blocks)


def run(script: str) -> str:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl, which this machine lacks")
def test_every_command_of_the_pages_works_and_the_parts_are_300_and_200(world: World) -> None:
    tps = f"{sys.executable} -m tps.runtime.cli"
    script = "\n".join(commands_of(page) for page in PAGES)
    script = re.sub(r"\./tps (party add|token)(.*?)(?=[)>\n])", rf"{tps} \1\2 --data {world.stack.data} ", script)
    script = script.replace("http://127.0.0.1:8080", world.stack.gateway_url)
    script = script.replace("curl ", "curl -sS --fail-with-body -w '\\n' ")

    printed = run(f"{script}\nwait")

    assert '"power_kw":300' in printed
    assert '"power_kw":200' in printed
    assert '"status":"partly_accepted"' in printed
    assert '"status":"pending"' in printed
