"""News for the platform operator, counted by topic. It is announced after the commit, so that waiting calls find it.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from tps.errors import StoreAway

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.endpoint.endpoint import Endpoint
    from tps.stores.database import Transaction


class Topic(StrEnum):
    """A topic of news. The order of topics is the order of the counts."""

    PLANS = "plans"
    LIMITS = "limits"
    DELIVERIES = "deliveries"
    REGISTRY = "registry"


def raise_count(tx: Transaction, topics: Iterable[Topic]) -> None:
    """Raise the counts of these topics. No caller waits for a lock.

    Use a separate transaction after the one with the news, so that the news can be read.
    """
    for topic in topics:
        tx.execute("SELECT nextval(%s::regclass)", (f"news_of_{topic}",))


def counts(tx: Transaction, _scope: TpsScope) -> tuple[int, ...]:
    """Return the counts of news in the order of the topics."""
    row = tx.execute(
        """SELECT p.last_value AS plans, l.last_value AS limits, d.last_value AS deliveries, r.last_value AS registry
             FROM news_of_plans p, news_of_limits l, news_of_deliveries d, news_of_registry r"""
    ).fetchone()
    assert row is not None
    return tuple(int(row[topic]) for topic in Topic)


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
