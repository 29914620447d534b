"""The order of messages (docs/privacy.md, TIM-01 and TIM-02): the sender gets its answer before others get messages.

So the time of the answer, of the Acknowledgement document and of MADES's acknowledgement alike, tells nothing of how
many others there are.
"""

from collections.abc import Callable, Sequence

import pytest

from tests.privacy.guards import answers, told_early
from tests.privacy.wiretap import Opened, Wiretap
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop

OPERATORS = 4


@pytest.fixture(scope="module")
def operators(world: World) -> list[Member]:
    return [world.operator(f"Operator {number}") for number in range(OPERATORS)]


@pytest.mark.parametrize("kind", ["foreseen", "unforeseen"])
def test_a_limit_is_acknowledged_before_any_operator_is_sent_it(
    world: World, tap: Wiretap, operators: list[Member], kind: str
) -> None:
    """TIM-01, LIM-ACK."""
    dso, ids = _grid(world, operators)
    make = make_foreseen if kind == "foreseen" else make_stop

    message_id = dso.done("POST", f"/capacity-limits/{kind}", make(ids))["message_id"]

    def is_part(each: Opened) -> bool:
        return each.way.group == "agr" and "LIMIT" in each.way.type

    _wait_for_all(tap, is_part)
    assert len(_to(tap, dso, message_id)) == 2
    assert told_early(tap.messages(), message_id, is_part) == []


def test_a_registration_is_acknowledged_before_those_it_touches_hear_of_it(
    world: World, tap: Wiretap, operators: list[Member]
) -> None:
    """TIM-02: a DSO that takes a point away does not see by the time of its answer how many operators are there."""
    dso, _ = _grid(world, operators)
    point = fresh_gsrn()
    dso.register_points(point)
    for operator in operators:
        operator.register_assets(make_asset(point))

    message_id = dso.done("POST", "/connection-points/removal", {"ids": [point]})["message_id"]

    def is_notice(each: Opened) -> bool:
        return b"WAITING=" in each.content

    _wait_for_all(tap, is_notice)
    assert len(_to(tap, dso, message_id)) == 2
    assert told_early(tap.messages(), message_id, is_notice) == []


def _grid(world: World, operators: Sequence[Member]) -> tuple[Member, list[str]]:
    """A DSO that has talked with the platform for a while, and an asset of each operator in its grid."""
    dso, point = world.dso(), fresh_gsrn()
    for _ in range(3):
        dso.register_points(point)
    assets = [make_asset(point) for _ in operators]
    for operator, asset in zip(operators, assets, strict=True):
        operator.register_assets(asset)
    return dso, [asset["id"] for asset in assets]


def _wait_for_all(tap: Wiretap, is_wanted: Callable[[Opened], bool]) -> None:
    """Until there is one for each operator."""
    eventually(lambda: sum(map(is_wanted, tap.messages())) == OPERATORS)


def _to(tap: Wiretap, receiver: Member, message_id: str) -> list[Opened]:
    """What a party was answered to one of its messages, by document and by MADES."""
    return [each for each in tap.messages() if each.way.receiver == receiver.code and answers(each, message_id)]
