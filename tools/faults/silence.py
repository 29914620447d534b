"""A receiver that is down: messages wait, the broker is killed and restarted, and all arrive when the receiver returns.

Event delivery is stopped, so that no endpoint receives messages, and no tick sends messages from an outbox. An operator
registers assets, one per message, without waiting for answers. After the last message is RECEIVED at its sender, the
run checks both ledgers and the registry.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.story.actor import open_http
from tps.client import OperatorClient
from tps.local import onboarding, tokens
from tps.local.embedded.orphans import count_owed
from tps.local.embedded.up import DELIVERY
from tps.stores.database import one_transaction

if TYPE_CHECKING:
    from tps.client import Asset
    from tps.local.embedded.stack import LocalStack

_SENDERS = 4
_SETTLED_WITHIN_S = 300.0
_LOOK_S = 0.2


@dataclass(frozen=True)
class Silence:
    """The results of a run.

    Attributes:
        sent: Messages that were accepted from their sender.
        received: Messages of these that are RECEIVED at the sender.
        restarts: Number of kills and restarts of the broker.
        waiting: Messages in the broker when the receiver returned.
        came_again: Messages that the receiver got more than once; repeats have no effect.
        sending_s, settled_s: Time until all were accepted; time from the receiver's return until the last was RECEIVED.
        violations: Lost messages, or messages processed twice; must be empty.
    """

    sent: int
    received: int
    restarts: int
    waiting: int
    came_again: int
    sending_s: float
    settled_s: float
    violations: list[str]


def run_silence(stack: LocalStack, operator: str, assets: Sequence[Asset], restarts: int = 2) -> Silence:
    """Send a message for each asset while the receiver is down, then start the receiver.

    Args:
        stack: A running stack that this process supervises.
        operator: Code of a new party.
    """
    onboarding.add_party(stack, role="agr", code=operator, name="Operator in silence", grid_prefixes=())
    started = time.monotonic()
    with stack.without(DELIVERY):
        message_ids = _send(stack, operator, assets, restarts)
        waiting = _held_by_broker(stack)
        sending_s = time.monotonic() - started
    returned = time.monotonic()
    received = _wait_received(stack, operator, message_ids)
    settled_s = time.monotonic() - returned
    return Silence(
        sent=len(message_ids),
        received=received,
        restarts=restarts,
        waiting=waiting,
        came_again=_came_again(stack, message_ids),
        sending_s=sending_s,
        settled_s=settled_s,
        violations=_violations(stack, operator, message_ids, [asset.id for asset in assets]),
    )


def _send(stack: LocalStack, operator: str, assets: Sequence[Asset], restarts: int) -> list[str]:
    """Send all messages and return their ids. Kill the broker at equal intervals during sending."""
    token = tokens.issue(stack, operator)
    with open_http() as http, ThreadPoolExecutor(_SENDERS) as pool:
        client = OperatorClient(stack.gateway_url, token, http=http, wait_s=0)
        sending = [pool.submit(client.set_assets, [asset]) for asset in assets]
        for part in range(1, restarts + 1):
            sending[len(sending) * part // (restarts + 1)].result()
            _kill_broker(stack)
        return [call.result().message_id for call in sending]


def _kill_broker(stack: LocalStack) -> None:
    pid = stack.pid("nats")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    stack.wait_until(lambda: stack.pid("nats") not in (None, pid) and stack.nats.is_ready(), "nats")


def _held_by_broker(stack: LocalStack) -> int:
    from tps.stores.mailbox import Mailbox

    url, user, password = stack.nats_admin
    mailbox = Mailbox(url, user, password, "administrator")

    try:
        return mailbox.ask(count_owed)
    finally:
        mailbox.close()


def _wait_received(stack: LocalStack, operator: str, message_ids: list[str]) -> int:
    """Wait until all messages are RECEIVED at their sender, and return their number, also after the timeout."""
    query = """SELECT count(*) AS n FROM message
                WHERE component = %s AND direction = 'out' AND state = 'RECEIVED' AND message_id = ANY(%s)"""

    def count() -> int:
        return int(_rows(stack, "agr", query, operator, message_ids)[0]["n"])

    eventually(lambda: count() == len(message_ids))
    return count()


def eventually(look: Callable[[], object]) -> bool:
    """Wait until the result is truthy, for five minutes at most; return whether it was."""
    deadline = time.monotonic() + _SETTLED_WITHIN_S
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True


def _came_again(stack: LocalStack, message_ids: list[str]) -> int:
    query = """SELECT count(DISTINCT message_id) AS n FROM message_trace
                WHERE details = 'came again' AND message_id = ANY(%s)"""
    return int(_rows(stack, "tps", query, message_ids)[0]["n"])


def _violations(stack: LocalStack, operator: str, message_ids: list[str], asset_ids: list[str]) -> list[str]:
    """Check that each message is RECEIVED, applied once, and answered once."""
    violations = []
    states = """SELECT state, count(*) AS n FROM message
                 WHERE component = %s AND direction = 'out' AND message_id = ANY(%s) GROUP BY state"""
    for row in _rows(stack, "agr", states, operator, message_ids):
        if row["state"] != "RECEIVED":
            violations.append(f"{row['n']} messages are {row['state']}")
    if len(set(message_ids)) != len(asset_ids):
        violations.append(f"{len(set(message_ids))} messages for {len(asset_ids)} calls")
    claims = "SELECT count(*) AS n, count(DISTINCT sequence) AS sequences FROM asset_claim WHERE operator = %s"
    (row,) = _rows(stack, "tps", claims, operator)
    if (row["n"], row["sequences"]) != (len(asset_ids), len(asset_ids)):
        violations.append(f"{row['n']} assets by {row['sequences']} messages, of {len(asset_ids)}")
    taken = """SELECT count(DISTINCT message_id) AS n, count(t.step) AS times FROM message m
                 LEFT JOIN message_trace t USING (component, message_id)
                WHERE m.peer = %s AND m.direction = 'in' AND m.type = 'TPS-ASSET' AND t.state = 'DELIVERED'
                  AND t.details IS NULL"""
    (row,) = _rows(stack, "tps", taken, operator)
    if (row["n"], row["times"]) != (len(asset_ids), len(asset_ids)):
        violations.append(f"{row['n']} messages taken in {row['times']} times, of {len(asset_ids)}")
    answers = "SELECT count(*) AS n FROM message WHERE component = %s AND in_reply_to = ANY(%s)"
    for group, component in (("tps", _platform(stack)), ("agr", operator)):
        (row,) = _rows(stack, group, answers, component, message_ids)
        if row["n"] != len(message_ids):
            violations.append(f"{row['n']} answers at {group} to {len(message_ids)} messages")
    return violations


def _platform(stack: LocalStack) -> str:
    from tps.host.settings import Settings

    return Settings.from_env(stack.environment()).platform_component


def _rows(stack: LocalStack, group: str, query: str, *values: object) -> list[dict[str, Any]]:
    with one_transaction(stack.database_url(group)) as tx:
        return tx.execute(query, values).fetchall()
