"""Schedule documents as a business application sends them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.documents.test_generation_load import real_documents
from tests.functions.schedules.grid import START, Grid, plans
from tests.support.in_process import InProcessWorld
from tests.support.world import Member, World, eventually
from tps.documents import Header, Role, ScheduleDocument, encode
from tps.domain.limit import Interval
from tps.domain.schedule import Schedule, schedule_of
from tps.endpoint.sending import Draft, dispatch, enqueue
from tps.host.services import Services
from tps.mades.ids import new_id
from tps.mades.types import SCHEDULE


@dataclass(frozen=True)
class Sender:
    """Sends documents in an operator's name, without its REST backend."""

    world: World
    services: Services
    operator: Member

    def send(self, content: bytes) -> Any:
        """Return the answered message as the operator sees it."""
        message_id, endpoint = new_id(), self.services.endpoint("agr")
        draft = Draft(self.operator.code, endpoint.platform, SCHEDULE, content)
        with endpoint.database.transaction() as tx:
            enqueue(endpoint, tx, draft, message_id)
        dispatch(endpoint, self.operator.code, [message_id])
        path = f"/messages/{message_id}"
        return eventually(
            lambda: found if (found := self.operator.done("GET", path))["status"] != "pending" else None, 30
        )

    def document(self, *schedules: Schedule, cancelled: tuple[str, ...] = (), **changes: Any) -> ScheduleDocument:
        """Return a document; by default revision 1 of D."""
        platform = self.world.settings.platform_party
        header = Header("D", START, self.operator.code, Role.AGR, platform, Role.TPS)
        period = Interval(START, START + timedelta(days=1))
        return replace(ScheduleDocument(header, 1, period, schedules, tuple(sorted(cancelled))), **changes)

    def said(self, document: ScheduleDocument) -> tuple[str, set[str]]:
        """Return the answer to a document: its status and the reasons."""
        shown = self.send(encode(document))
        return shown["status"], {each["code"] for each in [*shown["errors"], *shown.get("rejected", [])]}


@pytest.fixture
def sender(world: InProcessWorld, grid: Grid) -> Sender:
    return Sender(world, world.services, grid.alpha)


def planned(asset_id: str, *power_kw: int) -> Schedule:
    return schedule_of(asset_id, START, "PT15M", [Decimal(each) for each in power_kw])


def test_only_a_higher_revision_replaces_and_it_must_speak_of_every_asset(grid: Grid, sender: Sender) -> None:
    """SCH-OMT, SCH-REV, SCH-A59."""
    both = (planned(grid.alphas, 1), planned(grid.elsewhere, 1))

    said = {
        "first": sender.said(sender.document(*both)),
        "again": sender.said(sender.document(*both)),
        "other content": sender.said(sender.document(planned(grid.alphas, 2), planned(grid.elsewhere, 1))),
        "omits": sender.said(sender.document(planned(grid.alphas, 3), revision=3)),
        "next": sender.said(sender.document(planned(grid.alphas, 3), cancelled=(grid.elsewhere,), revision=3)),
        "lower": sender.said(sender.document(*both, revision=2)),
        "cancel": sender.said(sender.document(cancelled=(grid.alphas,), revision=4)),
        "after": sender.said(sender.document(planned(grid.alphas, 4), revision=5)),
    }

    assert said == {
        "first": ("accepted", set()),
        "again": ("accepted", set()),
        "other content": ("refused", {"A51"}),
        "omits": ("refused", {"A52"}),
        "next": ("accepted", set()),
        "lower": ("accepted", set()),
        "cancel": ("accepted", set()),
        "after": ("refused", {"A59"}),
    }
    assert plans(grid.dso) == plans(grid.other_dso) == []


def test_a_cancellation_that_overtakes_what_it_cancels_holds(grid: Grid, sender: Sender) -> None:
    cancelled = sender.said(sender.document(cancelled=(grid.alphas,), revision=2))
    late = sender.said(sender.document(planned(grid.alphas, 1)))

    assert (cancelled, late) == (("accepted", set()), ("accepted", set()))
    assert plans(grid.dso) == []


def test_a_refused_series_leaves_what_was_planned_for_its_asset(grid: Grid, sender: Sender) -> None:
    """SCH-REF."""
    sender.said(sender.document(planned(grid.alphas, 1), planned(grid.elsewhere, 1)))

    said = sender.said(sender.document(planned(grid.alphas, 601), planned(grid.elsewhere, 2), revision=2))

    assert said == ("partly_accepted", {"A42"})
    assert [each["power_kw"] for each in (*plans(grid.dso), *plans(grid.other_dso))] == [[1], [2]]
    assert sender.said(sender.document(planned(grid.elsewhere, 3), revision=3)) == ("refused", {"A52"})


def test_real_documents_sent_as_messages_are_refused_by_name_and_nothing_is_kept(world: World, sender: Sender) -> None:
    """Documents of the transparency platform have other versions and other business, and no schedules of ours."""
    paths = [found.values[0] for found in real_documents() if found.values[0].is_file()]
    if not paths:
        pytest.skip("no transparency: oracle absent")

    shown = {path.stem: sender.send(path.read_bytes()) for path in paths}

    assert {each["status"] for each in shown.values()} == {"refused"}
    assert all(each["errors"] and error["detail"] for each in shown.values() for error in each["errors"])
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        for query in (
            "SELECT count(*) FROM plan_piece WHERE owner = %s",
            "SELECT count(*) FROM schedule_document WHERE operator = %s",
        ):
            assert connection.execute(query.encode(), [sender.operator.code]).fetchone() == (0,)
