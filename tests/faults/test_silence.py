"""Messages sent while the receiver is down arrive exactly once after its return, also if the broker restarts."""

import os

import pytest

from tests.support.world import fresh_gln, fresh_gsrn
from tools.faults.silence import run_silence
from tps.client import Asset
from tps.local.embedded.stack import LocalStack

# 1,000 of them with TPS_SILENCE_MESSAGES=1000, or by `./tps bench silence`.
MESSAGES = int(os.environ.get("TPS_SILENCE_MESSAGES", "60"))


@pytest.mark.timeout(400)
def test_what_is_sent_while_the_receiver_is_down_is_received_once_after_two_restarts_of_the_broker(
    stack: LocalStack,
) -> None:
    assets = [Asset(fresh_gsrn(), fresh_gsrn(), "generation", max_production_kw=10) for _ in range(MESSAGES)]

    seen = run_silence(stack, fresh_gln(), assets, restarts=2)

    assert seen.violations == []
    assert (seen.sent, seen.received, seen.restarts) == (MESSAGES, MESSAGES, 2)
    assert seen.waiting >= MESSAGES // 6
    print(seen)
