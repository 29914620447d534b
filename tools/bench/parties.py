"""Parties and assets of benches; each story (0 to 88) on the same stack has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

from tools.bench.grid import make_grid
from tools.story.actor import Dso, Operator, Part, enter_dso, enter_operator
from tools.story.grid import GridAsset, make_gln

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_FIRST_PARTY = 10_000
_PARTIES_APART = 1_000
_ASSETS_APART = 100_000


def enter_parties(stack: LocalStack, http: httpx2.Client, story: int, operators: int) -> tuple[Dso, list[Operator]]:
    """Return a DSO and the given number of operators."""
    first = _FIRST_PARTY + story * _PARTIES_APART
    dso = enter_dso(stack, http, Part("dso", make_gln(first), f"Bench grid {story}"))
    parts = [Part("agr", make_gln(first + number), f"Bench operator {number}") for number in range(1, operators + 1)]
    return dso, [enter_operator(stack, http, part) for part in parts]


def assets_of(story: int, count: int) -> list[GridAsset]:
    """Return the given number of assets, at most 100,000."""
    return make_grid(count, story * _ASSETS_APART)
