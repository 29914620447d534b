"""Foreseen limits (docs/requirements.md, "Purpose"): planned maintenance, divided fairly among operators."""

from decimal import Decimal

from tests.support.world import World, eventually, fresh_gsrn, make_asset, make_foreseen


def test_a_limit_of_500_over_600_and_400_reads_as_300_and_200(world: World) -> None:
    """LIM-SUM."""
    dso, alpha, beta = world.dso(), world.operator("Alpha"), world.operator("Beta", role="brp")
    here, there = fresh_gsrn(), fresh_gsrn()
    dso.register_points(here, there)
    chp, wind = make_asset(here, max_production_kw=600), make_asset(there, max_production_kw=400)
    alpha.register_assets(chp)
    beta.register_assets(wind)

    accepted = dso.send_foreseen(make_foreseen([chp["id"], wind["id"]], power_kw=500))

    assert accepted["status"] == "accepted"
    (at_alpha,) = eventually(alpha.active_limits)
    (at_beta,) = eventually(beta.active_limits)
    assert [slot["power_kw"] for slot in at_alpha["available"]] == [300]
    assert [slot["power_kw"] for slot in at_beta["available"]] == [200]
    assert (at_alpha["asset_ids"], at_beta["asset_ids"]) == ([chp["id"]], [wind["id"]])


def test_three_equal_operators_get_parts_of_100_001_kw_that_add_up_exactly(world: World) -> None:
    """LIM-DIV."""
    dso, operators = world.dso(), [world.operator(name) for name in ("Alpha", "Beta", "Gamma")]
    point = fresh_gsrn()
    dso.register_points(point)
    assets = [make_asset(point, max_production_kw=100) for _ in operators]
    for operator, asset in zip(operators, assets, strict=True):
        operator.register_assets(asset)

    dso.send_foreseen(make_foreseen([asset["id"] for asset in assets], power_kw=100.001))

    limits = [eventually(operator.active_limits)[0] for operator in operators]
    parts = [Decimal(limit["available"][0]["power_kw"]) for limit in limits]
    assert sum(parts) == Decimal("100.001")
    assert max(parts) - min(parts) <= Decimal("0.001")
