"""A worker that started before anything was provisioned becomes ready without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.hosts.workers import READY_WITHIN_S, Worker, started_worker
from tests.support.servers import eventually, mailbox
from tests.support.world import fresh_gln
from tps.host.settings import Settings
from tps.host.stack import consumers, load_stack
from tps.local.embedded.nats import reload
from tps.local.embedded.nats_permissions import PLATFORM, Access, render_nats_conf
from tps.local.embedded.stack import LocalStack
from tps.local.onboarding import add_party, ensure_platform
from tps.local.tokens import sign

RECOVERED_WITHIN_S = 15.0
ROUTE = "/agr/v1/flexibility-assets"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[LocalStack]:
    """Servers without roles, databases, buckets, streams, and users of groups."""
    stack = LocalStack(tmp_path / "data", consumers=consumers(load_stack()), say=lambda _text: None)
    try:
        stack.start_servers()
        forget_users(stack)
        yield stack
    finally:
        stack.stop()


def forget_users(stack: LocalStack) -> None:
    """Make the broker refuse every group."""
    access = Access({PLATFORM: stack.vault.password(f"nats.{PLATFORM}")}, {}, frozenset())
    folder = stack.data / "nats"
    (folder / "nats.conf").write_text(render_nats_conf(access, stack.nats.port, folder / "jetstream"))
    reload_broker(stack)
    box = mailbox(stack, "agr")
    eventually(lambda: not box.can_connect())
    box.close()


def reload_broker(stack: LocalStack) -> None:
    pid = stack.pid("nats")
    assert pid is not None
    reload(pid)


def status(worker: Worker, path: str, token: str = "none") -> int | None:
    """Return the HTTP status of a route; None while the worker does not listen."""
    try:
        return httpx2.get(worker.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code
    except httpx2.ConnectError:
        return None


def test_a_worker_that_started_first_becomes_ready_after_provisioning(empty: LocalStack) -> None:
    (entry,) = (entry for entry in load_stack() if entry.name == "register_asset")
    code = fresh_gln()
    token = sign(empty, Settings.from_env(empty.environment()), code, "agr")

    with started_worker(empty, entry) as worker:
        assert eventually(lambda: status(worker, "/health/readiness"), READY_WITHIN_S) == 503
        assert status(worker, ROUTE, token) == 503  # Every store was in use once, and failed.

        empty.nats.write_configuration()
        reload_broker(empty)
        empty.provision()
        empty.provision_buckets()
        ensure_platform(empty)
        add_party(empty, role="agr", code=code, name="Alpha", grid_prefixes=())

        assert eventually(lambda: status(worker, "/health/readiness") == 200, RECOVERED_WITHIN_S)
        assert status(worker, ROUTE, token) == 200
        assert worker.process.poll() is None
