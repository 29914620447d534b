"""Revisions of a limit as documents, in any order of arrival (docs/semantics.md, "Update, cancel, end")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.in_process import InProcessWorld
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset
from tps.documents import Header, Role, encode
from tps.documents.unavailability import DocumentStatus, LimitDocument
from tps.domain.limit import Action, AvailablePower, Direction, ForeseenLimit, Interval, Reason, UnforeseenLimit
from tps.endpoint.sending import Draft, dispatch, enqueue
from tps.host.services import Services
from tps.mades.ids import new_id
from tps.mades.types import LIMIT_FORESEEN, LIMIT_UNFORESEEN

DAY = Interval(datetime(2099, 4, 10, tzinfo=UTC), datetime(2099, 4, 11, tzinfo=UTC))


@dataclass
class Sender:
    """Sends documents of a DSO by its endpoint, as a business application would."""

    world: World
    services: Services
    dso: Member
    alpha: Member
    asset: str
    limit_id: str

    def says(self, document: LimitDocument, message_type: str = LIMIT_FORESEEN) -> tuple[str, set[str]]:
        """Return the answer to a document: its status, and the reasons of a refusal."""
        message_id, endpoint = new_id(), self.services.endpoint("dso")
        draft = Draft(self.dso.code, endpoint.platform, message_type, encode(document))
        with endpoint.database.transaction() as tx:
            enqueue(endpoint, tx, draft, message_id)
        dispatch(endpoint, self.dso.code, [message_id])
        shown = eventually(lambda: self._answered(message_id))
        return shown["status"], {each["code"] for each in shown["errors"]}

    def _answered(self, message_id: str) -> Any:
        found = self.dso.done("GET", f"/messages/{message_id}")
        return found if found["status"] != "pending" else None

    def limit(self, revision: int, power_kw: int = 500, period: Interval = DAY) -> LimitDocument:
        available = (AvailablePower(period, Decimal(power_kw)),)
        limit = ForeseenLimit((self.asset,), Direction.PRODUCTION, available)
        return LimitDocument(self.header(), revision, DocumentStatus.ACTIVE, period, "A77", limit, limit.reason)

    def closing(self, revision: int, status: DocumentStatus = DocumentStatus.CANCELLED) -> LimitDocument:
        return LimitDocument(self.header(), revision, status, DAY, "A77", None, Reason("B19"))

    def header(self) -> Header:
        now = datetime.now(UTC).replace(microsecond=0)
        platform = self.world.settings.platform_party
        return Header(self.limit_id, now, self.dso.code, Role.DSO, platform, Role.TPS)

    def heard(self) -> list[tuple[int, str, int]]:
        """Return the operator's limits: revision, status, kW."""
        limits = self.alpha.done("GET", "/capacity-limits?all_revisions=true")["limits"]
        return [(each["revision"], each["status"], each["available"][0]["power_kw"]) for each in limits]


@pytest.fixture
def sender(world: InProcessWorld) -> Sender:
    dso, alpha, point = world.dso(), world.operator("Alpha"), fresh_gsrn()
    dso.register_points(point)
    asset = make_asset(point)
    alpha.register_assets(asset)
    return Sender(world, world.services, dso, alpha, asset["id"], new_id())


def test_only_a_higher_revision_replaces_and_numbers_may_skip(sender: Sender) -> None:
    """REV-HIG, REV-LOW."""
    assert sender.says(sender.limit(2, 300)) == ("accepted", set())
    eventually(sender.heard)
    assert sender.says(sender.limit(1, 500)) == ("accepted", set()), "acknowledged (A84) and ignored"
    assert sender.says(sender.limit(7, 200)) == ("accepted", set())

    eventually(lambda: len(sender.heard()) == 2)
    assert sender.heard() == [(1, "active", 300), (2, "active", 200)]


def test_the_same_revision_is_accepted_again_with_the_same_content_only(sender: Sender) -> None:
    """REV-SAM, REV-OTH."""
    first = sender.limit(1)
    later = replace(first, header=replace(first.header, created_at=first.header.created_at + timedelta(seconds=1)))

    assert [sender.says(first), sender.says(later)] == [("accepted", set())] * 2
    assert sender.says(sender.limit(1, 400)) == ("refused", {"A51"})

    eventually(sender.heard)
    assert sender.heard() == [(1, "active", 500)]


def test_a_cancel_that_comes_before_its_limit_keeps_it_from_coming_up(sender: Sender) -> None:
    """REV-CLS."""
    assert sender.says(sender.closing(2)) == ("accepted", set())
    assert sender.says(sender.limit(1)) == ("accepted", set())
    assert sender.says(sender.limit(3)) == ("refused", {"A59"})
    assert sender.says(sender.closing(3)) == ("refused", {"A59"})

    assert sender.heard() == []


def test_a_cancel_twice_is_accepted_twice_and_told_once(sender: Sender) -> None:
    """REV-SAM."""
    sender.says(sender.limit(1))
    eventually(sender.heard)
    cancel = sender.closing(2, DocumentStatus.WITHDRAWN)

    assert [sender.says(cancel), sender.says(cancel)] == [("accepted", set())] * 2

    eventually(lambda: len(sender.heard()) == 2)
    assert sender.heard() == [(1, "active", 500), (2, "withdrawn", 500)]


def test_an_ending_is_not_judged_by_its_age(sender: Sender) -> None:
    """EMG-AGE."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    running = Interval(now - timedelta(hours=1), now + timedelta(hours=1))
    ended = Interval(running.start, now - timedelta(minutes=3))
    sender.says(sender.limit(1, period=running))
    eventually(sender.heard)

    assert sender.says(sender.limit(2, period=ended)) == ("accepted", set())

    eventually(lambda: len(sender.heard()) == 2)
    assert [(revision, status) for revision, status, _ in sender.heard()] == [(1, "active"), (2, "ended")]


def test_a_limit_keeps_its_kind(sender: Sender) -> None:
    """LIF-KND."""
    sender.says(sender.limit(1))
    stop = UnforeseenLimit((sender.asset,), Action.STOP, Direction.PRODUCTION, DAY)
    emergency = replace(sender.limit(2), limit=stop, reason=stop.reason)

    assert sender.says(emergency, LIMIT_UNFORESEEN) == ("refused", {"A59"})
    assert sender.says(sender.closing(2), LIMIT_UNFORESEEN) == ("refused", {"A59"})
    assert sender.says(emergency) == ("refused", {"A94"})


def test_a_change_on_the_heels_of_its_limit_is_each_operators_second_revision(sender: Sender) -> None:
    """REV-ORD."""
    for revision, power_kw in enumerate((500, 400, 300), start=1):
        sender.says(sender.limit(revision, power_kw))

    eventually(lambda: (3, "active", 300) in sender.heard())
