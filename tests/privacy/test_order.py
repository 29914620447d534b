"""When things are said (SEMANTICS, "What a DSO may learn"): whoever sends is answered before others hear of it.

So the time of the answer, of the Acknowledgement document and of MADES's acknowledgement alike, tells nothing of how
many others there are.
"""

from collections.abc import Callable, Sequence

import pytest

from tests.privacy.wiretap import Opened, Wiretap
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop
from tps.mades.message import MadesAcknowledgement

OPERATORS = 4


@pytest.fixture(scope="module")
def operators(world: World) -> list[Member]:
    return [world.operator(f"Operator {number}") for number in range(OPERATORS)]


@pytest.mark.parametrize("kind", ["foreseen", "unforeseen"])
def test_a_limit_is_acknowledged_before_any_operator_is_sent_it(
    world: World, tap: Wiretap, operators: list[Member], kind: str
) -> None:
    """TIM-01."""
    dso, ids = _grid(world, operators)
    make = make_foreseen if kind == "foreseen" else make_stop

    message_id = dso.done("POST", f"/capacity-limits/{kind}", make(ids))["message_id"]

    sent = eventually(lambda: _all_of(tap, lambda each: each.way.group == "agr" and "LIMIT" in each.way.type))
    answered = _places(tap.messages(), dso, message_id)
    assert len(answered) == 2
    assert max(answered) < min(sent)


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

    notices = eventually(lambda: _all_of(tap, lambda each: b"WAITING=" in each.content))
    answered = _places(tap.messages(), dso, message_id)
    assert len(answered) == 2
    assert max(answered) < min(notices)


def _grid(world: World, operators: Sequence[Member]) -> tuple[Member, list[str]]:
    """A DSO that has talked with the platform for a while, and an asset of each operator in its grid."""
    dso, point = world.dso(), fresh_gsrn()
    for _ in range(3):
        dso.register_points(point)
    assets = [make_asset(point) for _ in operators]
    for operator, asset in zip(operators, assets, strict=True):
        operator.register_assets(asset)
    return dso, [asset["id"] for asset in assets]


def _all_of(tap: Wiretap, is_wanted: Callable[[Opened], bool]) -> list[int]:
    """Where, in the order of the wire, the messages to the operators are; nothing until there is one for each."""
    places = [place for place, each in enumerate(tap.messages()) if is_wanted(each)]
    return places if len(places) == OPERATORS else []


def _places(messages: Sequence[Opened], receiver: Member, answered_id: str) -> list[int]:
    """Where, in the order of the wire, one of a party's messages is answered, by document and by MADES."""
    return [
        place
        for place, each in enumerate(messages)
        if each.way.receiver == receiver.code
        and (
            any(one.message_id == answered_id for one in each.signed.messages)
            if isinstance(each.signed, MadesAcknowledgement)
            else each.signed.in_reply_to == answered_id
        )
    ]
