"""What a DSO's backend knows of plans in its grid (F9b): its own copy, its age, the feed of changes, its questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tps.domain.limit import Interval
from tps.domain.plan import Piece, by_asset, hull, merged, ranked, uncovered
from tps.domain.schedule import EARLIEST, LATEST
from tps.domain.scope import DsoScope
from tps.party.feeds import next_position
from tps.party.plans import lock_plans, pieces_within, replace_pieces

if TYPE_CHECKING:
    from tps.stores.database import Transaction

FEED = "operational-schedules"
MANY_NEWS = 20_000
"""So much of the feed is told at a time, and the rest of one message with it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a question: the platform's time of it, and the message that brought it; None: there is no plan."""

    as_of: datetime
    message_id: str | None


@dataclass(frozen=True, slots=True)
class News:
    """Where plans became other ones, merged, by asset id; `position` is the newest."""

    position: int
    periods: dict[str, list[Interval]]


def put_plans(tx: Transaction, party: str, incoming: Sequence[Piece]) -> None:
    """Take pieces of one rank into a DSO's own copy, where none of a higher rank stands, and tell its feed."""
    if not incoming:
        return
    lock_plans(tx, party)
    coming = by_asset(incoming)
    standing = pieces_within(tx, party, coming, hull(piece.period for piece in incoming))
    stood = by_asset(standing)
    after = {asset_id: ranked(stood[asset_id], pieces) for asset_id, pieces in coming.items()}
    replace_pieces(tx, party, standing, [piece for pieces in after.values() for piece in pieces])
    news = {asset_id: _news(stood[asset_id], pieces, incoming[0].rank) for asset_id, pieces in after.items()}
    _add_news(tx, party, [(asset_id, period) for asset_id, periods in news.items() for period in periods])


def drop_plans(tx: Transaction, party: str, asset_ids: Iterable[str], rank: int) -> None:
    """These assets are not in the DSO's grid any more: their plans are gone, and its feed tells that they are.

    Args:
        rank: Sequence of the message that says so; plans that come by a later one stand again.
    """
    always = Interval(EARLIEST, LATEST)
    put_plans(tx, party, [Piece(asset_id, always, rank, None) for asset_id in sorted(set(asset_ids))])


def news_after(tx: Transaction, scope: DsoScope, position: int) -> News | None:
    """What is new after a position of the feed; None if nothing is. The oldest first, where it is a lot."""
    rows = tx.execute(
        """WITH counted AS (
               SELECT position, sum(count(*)) OVER (ORDER BY position) - count(*) AS before
                 FROM plan_news WHERE party = %(party)s AND position > %(after)s GROUP BY position)
           SELECT position, asset_id, starts_at, ends_at FROM plan_news
            WHERE party = %(party)s AND position > %(after)s
              AND position <= (SELECT max(position) FROM counted WHERE before < %(many)s)
            ORDER BY asset_id COLLATE "C", starts_at""",
        {"party": scope.party, "after": position, "many": MANY_NEWS},
    ).fetchall()
    periods: dict[str, list[Interval]] = defaultdict(list)
    for row in rows:
        period = Interval(row["starts_at"].astimezone(UTC), row["ends_at"].astimezone(UTC))
        periods[row["asset_id"]].append(period)
    if not rows:
        return None
    return News(max(row["position"] for row in rows), {asset_id: merged(found) for asset_id, found in periods.items()})


def note_age(tx: Transaction, party: str, as_of: datetime) -> None:
    """The own copy is as of this platform's time, if it is not as of a later one."""
    tx.execute(
        """INSERT INTO plan_age VALUES (%s, %s)
           ON CONFLICT (party) DO UPDATE SET as_of = greatest(plan_age.as_of, excluded.as_of)""",
        (party, as_of),
    )


def age(tx: Transaction, scope: DsoScope) -> datetime | None:
    """As of when the own copy is; None if no plan ever came."""
    row = tx.execute("SELECT as_of FROM plan_age WHERE party = %s", (scope.party,)).fetchone()
    return row["as_of"] if row else None


def ask(tx: Transaction, party: str, message_id: str) -> None:
    """Note that a message of ours asks for plans."""
    tx.execute("INSERT INTO schedule_question VALUES (%s, %s) ON CONFLICT DO NOTHING", (party, message_id))


def note_reply(tx: Transaction, party: str, message_id: str, reply: Reply) -> bool:
    """Note the answer to a question for plans; False if that message asks for none. The first answer stands."""
    row = tx.execute(
        """UPDATE schedule_question SET as_of = coalesce(as_of, %s),
                                        reply_id = CASE WHEN as_of IS NULL THEN %s ELSE reply_id END
            WHERE party = %s AND message_id = %s RETURNING 1 AS found""",
        (reply.as_of, reply.message_id, party, message_id),
    ).fetchone()
    return row is not None


def read_reply(tx: Transaction, scope: DsoScope, message_id: str) -> Reply | None:
    """The answer to one question; None if there is none yet."""
    row = tx.execute(
        "SELECT as_of, reply_id FROM schedule_question WHERE party = %s AND message_id = %s AND as_of IS NOT NULL",
        (scope.party, message_id),
    ).fetchone()
    return Reply(row["as_of"], row["reply_id"]) if row else None


def _news(before: Sequence[Piece], after: Sequence[Piece], rank: int) -> list[Interval]:
    """Where there is a new plan, and where there is none any more."""
    planned = [piece.period for piece in after if piece.block_id is not None]
    new = [piece.period for piece in after if piece.block_id is not None and piece.rank == rank]
    return merged([*new, *uncovered((piece.period for piece in before if piece.block_id is not None), planned)])


def _add_news(tx: Transaction, party: str, news: Sequence[tuple[str, Interval]]) -> None:
    if not news:
        return
    tx.execute(
        """INSERT INTO plan_news
           SELECT %s, %s, asset_id, starts_at, ends_at
             FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS n(asset_id, starts_at, ends_at)""",
        (
            *(party, next_position(tx, party, FEED), [asset_id for asset_id, _ in news]),
            *([period.start for _, period in news], [period.end for _, period in news]),
        ),
    )
