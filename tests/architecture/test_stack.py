"""stack.yml is the one list of functions: folders agree with it, and no two functions have the same trigger."""

from collections import Counter
from collections.abc import Iterable

import pytest

from tests.architecture.sources import ROOT
from tps.host.stack import FunctionEntry, consumers, load_stack
from tps.local.rendering.scaling import load_scales
from tps.mades import subjects, types
from tps.mades.message import ACKNOWLEDGEMENT_TYPE

# No function sends these yet. The first sender adds a function that takes them.
NOT_YET = {types.SCHEDULE, types.acknowledgement_of(types.SCHEDULE)}
GROUPS = {"agr", "dso", "tps", "ecp"}
MOST_FUNCTIONS = 15  # the maximum of the community editions of OpenFaaS and faasd

entries = pytest.mark.parametrize("entry", load_stack(), ids=lambda entry: entry.name)


def test_the_stack_and_the_folders_name_the_same_functions() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/func.py")}

    assert {entry.name for entry in load_stack()} == folders


def test_no_more_functions_than_a_community_edition_holds() -> None:
    assert len(load_stack()) <= MOST_FUNCTIONS


def test_each_message_type_of_a_group_wakes_one_function() -> None:
    assert _repeated(consumers(load_stack())) == []


def test_each_route_leads_to_one_function() -> None:
    assert _repeated(route for entry in load_stack() for route in entry.routes) == []


@entries
def test_only_message_types_that_its_group_receives_wake_a_function(entry: FunctionEntry) -> None:
    strange = [(group, name) for group, name in entry.topics if name not in received_by(group)]

    assert strange == []


@pytest.mark.parametrize("group", ["agr", "dso", "tps"])
def test_whatever_a_group_receives_wakes_some_function(group: str) -> None:
    taken = {name for taker, name in consumers(load_stack()) if taker == group}

    assert received_by(group) - taken <= NOT_YET


def test_each_topic_has_a_consumer_of_its_own() -> None:
    names = [subjects.consumer_name(group, name) for group, name in consumers(load_stack())]

    assert _repeated(names) == []


@entries
def test_a_function_is_woken_only_for_groups_it_serves(entry: FunctionEntry) -> None:
    by_message = {group for group, _ in entry.topics}
    by_route = {route.split("/")[1] for route in entry.routes if route.split("/")[2:3] == ["v1"]}

    assert by_message | by_route <= set(entry.groups) <= GROUPS


@entries
def test_a_function_is_woken_by_something_and_serves_some_requirement(entry: FunctionEntry) -> None:
    assert entry.routes or entry.topics or entry.tick_s
    assert entry.serves


@entries
def test_only_a_function_with_routes_can_wait(entry: FunctionEntry) -> None:
    assert entry.routes or not entry.waits


def test_each_function_says_how_far_it_scales() -> None:
    scales = load_scales()

    assert scales.keys() == {entry.name for entry in load_stack()}
    assert all(0 <= scale.minimum <= scale.maximum and scale.maximum > 0 for scale in scales.values())


def received_by(group: str) -> set[str]:
    """Return the message types that components of a group receive."""
    return {*types.types_received_by(group), ACKNOWLEDGEMENT_TYPE}


def _repeated(words: Iterable[object]) -> list[object]:
    return [word for word, times in Counter(words).items() if times > 1]


@entries
def test_every_function_has_tests_of_its_own(entry: FunctionEntry) -> None:
    tests = ROOT / "tests" / "functions"

    assert [*tests.rglob(f"test_{entry.name}.py"), *(tests / entry.name).glob("test_*.py")]
