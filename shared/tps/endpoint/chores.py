"""Chores of a tick: each runs, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from tps.endpoint.endpoint import Endpoint
from tps.errors import StoreAway

Chore = Callable[[Endpoint], object]
_log = structlog.get_logger()


def chores(*steps: Chore) -> Callable[[Endpoint], None]:
    """Return a tick handler that runs these chores in order. A chore that misses a store is left for a later tick."""

    def tick(endpoint: Endpoint) -> None:
        for chore in steps:
            try:
                chore(endpoint)
            except StoreAway as error:
                _log.warning("chore postponed", chore=chore.__name__, group=endpoint.group, why=error.detail)

    return tick
