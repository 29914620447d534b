"""The order of messages (docs/privacy.md, TIM-01 and TIM-02): the sender gets its answer before others get messages.

So the times of the answer, of the acknowledgement document and of the MADES acknowledgement do not reveal the number of
other parties.
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
    """TIM-01, LIM-ACK: the DSO gets its acknowledgement before any operator gets the limit."""
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
    """TIM-02: the time of the answer to a removed point does not reveal the number of its operators."""
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
    """Return a DSO with earlier messages to the platform, and an asset of each operator in its grid."""
    dso, point = world.dso(), fresh_gsrn()
    for _ in range(3):
        dso.register_points(point)
    assets = [make_asset(point) for _ in operators]
    for operator, asset in zip(operators, assets, strict=True):
        operator.register_assets(asset)
    return dso, [asset["id"] for asset in assets]


def _wait_for_all(tap: Wiretap, is_wanted: Callable[[Opened], bool]) -> None:
    """Wait until there is a message for each operator."""
    eventually(lambda: sum(map(is_wanted, tap.messages())) == OPERATORS)


def _to(tap: Wiretap, receiver: Member, message_id: str) -> list[Opened]:
    """Return the answers to one of a party's messages, by document and by MADES."""
    return [each for each in tap.messages() if each.way.receiver == receiver.code and answers(each, message_id)]
