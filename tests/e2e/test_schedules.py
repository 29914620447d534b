"""Schedules (F8, F9): what operators plan reaches the DSO whose grid it is, merged, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.documents.test_generation_load import real_documents
from tests.privacy.windows import Windows
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_schedule
from tps.documents import Header, Role, ScheduleDocument, encode
from tps.domain.limit import Interval
from tps.domain.schedule import Schedule, schedule_of
from tps.endpoint.sending import Draft, dispatch, enqueue
from tps.mades.ids import new_id
from tps.mades.types import SCHEDULE
from tps.runtime.services import Services, build_services

PATH = "/operational-schedules"
START = datetime(2099, 4, 10, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Grid:
    """A DSO with an asset of Alpha's and one of Beta's, 600 kW each; another DSO with one of Alpha's."""

    windows: Windows
    dso: Member
    other_dso: Member
    alpha: Member
    beta: Member
    alphas: str
    betas: str
    elsewhere: str

    def cursors(self) -> list[str]:
        """Where the feeds of both DSOs are, when all has been told so far."""
        return [self.told(dso)["cursor"] for dso in (self.dso, self.other_dso)]

    def told(self, dso: Member, after: str | None = None) -> Any:
        """What a DSO's feed tells, when all has been told so far; perhaps the same plan in two windows, then merged."""
        self.windows.wait_until_told(dso.code, [self.alphas, self.betas, self.elsewhere])
        return news(dso, timeout=0, **({"after": after} if after else {}))


@pytest.fixture
def grid(world: World) -> Grid:
    dso, other_dso, alpha, beta = world.dso(), world.dso("South"), world.operator("Alpha"), world.operator("Beta")
    point, far_point = fresh_gsrn(), fresh_gsrn()
    dso.register_points(point)
    other_dso.register_points(far_point)
    alphas, betas, elsewhere = make_asset(point), make_asset(point), make_asset(far_point)
    alpha.register_assets(alphas, elsewhere)
    beta.register_assets(betas)
    return Grid(Windows(world), dso, other_dso, alpha, beta, alphas["id"], betas["id"], elsewhere["id"])


def plans(member: Member, query: str = "") -> Any:
    """What a DSO is shown."""
    return member.done("GET", f"{PATH}{query}")["schedules"]


def news(member: Member, **query: object) -> Any:
    """What a wait answers; `timeout` is 20 unless told."""
    asked = "&".join(f"{name}={value}" for name, value in {"timeout": 20, **query}.items())
    return member.done("GET", f"{PATH}/wait?{asked}")


def test_a_schedule_goes_to_the_dso_whose_grid_the_asset_is_in(grid: Grid) -> None:
    """SCH-WHT."""
    schedule, far = make_schedule(grid.alphas, 100, 100, 0.5, -0), make_schedule(grid.elsewhere, 7)

    sent = grid.alpha.send_schedules(schedule, far)

    assert (sent["revision"], sent["status"]) == (1, "accepted")
    assert plans(grid.dso) == [schedule]
    assert plans(grid.other_dso) == [far]
    assert news(grid.dso)["schedules"] == [schedule]
    assert news(grid.other_dso)["schedules"] == [far]


def test_what_was_told_is_read_back_with_its_acknowledgement(grid: Grid) -> None:
    schedule = make_schedule(grid.alphas, 100, 200)
    sent = grid.alpha.send_schedules(schedule)

    found = grid.alpha.done("GET", f"{PATH}/{sent['id']}")

    assert found.pop("sent_at")
    assert found == {**sent, "schedules": [schedule]}
    assert [each["id"] for each in grid.alpha.done("GET", PATH)["schedules"]] == [sent["id"]]
    assert grid.beta.call("GET", f"{PATH}/{sent['id']}").status == 404
    assert grid.beta.done("GET", PATH) == {"schedules": []}


def test_days_of_92_and_100_quarters_come_out_right_whatever_offset_they_are_sent_by(grid: Grid) -> None:
    """The last Sundays of March and October 2027 in Copenhagen, as its clocks say."""
    days = {
        grid.alphas: make_schedule(grid.alphas, *range(92), start="2027-03-28T00:00:00+01:00"),
        grid.elsewhere: make_schedule(grid.elsewhere, *range(100), start="2027-10-31T00:00:00+02:00"),
    }

    grid.alpha.send_schedules(*days.values())

    (short,), (long,) = plans(grid.dso), plans(grid.other_dso)
    assert short == {**days[grid.alphas], "start": "2027-03-27T23:00:00Z"}
    assert long == {**days[grid.elsewhere], "start": "2027-10-30T22:00:00Z"}
    assert plans(grid.dso, "?from=2027-03-28T00:00:00%2B01:00&to=2027-03-29T00:00:00%2B02:00") == [short]
    assert plans(grid.dso, "?from=2027-03-29T00:00:00%2B02:00") == []
    (first,) = plans(grid.dso, "?to=2027-03-28T00:30:00%2B01:00")
    assert first["power_kw"] == [0, 1]


def test_one_series_beyond_its_maximum_is_named_and_the_others_stand(grid: Grid) -> None:
    """SCH-SER: so is one that cannot even be written, and another's asset; in the same words as one that is unknown."""
    unknown = fresh_gsrn()
    bodies = [
        make_schedule(grid.alphas, 600),
        make_schedule(grid.elsewhere, 600.001),
        make_schedule(grid.betas, 1),
        make_schedule(unknown, 1),
        make_schedule(fresh_gsrn(), 1, resolution="PT7M"),
    ]

    sent = grid.alpha.send_schedules(*bodies)

    assert sent["status"] == "partly_accepted"
    rejected = {each["asset_id"]: (each["code"], each["detail"]) for each in sent["rejected"]}
    assert {asset_id: code for asset_id, (code, _) in rejected.items()} == {
        grid.elsewhere: "A42",
        grid.betas: "A64",
        unknown: "A64",
        bodies[-1]["asset_id"]: "A41",
    }
    assert rejected[grid.betas] == rejected[unknown]
    assert plans(grid.dso) == [bodies[0]]
    read = grid.alpha.done("GET", f"{PATH}/{sent['id']}")
    assert (read["status"], read["rejected"]) == ("partly_accepted", sent["rejected"])
    shown = grid.alpha.done("GET", f"/messages/{sent['message_id']}")
    assert (shown["status"], shown["rejected"]) == ("partly_accepted", sent["rejected"])


def test_what_nothing_is_left_of_is_refused_with_its_place(grid: Grid) -> None:
    """SCH-RES."""
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"power_kw": [601]}, "A42", "/schedules/0"),
        ({"power_kw": [0.0001]}, "A42", "/schedules/0/power_kw/0"),
        ({"start": "2020-04-10T06:00:00Z"}, "A57", "/schedules/0"),
        ({"start": "2099-04-10T06:00:30Z"}, "A04", "/schedules/0/start"),
        ({"resolution": "P1D"}, "A41", "/schedules/0/resolution"),
        ({"asset_id": "571313100000000001"}, "check_digit", "/schedules/0/asset_id"),
    ]
    for change, code, pointer in cases:
        reply = grid.alpha.call("POST", PATH, {"schedules": [{**make_schedule(grid.alphas, 1), **change}]})
        assert (reply.status, reply.codes(), reply.pointers()) == (422, {code}, {pointer})
    assert grid.alpha.done("GET", PATH) == {"schedules": []}


def test_a_change_replaces_what_was_planned_and_cancels_what_it_drops(grid: Grid) -> None:
    """SCH-PUT."""
    first = grid.alpha.send_schedules(make_schedule(grid.alphas, 1, 1), make_schedule(grid.elsewhere, 2))
    before, before_other = grid.cursors()
    later = make_schedule(grid.alphas, 3, start="2099-04-10T06:15:00Z")

    changed = grid.alpha.done("PUT", f"{PATH}/{first['id']}", {"schedules": [later]})

    assert (changed["id"], changed["revision"], changed["status"]) == (first["id"], 2, "accepted")
    assert plans(grid.dso) == [later]
    assert plans(grid.other_dso) == []
    told, told_other = grid.told(grid.dso, before), grid.told(grid.other_dso, before_other)
    gone = {"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T06:15:00Z"}
    assert (told["schedules"], told["cancelled"]) == ([later], [{"asset_id": grid.alphas, **gone}])
    assert (told_other["schedules"], told_other["cancelled"]) == ([], [{"asset_id": grid.elsewhere, **gone}])
    assert [each["revision"] for each in grid.alpha.done("GET", PATH)["schedules"]] == [2]


def test_the_later_accepted_wins_the_overlap_and_what_is_cancelled_leaves_no_plan(grid: Grid) -> None:
    """SCH-OVL, SCH-DEL."""
    grid.alpha.send_schedules(make_schedule(grid.alphas, 1, 1, 1, 1))
    over = grid.alpha.send_schedules(make_schedule(grid.alphas, 5, 5, start="2099-04-10T06:15:00Z"))
    (both,) = plans(grid.dso)

    cancelled = grid.alpha.done("DELETE", f"{PATH}/{over['id']}")

    assert both["power_kw"] == [1, 5, 5, 1]
    assert (cancelled["id"], cancelled["revision"], cancelled["status"]) == (over["id"], 2, "accepted")
    assert [each["start"] for each in plans(grid.dso)] == ["2099-04-10T06:00:00Z", "2099-04-10T06:45:00Z"]
    assert grid.alpha.done("GET", f"{PATH}/{over['id']}")["status"] == "cancelled"
    again = grid.alpha.call("DELETE", f"{PATH}/{over['id']}")
    changed = grid.alpha.call("PUT", f"{PATH}/{over['id']}", {"schedules": [make_schedule(grid.alphas, 1)]})
    assert [(reply.status, reply.codes()) for reply in (again, changed)] == [(422, {"A59"})] * 2


def test_there_is_nothing_to_cancel_of_what_was_refused_from_the_beginning(grid: Grid) -> None:
    """SCH-A59: alone, and among several, of which none is cancelled then."""
    body = {"schedules": [make_schedule(grid.alphas, 601), make_schedule(grid.betas, 1)]}
    sent = grid.alpha.call("POST", PATH, body, Prefer="respond-async").json
    shown = eventually(
        lambda: (
            found if (found := grid.alpha.done("GET", f"/messages/{sent['message_id']}"))["status"] != "pending" else 0
        )
    )
    standing = grid.alpha.send_schedules(make_schedule(grid.elsewhere, 1))["id"]

    alone = grid.alpha.call("DELETE", f"{PATH}/{sent['id']}")
    several = grid.alpha.call("DELETE", PATH, {"ids": [standing, sent["id"]]})

    assert shown["status"] == "refused"
    assert [(reply.status, reply.codes()) for reply in (alone, several)] == [(422, {"A59"})] * 2
    assert several.pointers() == {"/ids/1"}
    assert grid.alpha.done("GET", f"{PATH}/{standing}")["status"] == "accepted"
    assert grid.alpha.done("GET", f"{PATH}/{sent['id']}")["status"] == "refused"


def test_several_are_cancelled_by_their_ids_and_others_are_not_found(grid: Grid) -> None:
    sent = [grid.alpha.send_schedules(make_schedule(grid.alphas, 1, start=f"2099-04-1{day}T06:00Z")) for day in (1, 2)]
    ids = [each["id"] for each in sent]
    foreign = grid.beta.send_schedules(make_schedule(grid.betas, 1))["id"]

    refused = grid.alpha.call("DELETE", PATH, {"ids": [*ids, foreign]})
    cancelled = [grid.alpha.done("DELETE", PATH, {"ids": ids}, Idempotency_Key="all of it") for _ in range(2)]

    assert (refused.status, refused.pointers()) == (404, {"/ids/2"})
    assert cancelled[0] == cancelled[1]
    assert [(each["id"], each["revision"]) for each in cancelled[0]["schedules"]] == [(each, 2) for each in ids]
    assert [each["asset_id"] for each in plans(grid.dso)] == [grid.betas]


def test_a_dry_run_says_what_would_happen_and_sends_nothing(grid: Grid) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    bodies = [make_schedule(grid.alphas, 0, 0, start=now.isoformat(), resolution="PT60M"), make_schedule("NDK:x", 1)]

    answer = grid.alpha.done("POST", f"{PATH}?dry_run=true", {"schedules": bodies})

    assert (answer["dry_run"], answer["status"]) == (True, "partly_accepted")
    assert [(each["asset_id"], each["code"]) for each in answer["rejected"]] == [("NDK:x", "A64")]
    assert {each["code"] for each in answer["warnings"]} == {"partly_in_the_past", "all_zero"}
    assert grid.alpha.done("GET", PATH) == {"schedules": []}


def test_a_schedule_of_a_waiting_asset_is_told_once_it_is_active(world: World) -> None:
    """SCH-WTG."""
    dso, alpha, point = world.dso(), world.operator(), fresh_gsrn()
    asset = make_asset(point)
    alpha.register_assets(asset)
    schedule = make_schedule(asset["id"], 100)

    sent = alpha.send_schedules(schedule)

    assert [each["code"] for each in sent["warnings"]] == ["asset_waiting"]
    assert plans(dso) == []
    dso.register_points(point)
    assert news(dso)["schedules"] == [schedule]
    assert plans(dso) == [schedule]


def test_a_plan_ends_when_its_asset_changes_hands_and_the_new_holders_begins(grid: Grid) -> None:
    """SCH-GON."""
    old, new = make_schedule(grid.alphas, 100, 100), make_schedule(grid.alphas, 50)
    grid.alpha.send_schedules(old)
    grid.beta.register_assets(make_asset(asset_point(grid), id=grid.alphas))
    grid.beta.send_schedules(new)
    cursor, _ = grid.cursors()
    assert plans(grid.dso) == [old]

    grid.alpha.done("DELETE", f"/flexibility-assets?id={grid.alphas}")

    told = grid.told(grid.dso, cursor)
    assert told["schedules"] == [new]
    assert [each["start"] for each in told["cancelled"]] == ["2099-04-10T06:15:00Z"]
    assert plans(grid.dso) == [new]


def test_the_plan_of_an_asset_that_is_removed_ends_for_its_dso(grid: Grid) -> None:
    """SCH-GON."""
    grid.alpha.send_schedules(make_schedule(grid.alphas, 100))
    cursor, _ = grid.cursors()

    grid.alpha.done("DELETE", f"/flexibility-assets?id={grid.alphas}")

    assert plans(grid.dso) == []
    told = grid.told(grid.dso, cursor)
    assert (told["schedules"], [each["asset_id"] for each in told["cancelled"]]) == ([], [grid.alphas])
    assert grid.dso.done("GET", PATH, Prefer="wait=0")["schedules"] == []


def asset_point(grid: Grid) -> str:
    """The connection point of the assets in the DSO's grid."""
    listed = grid.dso.done("GET", "/flexibility-assets")["assets"]
    return str(next(each["connection_point_id"] for each in listed if each["id"] == grid.alphas))


def test_when_the_platform_is_silent_the_dsos_own_copy_answers_with_its_age(grid: Grid) -> None:
    """And before anything came, nothing does."""
    early = grid.dso.call("GET", PATH, Prefer="wait=0")
    schedule = make_schedule(grid.alphas, 1, 2, 3, 4)
    grid.alpha.send_schedules(schedule)
    news(grid.dso)

    # The copy shows plans of the assets it knows of, and these are told by a message of their own.
    eventually(lambda: grid.dso.done("GET", PATH, Prefer="wait=0")["schedules"])

    silent = grid.dso.done("GET", f"{PATH}?from=2099-04-10T06:15:00Z&to=2099-04-10T06:45:00Z", Prefer="wait=0")
    asked = grid.dso.done("POST", f"{PATH}/query", {"asset_ids": [grid.alphas]}, Prefer="wait=0")
    other = grid.dso.done("POST", f"{PATH}/query", {"asset_ids": [grid.elsewhere]}, Prefer="wait=0")

    assert (early.status, early.codes()) == (503, {"platform_silent"})
    assert silent["schedules"] == [{**schedule, "start": "2099-04-10T06:15:00Z", "power_kw": [2, 3]}]
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(silent["as_of"]) < timedelta(minutes=1)
    assert (asked["schedules"], other["schedules"]) == ([schedule], [])


def test_a_question_for_plans_leaves_the_list_of_assets_alone(grid: Grid) -> None:
    """SCH-UNK."""
    before = grid.dso.done("GET", "/flexibility-assets")["assets"]

    assert plans(grid.dso) == []

    assert grid.dso.done("GET", "/flexibility-assets", Prefer="wait=0")["assets"] == before


def test_a_bad_question_is_named(world: World) -> None:
    dso = world.dso()
    for query, pointer in {
        "?from=yesterday": "/from",
        "?from=2099-01-02T00:00:00Z&to=2099-01-01T00:00:00Z": "/to",
        "?" + "&".join(["asset_id=NDK:x"] * 51): "/asset_id",
        "?asset_id=%20": "/asset_id",
        "?party=1": "/party",
        "/wait?after=x": "/after",
    }.items():
        reply = dso.call("GET", f"{PATH}{query}")
        assert (reply.status, reply.pointers()) == (400, {pointer})


# Documents as a business application would send them


@dataclass(frozen=True)
class Sender:
    """Sends documents in an operator's name, without its REST backend."""

    world: World
    services: Services
    operator: Member

    def send(self, content: bytes) -> Any:
        """The message as the operator is shown it once it is answered."""
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
        """Revision 1 of D unless told."""
        platform = self.world.settings.platform_party
        header = Header("D", START, self.operator.code, Role.AGR, platform, Role.TPS)
        period = Interval(START, START + timedelta(days=1))
        return replace(ScheduleDocument(header, 1, period, schedules, tuple(sorted(cancelled))), **changes)

    def said(self, document: ScheduleDocument) -> tuple[str, set[str]]:
        """What a document is answered: its status and the reasons."""
        shown = self.send(encode(document))
        return shown["status"], {each["code"] for each in [*shown["errors"], *shown.get("rejected", [])]}


@pytest.fixture
def sender(world: World, grid: Grid) -> Iterator[Sender]:
    services = build_services(world.settings)
    yield Sender(world, services, grid.alpha)
    services.close()


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
    """Those of the transparency platform: other versions, other business, no schedules of ours."""
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


def test_a_whole_grid_in_one_call_reaches_each_dso_by_its_half(world: World) -> None:
    """2,000 assets by 96 quarters: 192,000 points; each DSO gets exactly its half, in the order of the ids."""
    dsos, alpha = (world.dso("North"), world.dso("South")), world.operator()
    points = [fresh_gsrn() for _ in dsos]
    for dso, point in zip(dsos, points, strict=True):
        dso.register_points(point)
    assets = [make_asset(points[number % 2]) for number in range(2_000)]
    alpha.register_assets(*assets)
    schedules = [
        make_schedule(asset["id"], *((number * 7 + quarter * 13) % 600 + 0.5 for quarter in range(96)))
        for number, asset in enumerate(assets)
    ]

    sent = alpha.done("POST", PATH, {"schedules": schedules}, Prefer="wait=55")

    assert sent["status"] == "accepted"
    for number, dso in enumerate(dsos):
        half = sorted(schedules[number::2], key=lambda schedule: str(schedule["asset_id"]))
        assert news(dso, timeout=50)["schedules"] == half
