"""Imports point in one direction (ARCHITECTURE.md, "Rooms"): the table below lists the allowed imports of each room."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT, Source, source_of, sources
from tps.host.stack import load_stack


@dataclass(frozen=True)
class May:
    """The allowed imports of a room besides the standard library and itself: rooms of tps, and third-party packages."""

    rooms: frozenset[str]
    packages: frozenset[str]


def may(rooms: str = "", packages: str = "") -> May:
    return May(frozenset(rooms.split()), frozenset(packages.split()))


# The clients of the stores, their types, and the library that seals cursors.
STORES = "psycopg psycopg_pool yoyo boto3 botocore mypy_boto3_s3 minio urllib3 nats tenacity cryptography"

# The four rooms of owners. No room may read another room's data, so NF3 is visible in the imports.
OWNERS = ("operator", "dso", "platform", "directory")
BELOW_OWNERS = "errors domain documents mades stores endpoint api party"
ALL_OWNERS = f"{BELOW_OWNERS} operator dso platform directory"

RULES = {
    "errors": may(),
    "domain": may("errors", "stdnum"),
    "documents": may("domain errors", "lxml xmlschema"),
    "mades": may("domain errors", "joserfc cryptography lxml"),
    "stores": may("domain mades errors", STORES),
    "endpoint": may("domain documents mades stores errors", "structlog cachetools httpx2 psycopg nats"),
    "api": may("domain errors", "pydantic"),
    "party": may("domain documents mades stores endpoint api errors", "structlog cachetools cryptography"),
    **{owner: may(BELOW_OWNERS, "structlog cachetools psycopg") for owner in OWNERS},
    # A call to the component directory carries the directory. REST sees no other owner's room.
    "rest": may(f"{BELOW_OWNERS} directory.directory", "structlog pydantic"),
    "functions": may(f"{ALL_OWNERS} rest", "structlog"),
    "client": may("", "httpx2 tenacity"),
    "host": may(
        f"{ALL_OWNERS} rest",
        "cachetools cryptography flask httpx2 joserfc nats parliament pydantic structlog waitress werkzeug yaml",
    ),
    "local": may(
        f"{ALL_OWNERS} rest host __version__",
        f"{STORES} click flask werkzeug httpx2 jinja2 joserfc lxml markupsafe psutil pydantic structlog yaml",
    ),
    "tools": may(
        f"{ALL_OWNERS} rest host local client",
        f"{STORES} click httpx2 playwright psutil simbench stdnum structlog yaml",
    ),
}

# The group of each owner's room. A function imports only the rooms of the groups that stack.yml gives it.
ROOM_OF_GROUP = {"agr": "operator", "dso": "dso", "tps": "platform", "ecp": "directory"}

# Distributions that belong to a declared package: of boto3, Flask, psycopg, the boto3 stubs and minio.
COMES_WITH = ("botocore", "werkzeug", "jinja2", "markupsafe", "psycopg-pool", "mypy-boto3-s3", "urllib3")

# Packages that cost a cold function tenths of a second. They are imported inside the functions that use them.
HEAVY = frozenset(
    {"boto3", "botocore", "minio", "nats", "psycopg", "psycopg_pool", "xmlschema", "flask", "yoyo", "httpx2"}
)

# Rooms that a cold function imports before it is ready.
COLD = (*BELOW_OWNERS.split(), *OWNERS, "rest", "functions")


def broken_imports(source: Source) -> Iterator[str]:
    """Yield each import that the table does not allow, with its line."""
    for line, module in source.imports():
        if not _is_allowed(source, module):
            yield f"{source.name}:{line} imports {module}"


def _is_allowed(source: Source, module: str) -> bool:
    top, _, rest = module.partition(".")
    rule = RULES[source.room]
    if module.startswith(".") or top == "functions":
        return False
    if top in sys.stdlib_module_names:
        return True
    if top == "tools":
        return source.room == "tools"
    if top != "tps":
        return top in rule.packages
    return _is_within(rest, rule.rooms | {source.room} - {"functions", "tools"})


def _is_within(module: str, rooms: frozenset[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def environment_readers(source: Source) -> Iterator[str]:
    """Yield each use of os.environ or os.getenv."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr in {"environ", "environb", "getenv"}:
                yield f"{source.name}:{node.lineno} reads os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (f"{source.name}:{node.lineno}" for alias in node.names if alias.name in {"environ", "getenv"})


def test_a_module_imports_only_what_its_room_may() -> None:
    assert [broken for source in sources() for broken in broken_imports(source)] == []


def test_only_host_local_and_tools_read_the_environment() -> None:
    others = [source for source in sources() if source.room not in {"host", "local", "tools"}]

    assert [reader for source in others for reader in environment_readers(source)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shared/tps/domain/x.py", "import lxml"),
        ("shared/tps/domain/x.py", "from tps.stores import registry"),
        ("shared/tps/domain/x.py", "from tps import documents"),
        ("shared/tps/domain/x.py", "def late():\n    import flask"),
        ("shared/tps/documents/x.py", "from tps.mades.message import Message"),
        ("shared/tps/mades/x.py", "import psycopg"),
        ("shared/tps/stores/x.py", "from tps.host.settings import Settings"),
        ("shared/tps/stores/x.py", "from ..runtime import settings"),
        ("shared/tps/host/x.py", "from functions.send_limit import func"),
        ("functions/send_limit/func.py", "import functions.relay_limit.func"),
        ("functions/send_limit/func.py", "from tps.host.settings import Settings"),
        ("functions/send_limit/func.py", "from tps.host.http import answer"),
        ("functions/send_limit/func.py", "import boto3"),
        ("functions/send_limit/func.py", "from parliament import Context"),
    ],
)
def test_the_rules_refuse(path: str, text: str) -> None:
    assert list(broken_imports(source_of(ROOT / path, text)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shared/tps/domain/x.py", "from stdnum import ean"),
        ("shared/tps/stores/x.py", "from tps import errors"),
        ("functions/send_limit/func.py", "from tps.rest.function import Call"),
        ("functions/send_limit/func.py", "from tps.rest import function"),
        ("functions/send_limit/func.py", "from tps.rest.submission import submit"),
        ("functions/register_asset/func.py", "from tps.rest.resources import ResourceKind"),
        ("shared/tps/host/x.py", "import flask"),
        ("shared/tps/host/x.py", "from tps.platform import registry"),
        ("tools/x.py", "from tools.story import world"),
    ],
)
def test_the_rules_allow(path: str, text: str) -> None:
    assert not list(broken_imports(source_of(ROOT / path, text)))


@pytest.mark.parametrize("text", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"])
def test_reading_the_environment_is_seen(text: str) -> None:
    assert list(environment_readers(source_of(ROOT / "shared/tps/domain/x.py", text)))


@cache
def declared() -> frozenset[str]:
    """Return the distributions in pyproject.toml, including extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = (project["dependencies"], *project["optional-dependencies"].values())
    return frozenset(canonicalize_name(Requirement(line).name) for line in chain(*lists)) | set(COMES_WITH)


@cache
def installed() -> Mapping[str, list[str]]:
    """Return the distributions of each importable package."""
    return packages_distributions()


def undeclared(source: Source) -> Iterator[str]:
    """Yield each import of a package that pyproject.toml does not declare."""
    for line, module in source.imports():
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in {"tps", "functions", "tools", ""}:
            continue
        if not declared() & {canonicalize_name(name) for name in installed().get(top, [top])}:
            yield f"{source.name}:{line} imports {module}"


def test_every_imported_package_is_declared() -> None:
    assert [missing for source in sources() for missing in undeclared(source)] == []


def test_an_undeclared_package_is_seen() -> None:
    assert list(undeclared(source_of(ROOT / "shared/tps/host/x.py", "import networkx")))


def strange_rooms(source: Source, groups: frozenset[str]) -> list[str]:
    """Return each import from an owner's room by a function that does not serve the owner's group."""
    allowed = {ROOM_OF_GROUP[group] for group in groups}
    rooms = ((line, module, module.split(".")[1]) for line, module in source.imports() if module.startswith("tps."))
    return [f"line {line} imports {module}" for line, module, room in rooms if room in {*OWNERS} - allowed]


def groups_of() -> dict[str, frozenset[str]]:
    """Return the groups of each function in stack.yml."""
    return {entry.name: frozenset(entry.groups) for entry in load_stack()}


@pytest.mark.parametrize("name", groups_of())
def test_a_function_imports_only_the_rooms_of_its_groups(name: str) -> None:
    source = Source(ROOT / "functions" / name / "func.py")

    assert strange_rooms(source, groups_of()[name]) == []


def test_a_function_of_a_dso_that_imports_the_platform_is_seen() -> None:
    source = source_of(ROOT / "functions/send_limit/func.py", "from tps.platform.limit_relay import relay")

    assert strange_rooms(source, frozenset({"dso"}))


IMPORT_ALL = """
import importlib, importlib.util, json, sys
places, heavy = json.loads(sys.argv[1])
found = {}
for place, (modules, files) in places.items():
    before = set(sys.modules)
    for name in modules:
        importlib.import_module(name)
    for number, file in enumerate(files):
        spec = importlib.util.spec_from_file_location(f"cold_{number}", file)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    found[place] = sorted(set(heavy) & (set(sys.modules) - before))
print(json.dumps(found))
"""


def imported_heavy(places: Mapping[str, tuple[list[str], list[str]]]) -> dict[str, list[str]]:
    """Return the heavy packages that a fresh interpreter has loaded after these imports."""
    said = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, json.dumps([places, sorted(HEAVY)])],
        env={**os.environ, "PYTHONPATH": str(ROOT / "shared")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    return dict(json.loads(said.stdout))


def _module_name(source: Source) -> str:
    return ".".join(source.path.relative_to(ROOT / "shared").with_suffix("").parts).removesuffix(".__init__")


def _importable(room: str) -> tuple[list[str], list[str]]:
    """The modules of a room, or its files, where these are no modules of a package."""
    ours = [source for source in sources() if source.room == room]
    if room == "functions":
        return [], [str(source.path) for source in ours]
    return [_module_name(source) for source in ours], []


def test_a_cold_function_starts_without_heavy_clients() -> None:
    """One interpreter for all rooms, the lowest first: what a room adds to those below it is its own fault."""
    found = imported_heavy({room: _importable(room) for room in COLD})

    assert found == {room: [] for room in COLD}


def test_a_heavy_import_is_seen_where_it_happens() -> None:
    assert imported_heavy({"light": (["json"], []), "heavy": (["flask"], [])}) == {"light": [], "heavy": ["flask"]}
