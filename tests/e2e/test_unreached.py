"""An emergency that does not reach an operator (F6): the DSO learns which assets, and later that all were reached.

The test has its own stack, which reports unreached assets after one second instead of one minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import nats
import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_stop
from tps.host.delivery import STREAM
from tps.host.stack import consumers, load_stack
from tps.local.embedded.stack import LocalStack
from tps.local.embedded.up import Up, running
from tps.local.onboarding import ensure_platform
from tps.mades.subjects import consumer_name
from tps.mades.types import LIMIT_UNFORESEEN


@pytest.fixture
def hasty(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose platform reports unreached assets after one second."""
    monkeypatch.setenv("TPS_UNREACHED_AFTER_S", "1")
    data = tmp_path_factory.mktemp("hasty")
    up = Up(data=data, port=0, workers=1, consumers=consumers(load_stack()), prepare=ensure_platform)
    with running(up) as stack, httpx2.Client(base_url=stack.gateway_url, timeout=70) as http:
        yield World(stack, http)


@contextmanager
def operators_cut_off(stack: LocalStack) -> Iterator[None]:
    """Make emergencies wait at the broker by pausing the consumer of the operators' backends."""
    asyncio.run(_pause(stack, timedelta(hours=1)))
    try:
        yield
    finally:
        asyncio.run(_pause(stack, timedelta(0)))
        # A new process requests messages immediately. The old request would stay open for 20 s.
        pid = stack.pid("delivery")
        assert pid is not None
        os.kill(pid, signal.SIGTERM)


async def _pause(stack: LocalStack, time: timedelta) -> None:
    address, user, password = stack.nats_admin
    client = await nats.connect(address, user=user, password=password)
    subject = f"$JS.API.CONSUMER.PAUSE.{STREAM}.{consumer_name('agr', LIMIT_UNFORESEEN)}"
    until = {"pause_until": (datetime.now(UTC) + time).isoformat()} if time else {}
    answer = json.loads((await client.request(subject, json.dumps(until).encode())).data)
    await client.close()
    assert "error" not in answer, answer


def delivery(dso: Member, limit_id: str) -> dict[str, object]:
    return dict(dso.done("GET", f"/capacity-limits/{limit_id}")["delivery"])


def test_the_dso_is_told_which_assets_a_stop_has_not_reached_and_then_that_it_has(hasty: World) -> None:
    """EMG-DLV."""
    dso, alpha, beta, point = hasty.dso(), hasty.operator("Alpha"), hasty.operator("Beta"), fresh_gsrn()
    dso.register_points(point)
    assets = [make_asset(point), make_asset(point)]
    for operator, asset in zip((alpha, beta), assets, strict=True):
        operator.register_assets(asset)
    asset_ids = sorted(asset["id"] for asset in assets)

    with operators_cut_off(hasty.stack):
        sent = dso.send_unforeseen(make_stop(asset_ids))
        unreached = eventually(lambda: delivery(dso, sent["id"]).get("unreached_asset_ids"))
        before = delivery(dso, sent["id"])
        nothing_came = [operator.active_limits() for operator in (alpha, beta)]
    eventually(lambda: delivery(dso, sent["id"])["all_reached_at"], 30)

    assert sent["status"] == "accepted"
    assert unreached == asset_ids
    assert before == {"asset_count": 2, "all_reached_at": None, "unreached_asset_ids": asset_ids}
    assert nothing_came == [[], []]
    assert "unreached_asset_ids" not in delivery(dso, sent["id"])
    assert [operator.active_limits()[0]["asset_ids"] for operator in (alpha, beta)] == [
        [asset["id"]] for asset in assets
    ]
