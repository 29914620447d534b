"""Whether there is news for the platform operator: a count by topic, raised once the news can be read (F3)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tps.domain.scope import TpsScope
    from tps.stores.database import Transaction


class Topic(StrEnum):
    """What has changed; the order is that of the counts."""

    PLANS = "plans"
    LIMITS = "limits"
    DELIVERIES = "deliveries"
    REGISTRY = "registry"


def raise_count(tx: Transaction, topics: Iterable[Topic]) -> None:
    """There is news; in a transaction of its own, after the one that wrote it. Nobody waits for anybody here."""
    for topic in topics:
        tx.execute("SELECT nextval(%s::regclass)", (f"news_of_{topic}",))


def counts(tx: Transaction, _scope: TpsScope) -> tuple[int, ...]:
    """How often there was news, by topic in their order."""
    row = tx.execute(
        """SELECT p.last_value AS plans, l.last_value AS limits, d.last_value AS deliveries, r.last_value AS registry
             FROM news_of_plans p, news_of_limits l, news_of_deliveries d, news_of_registry r"""
    ).fetchone()
    assert row is not None
    return tuple(int(row[topic]) for topic in Topic)
