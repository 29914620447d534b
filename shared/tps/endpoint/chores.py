"""Chores of a tick. A chore runs even if an earlier chore fails."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from tps.endpoint.endpoint import Endpoint
from tps.errors import StoreAway

Chore = Callable[[Endpoint], object]
_log = structlog.get_logger()


def chores(*steps: Chore) -> Callable[[Endpoint], None]:
    """Return a tick handler that runs these chores in order. If a store is away, a later tick repeats the chore."""

    def tick(endpoint: Endpoint) -> None:
        for chore in steps:
            try:
                chore(endpoint)
            except StoreAway as error:
                _log.warning("chore postponed", chore=chore.__name__, group=endpoint.group, why=error.detail)

    return tick
