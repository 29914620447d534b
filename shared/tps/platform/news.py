"""News for the platform operator. It is announced after the commit, so that waiting callers find it.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from tps.errors import StoreAway
from tps.platform.news_counts import Topic, raise_count

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint

_log = structlog.get_logger()


def news_of(*topics: Topic) -> Callable[[Endpoint], None]:
    """Return a step that announces news of these topics, for the end of an intake."""
    return lambda endpoint: tell_operator(endpoint, *topics)


def tell_operator(endpoint: Endpoint, *topics: Topic) -> None:
    """Announce news to the platform operator's waiting calls.

    A failure is only logged, because the next reader sees the news anyway.
    """
    try:
        with endpoint.database.transaction() as tx:
            raise_count(tx, topics)
            own = endpoint.own(tx, endpoint.platform)
        if own is not None:
            endpoint.mailbox.wake([own.party])
    except StoreAway as error:
        _log.warning("news not told", why=error.detail)
