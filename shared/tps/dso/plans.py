"""Plans in a DSO's backend: the copy of plans in its grid, its age, the feed of changes, and their intake.

Source: docs/requirements.md, F9b.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tps.documents import ScheduleDocument
from tps.documents.acknowledgement import Outcome
from tps.domain.limit import Interval
from tps.domain.plan import Piece, by_asset, hull, merged, ranked, uncovered
from tps.domain.schedule import EARLIEST, LATEST
from tps.domain.scope import DsoScope
from tps.endpoint import ledger
from tps.endpoint.answers import Answer
from tps.endpoint.handling import Handling
from tps.endpoint.message_row import Status
from tps.errors import Finding, RuleBroken
from tps.party import plan_blocks
from tps.party.feeds import next_position
from tps.party.plan_reading import cut_to_blocks
from tps.party.plans import lock_plans, pieces_within, replace_pieces

if TYPE_CHECKING:
    from tps.stores.database import Transaction

FEED = "operational-schedules"
MANY_NEWS = 20_000
"""Maximum number of feed entries in one answer. The rest of the last message is added."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request.

    Attributes:
        as_of: The platform's time of the answer.
        message_id: The message that carried the answer. None if the platform reported no
    """

    as_of: datetime
    message_id: str | None


@dataclass(frozen=True, slots=True)
class News:
    """Changes of plans after a position of the feed.

    Attributes:
        position: The newest position.
        periods: Merged periods with changes, by asset id.
    """

    position: int
    periods: dict[str, list[Interval]]


def put_plans(tx: Transaction, party: str, incoming: Sequence[Piece]) -> None:
    """Put pieces of one rank into a DSO's own copy, except where a higher rank stands. The feed gets the changes."""
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
    """Remove the plans of assets that left the DSO's grid. The feed gets the removals.

    Args:
        rank: Sequence of the message about the removal. Plans of later messages are kept again.
    """
    always = Interval(EARLIEST, LATEST)
    put_plans(tx, party, [Piece(asset_id, always, rank, None) for asset_id in sorted(set(asset_ids))])


def news_after(tx: Transaction, scope: DsoScope, position: int) -> News | None:
    """Return the changes after a position of the feed, or None. Large amounts come in parts, oldest first."""
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
    return News(
        max(row["position"] for row in rows), {asset_id: merged(changed) for asset_id, changed in periods.items()}
    )


def note_age(tx: Transaction, party: str, as_of: datetime) -> None:
    """Set the age of the own copy to this platform's time, unless it is newer already."""
    tx.execute(
        """INSERT INTO plan_age VALUES (%s, %s)
           ON CONFLICT (party) DO UPDATE SET as_of = greatest(plan_age.as_of, excluded.as_of)""",
        (party, as_of),
    )


def age(tx: Transaction, scope: DsoScope) -> datetime | None:
    """Return the platform's time of the own copy. Return None if no plan has arrived."""
    row = tx.execute("SELECT as_of FROM plan_age WHERE party = %s", (scope.party,)).fetchone()
    return row["as_of"] if row else None


def add_request(tx: Transaction, party: str, message_id: str) -> None:
    """Note that a message of this party requests"""
    tx.execute("INSERT INTO schedule_question VALUES (%s, %s) ON CONFLICT DO NOTHING", (party, message_id))


def note_reply(tx: Transaction, party: str, message_id: str, reply: Reply) -> bool:
    """Note the answer to a request for  Return False if the message requested no

    The first answer stands.
    """
    row = tx.execute(
        """UPDATE schedule_question SET as_of = coalesce(as_of, %s),
                                        reply_id = CASE WHEN as_of IS NULL THEN %s ELSE reply_id END
            WHERE party = %s AND message_id = %s RETURNING 1 AS found""",
        (reply.as_of, reply.message_id, party, message_id),
    ).fetchone()
    return row is not None


def read_reply(tx: Transaction, scope: DsoScope, message_id: str) -> Reply | None:
    """Return the answer to a request. Return None if there is none yet."""
    row = tx.execute(
        "SELECT as_of, reply_id FROM schedule_question WHERE party = %s AND message_id = %s AND as_of IS NOT NULL",
        (scope.party, message_id),
    ).fetchone()
    return Reply(row["as_of"], row["reply_id"]) if row else None


def _news(before: Sequence[Piece], after: Sequence[Piece], rank: int) -> list[Interval]:
    """Return the periods with a new plan, and those that lost their plan."""
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


def keep_plans(handling: Handling, document: ScheduleDocument) -> Answer:
    """Keep the schedules of a message.

    An answer to a request stays with its message. A change replaces the earlier plans of the assets that it names, in
    the period of the document.

    Raises:
        RuleBroken: The document has no schedules, or answers no request (A94).
    """
    if document.refused:
        raise _not_processed("the document is not a schedule document of the platform")
    if handling.message.in_reply_to:
        return _keep_reply(handling, document, handling.message.in_reply_to)
    rank = handling.message.sequence
    pieces, blocks = cut_to_blocks(document.schedules, {}, rank=rank)
    plan_blocks.add_blocks(handling.tx, blocks, handling.now)
    put_plans(handling.tx, handling.own.party, [*pieces, *_without_plan(document, rank)])
    note_age(handling.tx, handling.own.party, document.header.created_at)
    return Answer(Outcome.ACCEPTED)


def _keep_reply(handling: Handling, document: ScheduleDocument, request_id: str) -> Answer:
    reply = Reply(document.header.created_at, handling.message.message_id)
    if not note_reply(handling.tx, handling.own.party, request_id, reply):
        raise _not_processed("the message does not answer a request for schedules")
    ledger.set_answer(handling.tx, handling.own.code, [request_id], status=Status.ACCEPTED, answer={})
    return Answer(Outcome.ACCEPTED)


def _without_plan(document: ScheduleDocument, rank: int) -> list[Piece]:
    """Return pieces without a plan, where the document plans nothing for an asset that it names."""
    planned: dict[str, list[Interval]] = defaultdict(list)
    for schedule in document.schedules:
        planned[schedule.asset_id].append(schedule.period)
    names = [*planned, *document.cancelled_asset_ids]
    return [
        Piece(asset_id, gap, rank, None)
        for asset_id in names
        for gap in uncovered([document.period], planned.get(asset_id, ()))
    ]


def _not_processed(detail: str) -> RuleBroken:
    return RuleBroken("the document cannot be processed", [Finding("A94", "", detail)])
