"""Fixtures for everybody: one running stack per test process, and a world in it."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from hypothesis import HealthCheck, settings

# Fixtures, for every folder of tests.
from tests.support.databases import agr, databases, local, tps  # noqa: F401
from tests.support.installation import Installation, installation
from tests.support.world import World
from tps.host.stack import consumers, load_stack
from tps.local.embedded.stack import LocalStack
from tps.local.embedded.up import Up, running
from tps.local.onboarding import ensure_platform

ROOT = Path(__file__).resolve().parents[1]
# Half a minute or so each, by `--durations`; those that wait between those that compute.
LONGEST = (
    "stateful/test_changes.py",
    "faults/test_short_run.py",
    "stateful/test_schedules.py",
    "faults/test_power.py",
    "privacy/test_doors.py",
    "tools/test_bench.py",
    "e2e/test_simbench.py",
    "api/test_fuzz.py",
    "privacy/test_dealt_differently.py",
    "privacy/test_what_a_dso_learns.py",
    "functions/schedules/test_send_schedule.py",
    "api/test_answers.py",
    "e2e/test_docs.py",
)
# Rooms whose tests start no server.
QUICK = {"architecture", "client", "documents", "domain", "mades"}
_MEMORY_DISK, _ROOM = Path("/dev/shm"), 8 * 1024**3

# A machine with other work to do is slow, and not wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure() -> None:
    """Servers sync to disk at each write: keep their data in memory, where there is room and nobody says otherwise."""
    if not _MEMORY_DISK.is_dir():
        return
    if min(shutil.disk_usage(_MEMORY_DISK).free, psutil.virtual_memory().available) > _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY_DISK))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, and last what is quick: else one process is at work alone in the end."""
    missing = [module for module in LONGEST if not (ROOT / "tests" / module).is_file()]
    missing += [room for room in QUICK if not (ROOT / "tests" / room).is_dir()]
    if missing:
        raise pytest.UsageError(f"tests/conftest.py names modules that do not exist: {missing}")
    items.sort(key=lambda item: _turn(item.path.relative_to(ROOT / "tests").as_posix()))


def pytest_collection_finish() -> None:
    """Leave what is loaded now out of later collections of garbage: thousands of tests and parsed sources stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _turn(module: str) -> int:
    if module in LONGEST:
        return LONGEST.index(module)
    return len(LONGEST) + (module.partition("/")[0] in QUICK)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The whole system on real servers: NATS, Postgres, S3, event delivery, two workers; windows of a second."""
    os.environ.setdefault("TPS_BATCH_WINDOW_S", "1")
    data = tmp_path_factory.mktemp("stack")
    up = Up(data=data, port=0, workers=2, consumers=consumers(load_stack()), prepare=ensure_platform)
    with running(up) as stack:
        yield stack


@pytest.fixture(scope="session")
def world(stack: LocalStack) -> Iterator[World]:
    with httpx2.Client(base_url=stack.gateway_url, timeout=70, limits=httpx2.Limits(max_connections=200)) as http:
        yield World(stack, http)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One in-process installation per test process."""
    with installation(tmp_path_factory.mktemp("house")) as made:
        yield made
