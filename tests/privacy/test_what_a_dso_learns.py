"""DSO-ALL of docs/privacy.md: the distribution of assets among operators changes nothing for their DSO.

The same story is played in three grids that differ in ids only: one operator has all assets, three operators share
them, each operator has one. All registrations and plans of a step fall into one window, in which changes are merged.
The DSO's REST answers and documents, with their number, order, types, sizes, headers and metadata, are then the same
except ids and times.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.privacy.guards import differences
from tests.privacy.stories import Knowledge, Playing, knowledge_of, make_story
from tests.privacy.windows import Windows
from tests.privacy.wiretap import Wiretap
from tests.support.world import Member, World

ASSETS = 6
# Number of random stories on real servers. test_dealt_differently.py plays more in one process.
SEEDS = int(os.environ.get("TPS_STORY_SEEDS", "1"))


@pytest.fixture(scope="module")
def operators(world: World) -> list[Member]:
    return [world.operator(f"Operator {number}", role="brp" if number % 2 else "agr") for number in range(ASSETS)]


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_a_dso_gets_the_same_however_assets_are_dealt_to_operators(
    world: World, tap: Wiretap, operators: list[Member], seed: int
) -> None:
    """DSO-ALL, DST-GRP: documents, answers, number, order, types, sizes, headers."""
    story, shuffled = make_story(seed, ASSETS), random.Random(seed).sample(range(ASSETS), ASSETS)
    deals = {"one": [0] * ASSETS, "three": [number % 3 for number in shuffled], "each": shuffled}

    playings = [Playing(story, Windows(world), world.dso(), operators, deal) for deal in deals.values()]

    tap.messages()  # open the tap before several threads use it
    with ThreadPoolExecutor(len(deals)) as pool:
        known = dict(zip(deals, pool.map(partial(knowledge_of, tap), playings), strict=True))

    assert _has_substance(known["one"])
    assert differences(known) == []


def _has_substance(known: Knowledge) -> bool:
    """Return True if the story had effects: accepted limits, listed assets, changes and plans."""
    text = str(known)
    is_told = "processType>A39<" in text and '"removed_ids":["' in text and "<GL_MarketDocument" in text
    return '"status":"accepted"' in text and "processType>A55<" in text and "<asset 0>" in text and is_told
