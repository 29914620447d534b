"""The wheel: its contents, that the client needs nothing else, and the errors of its commands without the extras."""

import email
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tps

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = PROJECT["dependencies"]

# Refuse imports of packages that this environment has, but the environment under test has not.
ISOLATED = """
import importlib.abc, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.path.insert(0, {wheel!r})
sys.meta_path.insert(0, Refuse())
before = set(sys.modules)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "shared", source / "shared", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True, timeout=110)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    """Return the wheel, unpacked as in an environment."""
    folder = wheel.parent / "environment" / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(unpacked: Path) -> Message:
    return email.message_from_string(next(unpacked.glob("*.dist-info/METADATA")).read_text())


def needed(requirements: list[str]) -> set[str]:
    """Return the names of the distributions that these requirements install."""
    names: set[str] = set()
    left = [Requirement(line) for line in requirements]
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        is_wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_wanted and name not in names:
            names.add(name)
            left += [Requirement(line) for line in requires(name) or ()]
    return names


def packages_of(requirements: list[str]) -> set[str]:
    """Return the import names of these requirements and their dependencies."""
    names = needed(requirements)
    found = packages_distributions().items()
    return {module for module, owners in found if any(canonicalize_name(owner) in names for owner in owners)}


def isolated(unpacked: Path, code: str, packages: set[str]) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that has only these packages and the wheel."""
    prelude = ISOLATED.format(refused=sorted({*packages_distributions()} - {"tps", *packages}), wheel=str(unpacked))
    return subprocess.run(
        [sys.executable, "-I", "-c", prelude + code], capture_output=True, text=True, check=False, timeout=60
    )


def command(unpacked: Path, *arguments: str, packages: set[str]) -> subprocess.CompletedProcess[str]:
    """Run `tps` of the wheel with these packages."""
    code = f"sys.argv = ['tps', *{list(arguments)!r}]\nfrom tps.local.__main__ import main\nmain()"
    return isolated(unpacked, code, packages)


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    package = ROOT / "shared"
    files = [path for path in package.joinpath("tps").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == {path.relative_to(package).as_posix() for path in files}
    assert {"tps/py.typed", "tps/api/agr.raml"} <= names


def test_it_requires_what_the_client_needs(metadata: Message) -> None:
    lines = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]

    assert {line.name for line in lines if not line.marker} == {"httpx2", "tenacity"}
    assert metadata["Version"] == tps.__version__
    assert metadata.get_all("Provides-Extra") == ["server", "embedded", "dev", "simbench", "build"]


def test_the_client_imports_nothing_but_its_dependencies(unpacked: Path) -> None:
    code = (
        "import tps.client\n"
        "print(tps.client.__file__)\n"
        "print(*(name for name in set(sys.modules) - before if name.startswith('tps.')))\n"
        "tps.client.DsoClient('http://127.0.0.1:9', 'token').close()\n"
    )

    done = isolated(unpacked, code, packages_of(DEPENDENCIES))

    assert done.returncode == 0, done.stderr
    file, modules = done.stdout.splitlines()
    assert Path(file).is_relative_to(unpacked)
    assert [name for name in modules.split() if not name.startswith("tps.client")] == []


def test_the_version_is_told_by_the_client_alone(unpacked: Path) -> None:
    done = command(unpacked, "--version", packages=packages_of(DEPENDENCIES))

    assert done.stdout == f"tps {tps.__version__}\n", done.stderr


@pytest.mark.parametrize(("name", "extra"), [("up", "embedded"), ("token", "embedded"), ("files", "server")])
def test_a_command_names_the_extra_that_is_missing(unpacked: Path, name: str, extra: str) -> None:
    done = command(unpacked, name, packages=packages_of(DEPENDENCIES))

    assert done.returncode == 2
    assert done.stderr == f"tps: tps {name} needs the extra '{extra}': pip install 'tps[{extra}]' (click is missing)\n"


@pytest.mark.parametrize(
    "arguments",
    [["up"], ["token", "5790000000029"], ["gui", "publish", "--cluster"], ["render"], ["test"], ["check"]],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_needs_a_checkout_says_so(unpacked: Path, arguments: list[str], tmp_path: Path) -> None:
    done = command(unpacked, *arguments, packages={*packages_distributions()})

    assert done.returncode == 2
    assert done.stderr == ("tps: this command needs the source checkout (stack.yml, functions, gui): run ./tps there\n")


def test_files_are_exchanged_without_a_checkout_and_without_the_local_stack(unpacked: Path, tmp_path: Path) -> None:
    """`tps files` runs beside a business application, on a machine without the rest of the platform."""
    server = packages_of([*DEPENDENCIES, *PROJECT["optional-dependencies"]["server"]])

    done = command(unpacked, "files", "--component", "10V000000000013X", "--folder", str(tmp_path), packages=server)

    assert (
        done.stderr == "tps: the component's password is missing: pass --password-file, or set TPS_COMPONENT_PASSWORD\n"
    )
