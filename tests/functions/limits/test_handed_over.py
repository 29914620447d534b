"""Assets change their operator under a limit: only the parts of these operators change."""

from __future__ import annotations

from tests.functions.limits.steps import LIMITS, comes, parts, received, registered
from tests.support.world import Member, World, eventually, make_asset, make_foreseen, make_stop


def test_an_asset_that_changes_hands_moves_only_the_two_parts_concerned(
    world: World, dso: Member, alpha: Member, beta: Member, point: str, chp: str, wind: str
) -> None:
    """HND-TWO: 500 kW over 600, 400 and 1000; a third of Alpha's power passes to Beta."""
    gamma = world.operator("Gamma")
    solar = registered(gamma, point, 1000)
    limit_id = dso.send_foreseen(make_foreseen([chp, wind, solar], 500))["id"]
    comes(lambda: (parts(alpha), parts(beta), parts(gamma)), ([[150]], [[100]], [[250]]))

    beta.register_assets(make_asset(point, id=chp, max_production_kw=600))
    alpha.done("DELETE", f"/flexibility-assets?id={chp}")

    comes(lambda: parts(beta), [[250]])
    comes(lambda: received(alpha), [(2, "cancelled")])
    assert sorted(beta.active_limits()[0]["asset_ids"]) == sorted([chp, wind])
    assert (received(beta), received(gamma)) == ([(2, "active")], [(1, "active")])
    assert dso.done("GET", f"{LIMITS}/{limit_id}")["revision"] == 1


def test_a_stop_follows_an_asset_that_changes_hands(
    dso: Member, alpha: Member, beta: Member, point: str, chp: str
) -> None:
    other = registered(alpha, point, 100)
    dso.send_unforeseen(make_stop([chp, other]))
    eventually(alpha.active_limits)

    beta.register_assets(make_asset(point, id=chp, max_production_kw=600))
    alpha.done("DELETE", f"/flexibility-assets?id={chp}")

    comes(lambda: [limit["asset_ids"] for limit in beta.active_limits()], [[chp]])
    comes(lambda: [limit["asset_ids"] for limit in alpha.active_limits()], [[other]])
    assert (received(alpha), received(beta)) == ([(2, "active")], [(1, "active")])


def test_an_asset_that_is_only_removed_changes_nothing_under_a_limit(
    dso: Member, alpha: Member, beta: Member, point: str, chp: str, wind: str
) -> None:
    """HND-REM."""
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 500))["id"]
    before = eventually(alpha.active_limits)

    alpha.done("DELETE", f"/flexibility-assets?id={chp}")
    comes(lambda: dso.done("GET", f"{LIMITS}/{limit_id}")["delivery"]["all_reached_at"] is not None, True)

    assert alpha.active_limits() == before
