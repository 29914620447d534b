"""The libraries of the pages: exact versions, checked hashes, the cache, and errors that name the cause."""

import base64
import hashlib
import io
import re
import tarfile
from pathlib import Path

import pytest

from tps.local.gui import libraries
from tps.local.gui.libraries import LibrariesMissing, Library, obtain, read_lock


def archive(text: bytes = b"export const answer = 42;") -> bytes:
    """Return a package with one module."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as package:
        entry = tarfile.TarInfo("package/dist/index.js")
        entry.size = len(text)
        package.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def locked(content: bytes) -> Library:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    return Library("@scope/some", "1.2.3", integrity, {"some.js": "dist/index.js"})


def test_the_lock_names_exact_versions_with_their_hashes() -> None:
    for library in (*read_lock(), *read_lock("tools")):
        assert re.fullmatch(r"\d+\.\d+\.\d+", library.version)
        assert len(base64.b64decode(library.integrity.removeprefix("sha512-"))) == 64


def test_a_cached_library_needs_no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive()
    (tmp_path / "scope-some-1.2.3.tgz").write_bytes(content)
    monkeypatch.setattr(libraries, "find_node", lambda _program: None)

    assert obtain((locked(content),), tmp_path) == {"some.js": b"export const answer = 42;"}


def test_without_cache_and_npm_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "find_node", lambda _program: None)

    with pytest.raises(LibrariesMissing, match=r"npm is missing.*install Node\.js"):
        obtain((locked(archive()),), tmp_path)


def test_a_changed_archive_is_downloaded_again_and_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = archive(b"steal()")
    (tmp_path / "scope-some-1.2.3.tgz").write_bytes(changed)
    monkeypatch.setattr(libraries, "_fetch", lambda _library: changed)

    with pytest.raises(LibrariesMissing, match="does not match the hash"):
        obtain((locked(archive()),), tmp_path)


def test_a_failing_npm_is_reported_by_package_and_nothing_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "find_node", lambda _program: "/bin/false")

    with pytest.raises(LibrariesMissing, match=r"@scope/some 1\.2\.3 is not in .*npm could not download it"):
        obtain((locked(archive()),), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
