"""Notices to a DSO about its limits: when they are due, and each only once (docs/semantics.md, "Emergencies")."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.support.rows import NOW, hours, outgoing
from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL
from tps.domain.limit import Action, Direction, Interval, LimitKind, Reason, UnforeseenLimit
from tps.domain.limit_revision import LimitStatus
from tps.endpoint import ledger, outbox
from tps.endpoint.outbox import Passage
from tps.mades.states import State
from tps.platform import limits
from tps.platform.limit_watches import Watch, take_due, take_reached, unreached_assets, watch
from tps.platform.limits import LimitName, OperatorPart, Revision, WeighedAsset
from tps.stores.database import Database

if TYPE_CHECKING:
    from tps.stores.database import Transaction

NAME = LimitName(GRID, "L1", 1)
NOTHING = timedelta()
DUE = {Watch.REACHED: NOW, Watch.UNREACHED: NOW + timedelta(seconds=60), Watch.EXPIRED: hours(2)}


def accept(tx: Transaction, name: LimitName = NAME) -> None:
    """Accept a stop for two operators with one asset each. Both messages are on their way."""
    period, reason = Interval(NOW, hours(2)), Reason("B18")
    stop = UnforeseenLimit((), Action.STOP, Direction.BOTH, period, reason)
    limits.add_revision(
        tx,
        Revision(
            name,
            LimitKind.UNFORESEEN,
            LimitStatus.ACTIVE,
            Direction.BOTH,
            period,
            reason,
            stop,
            f"m{name.revision}",
            NOW,
        ),
    )
    assets = [WeighedAsset(f"asset of {operator}", operator, Decimal(0)) for operator in (OPERATOR, RIVAL)]
    limits.freeze_assets(tx, name, assets)
    parts = []
    for operator in (OPERATOR, RIVAL):
        message_id = f"{operator} {name.revision}".ljust(32, "0")
        outbox.add_outgoing(tx, outgoing(message_id=message_id, receiver=operator))
        outbox.mark_sent(tx, PLATFORM, [message_id], Passage(NOW, NOW, "BROKER"))
        parts.append(OperatorPart(operator, f"sent {operator}", 1, Decimal(0), (), message_id=message_id))
    limits.put_parts(tx, name, parts)
    limits.mark_relayed(tx, name)
    watch(tx, name, DUE)


def deliver(tx: Transaction, operator: str, after: timedelta = NOTHING, revision: int = 1) -> None:
    message_id = f"{operator} {revision}".ljust(32, "0")
    ledger.advance(tx, PLATFORM, [message_id], State.DELIVERED, at=NOW + after, at_component=operator)


def test_all_are_reached_when_the_last_endpoint_has_it_and_that_is_said_once(tps: Database) -> None:
    """EMG-DLV: the notice ALL_REACHED has the time of the last delivery."""
    with tps.transaction() as tx:
        accept(tx)
        deliver(tx, OPERATOR, timedelta(seconds=9))
        before = take_reached(tx, PLATFORM)
        deliver(tx, RIVAL, timedelta(seconds=4))
        reached, again = take_reached(tx, PLATFORM), take_reached(tx, PLATFORM)

    assert before == again == []
    ((due, at),) = reached
    assert (due.name, due.what, due.message_id) == (NAME, Watch.REACHED, "m1")
    assert at == NOW + timedelta(seconds=9)


def test_what_is_not_reached_is_named_by_asset(tps: Database) -> None:
    """EMG-DLV: the notice UNREACHED lists assets."""
    with tps.transaction() as tx:
        accept(tx)
        deliver(tx, RIVAL)

        assert unreached_assets(tx, PLATFORM, NAME) == [f"asset of {OPERATOR}"]


def test_what_is_due_is_due_once_and_not_before(tps: Database) -> None:
    with tps.transaction() as tx:
        accept(tx)
        early = take_due(tx, NOW + timedelta(seconds=59))
        after_a_minute = take_due(tx, NOW + timedelta(seconds=60))
        at_the_end, again = take_due(tx, hours(2)), take_due(tx, hours(3))

    assert early == again == []
    assert [each.what for each in after_a_minute] == [Watch.UNREACHED]
    assert [(each.what, each.ends_at) for each in at_the_end] == [(Watch.EXPIRED, hours(2))]


def test_only_the_latest_revision_is_watched(tps: Database) -> None:
    second = LimitName(GRID, "L1", 2)
    with tps.transaction() as tx:
        accept(tx)
        accept(tx, second)
        deliver(tx, OPERATOR)
        deliver(tx, RIVAL)
        of_the_first = take_reached(tx, PLATFORM)
        due = take_due(tx, hours(3))

    assert of_the_first == []
    assert {each.name for each in due} == {second}
