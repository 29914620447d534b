"""No file names paths of a machine, hosts of a registry, or work left to do."""

import re
import subprocess

import pytest

from tests.architecture.sources import ROOT

UNSPEAKABLE = {
    "a path of some machine": re.compile(r"(?<![\w.\-])/(?:work|root|home|Users)/"),
    "a host or option of a package registry": re.compile(
        r"https?://[\w.\-]*(?:registry|artifactory|nexus|mirror|pypi|pythonhosted|npmjs|proxy\.golang)[\w.\-]*[/:\s\"']"
        r"|--(?:extra-)?index-url|--trusted-hos[t]",
        re.IGNORECASE,
    ),
    "something left to do": re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"),
}


def tracked() -> list[str]:
    """Return every existing file under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git work tree: what is tracked cannot be told")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def unspeakable(text: str) -> list[str]:
    """Return the forbidden contents of a text, each with its line."""
    found = (
        (what, text.count("\n", 0, hit.start()) + 1)
        for what, rule in UNSPEAKABLE.items()
        for hit in rule.finditer(text)
    )
    return [f"line {line}: {what}" for what, line in found]


def text_of(name: str) -> str:
    content = (ROOT / name).read_bytes()
    return "" if b"\0" in content else content.decode(errors="replace")


def test_no_tracked_file_says_what_it_must_not() -> None:
    said = {name: unspeakable(text_of(name)) for name in tracked()}

    assert {name: lines for name, lines in said.items() if lines} == {}


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/main",
        "cd /" + "root/x",
        "'/" + "home/me/x'",
        "https://" + "pypi.org/simple/x",
        "http://" + "registry.example:8080/x",
        "pip install --index" + "-url x",
        "# TO" + "DO later",
    ],
)
def test_each_rule_catches(text: str) -> None:
    assert unspeakable(text)


@pytest.mark.parametrize(
    "text", ["https://example.org/home/", "the working/roots/part", "a mirror image", "methods: todo()"]
)
def test_ordinary_speech_passes(text: str) -> None:
    assert not unspeakable(text)
