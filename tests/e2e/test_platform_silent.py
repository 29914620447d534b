"""While the platform is silent, a DSO's own backend answers its queries, with the age of the data (F5b, F9b)."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.halting import halted
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_schedule

ASSETS, PLANS = "/flexibility-assets", "/operational-schedules"


def as_of(answer: dict[str, str]) -> datetime:
    return datetime.fromisoformat(answer["as_of"])


def has_afresh(dso: Member, path: str, moment: datetime) -> bool:
    answer = dso.call("GET", path)
    return answer.status == 200 and as_of(answer.json) >= moment.replace(microsecond=0)


def test_a_dso_is_answered_from_its_own_copy_with_its_age_and_afresh_when_the_platform_is_back(world: World) -> None:
    dso, stranger, alpha, point = world.dso(), world.dso("South Grid"), world.operator(), fresh_gsrn()
    dso.register_points(point)
    asset = make_asset(point)
    alpha.register_assets(asset)
    plan = make_schedule(asset["id"], 100, 200)
    alpha.send_schedules(plan)
    assert dso.done("GET", f"{PLANS}/wait?timeout=20")["schedules"] == [plan]
    assets = dso.done("GET", ASSETS)["assets"]

    # No message arrives anywhere.
    with halted(world.stack, "delivery"):
        paused_at = datetime.now(UTC)
        copies = [dso.done("GET", path, Prefer="wait=1") for path in (ASSETS, PLANS)]
        waited_s = (datetime.now(UTC) - paused_at).total_seconds()
        unknown = [stranger.call("GET", path, Prefer="wait=1") for path in (ASSETS, PLANS)]
    back_at = datetime.now(UTC)

    assert (copies[0]["assets"], copies[1]["schedules"]) == (assets, [plan])
    assert all(as_of(copy) < paused_at for copy in copies)
    assert waited_s >= 2
    assert [(one.status, one.codes()) for one in unknown] == [(503, {"platform_silent"})] * 2
    eventually(lambda: all(has_afresh(dso, path, back_at) for path in (ASSETS, PLANS)))
