"""The platform makes operators' limits from a DSO's limit (F6a)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.samples import BATTERY, CHP, HEAT_PUMP, make_foreseen, make_unforeseen
from tests.support.functions import function
from tps.domain.limit import Action, Direction
from tps.errors import RuleBroken
from tps.platform.limit_relay import limit_of_part
from tps.platform.limits import OperatorPart, WeighedAsset
from tps.platform.registry import ActiveAsset

relay = function("relay_limit")
OPERATOR = "5790000000012"


def make_active(asset_id: str = CHP, **powers_kw: int) -> ActiveAsset:
    powers = {name: Decimal(power_kw) for name, power_kw in powers_kw.items()}
    return ActiveAsset(
        id=asset_id,
        operator=OPERATOR,
        connection_point_id="T17",
        max_production_kw=powers.get("production"),
        max_consumption_kw=powers.get("consumption"),
        point_production_kw=None,
        point_consumption_kw=None,
    )


def make_part(*parts_kw: str) -> OperatorPart:
    return OperatorPart(OPERATOR, "a" * 32, 1, Decimal(600), tuple(Decimal(part) for part in parts_kw))


def test_an_operators_limit_has_its_own_assets_and_its_own_part() -> None:
    limit = make_foreseen("500", "250")

    own = limit_of_part(limit, make_part("300", "150"), [WeighedAsset(CHP, OPERATOR, Decimal(600))])

    assert own.asset_ids == (CHP,)
    assert [slot.power_kw for slot in own.available] == [300, 150]
    assert [slot.interval for slot in own.available] == [slot.interval for slot in limit.available]
    assert (own.direction, own.reason) == (limit.direction, limit.reason)


def test_a_part_for_each_interval_or_none_at_all() -> None:
    with pytest.raises(ValueError, match="shorter"):
        limit_of_part(make_foreseen("500", "250"), make_part("300"), [])


def test_an_operators_emergency_has_its_own_assets_and_is_otherwise_the_same() -> None:
    stop = make_unforeseen()

    own = limit_of_part(stop, make_part(), [WeighedAsset(HEAT_PUMP, OPERATOR, Decimal(0))])

    assert own == replace(stop, asset_ids=(HEAT_PUMP,))


@pytest.mark.parametrize(
    ("action", "direction", "powers_kw", "is_refused"),
    [
        (Action.START, Direction.BOTH, {"production": 1, "consumption": 1}, True),
        (Action.START, Direction.BOTH, {"production": 1}, False),
        (Action.START, Direction.BOTH, {"production": 1, "consumption": 0}, False),
        (Action.START, Direction.PRODUCTION, {"production": 1, "consumption": 1}, False),
        (Action.STOP, Direction.BOTH, {"production": 1, "consumption": 1}, False),
        (Action.HOLD, Direction.BOTH, {"production": 1, "consumption": 1}, False),
    ],
)
def test_only_a_start_that_could_go_both_ways_must_say_its_direction(
    action: Action, direction: Direction, powers_kw: dict[str, int], is_refused: bool
) -> None:
    limit, assets = make_unforeseen(action, direction), [make_active(CHP), make_active(BATTERY, **powers_kw)]

    if is_refused:
        with pytest.raises(RuleBroken, match="production or consumption"):
            relay._check_start(limit, assets)
    else:
        relay._check_start(limit, assets)
