"""Commands and Python in README and how-to pages run unchanged, except addresses and the data folder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.world import World
from tps.client import DsoClient, OperatorClient

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "docs/how-to-operator.md",
    "docs/how-to-dso.md",
    "docs/how-to-platform.md",
    "docs/how-to-files.md",
)
WHO = {"docs/how-to-operator.md": ("5790000000012", "agr"), "docs/how-to-dso.md": ("5790000000005", "dso")}
STARTING = re.compile(r"^\./tps (up|check|test|demo|files|doctor).*$", re.MULTILINE)


def commands_of(page: str) -> str:
    """Return all shell blocks of a page, without those that start the stack or the tests."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(STARTING.sub("", block) for block in blocks)


def python_of(page: str) -> str:
    """Return all Python blocks of a page, at their own lines."""
    lines: list[str] = []
    is_python = False
    for line in (ROOT / page).read_text().splitlines():
        is_fence = line.startswith("```")
        lines.append(line if is_python and not is_fence else "")
        is_python = line == "```python" if is_fence else is_python
    return "\n".join(lines)


def run(script: str) -> str:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return done.stdout


def run_python(page: str, base_url: str, token: str) -> None:
    """Run the page's Python in this process, with the two names that the page presupposes."""
    names: dict[str, Any] = {"base_url": base_url, "token": token}
    try:
        exec(compile(python_of(page), page, "exec"), names)
    finally:
        for each in names.values():
            if isinstance(each, (DsoClient, OperatorClient)):
                each.close()


@pytest.mark.timeout(300)  # 54 commands, of which 20 start Python: 100 s on a busy machine
@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl, which this machine lacks")
def test_all_that_the_pages_say_to_do_works_and_the_parts_are_300_and_200(world: World) -> None:
    tps = f"{sys.executable} -m tps.local.cli"
    script = "\n".join(commands_of(page) for page in PAGES)
    script = re.sub(
        r"\./tps (party \w+(?: list)?|token|dead-letters list)(.*?)(?=[)>\n])",
        rf"{tps} \1\2 --data {world.stack.data} ",
        script,
    )
    script = script.replace("http://127.0.0.1:8080", world.stack.gateway_url)
    script = script.replace("curl ", "curl -sS --fail-with-body -w '\\n' ")

    printed = run(f"{script}\nwait")

    assert '"power_kw":300' in printed
    assert '"power_kw":200' in printed
    assert '"status":"partly_accepted"' in printed
    assert '"status":"pending"' in printed
    for page, (party, role) in WHO.items():
        run_python(page, world.stack.gateway_url, world.token(party, role))
