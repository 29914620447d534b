"""The pages' libraries: exact, checked, kept, and told of where they are missing."""

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
    """A package with one module."""
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


def test_what_is_kept_is_used_without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive()
    (tmp_path / "scope-some-1.2.3.tgz").write_bytes(content)
    monkeypatch.setattr(libraries, "find_node", lambda _program: None)

    assert obtain((locked(content),), tmp_path) == {"some.js": b"export const answer = 42;"}


def test_what_is_not_kept_and_cannot_be_fetched_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "find_node", lambda _program: None)

    with pytest.raises(LibrariesMissing, match=r"npm fetches the GUI's libraries and is missing; install Node\.js"):
        obtain((locked(archive()),), tmp_path)


def test_an_archive_that_was_changed_is_fetched_again_and_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = archive(b"steal()")
    (tmp_path / "scope-some-1.2.3.tgz").write_bytes(changed)
    monkeypatch.setattr(libraries, "_fetch", lambda _library: changed)

    with pytest.raises(LibrariesMissing, match="is not what"):
        obtain((locked(archive()),), tmp_path)


def test_npm_that_fails_is_told_by_package_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "find_node", lambda _program: "/bin/false")

    with pytest.raises(LibrariesMissing, match=r"@scope/some 1\.2\.3 could not be fetched"):
        obtain((locked(archive()),), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
