"""An operator's backend keeps what it plans, as the platform has accepted it: to be held against limits (F3)."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tps.documents import ScheduleDocument, decode
from tps.domain.limit import Interval
from tps.domain.plan import Piece, hull, laid_over, ranked
from tps.domain.scope import AgrScope
from tps.endpoint.archive import kept_content
from tps.operator import schedules as own_schedules
from tps.party import plan_blocks, plans
from tps.party.plan_reading import cut_to_blocks

if TYPE_CHECKING:
    from tps.endpoint.handling import Handling
    from tps.operator.schedules import SentSchedule


def keep_own_plans(handling: Handling, message_id: str, answer: Mapping[str, Any], *, rank: int) -> None:
    """Keep what a schedule of ours plans, now that it is accepted: in place of what its document planned before.

    Args:
        answer: Names the series that were refused: they change nothing.
        rank: Sequence of the message: of two over the same time the one sent later holds.
    """
    party = handling.own.party
    sent, document = own_schedules.by_message(handling.tx, party, message_id), _document(handling, message_id)
    if sent is None or document is None:
        return
    refused = {each["asset_id"] for each in answer.get("rejected", ())}
    schedules = [each for each in document.schedules if each.asset_id not in refused]
    touched = ({each.asset_id for each in schedules} | set(document.cancelled_asset_ids)) - refused
    plans.lock_plans(handling.tx, party)
    new, blocks = cut_to_blocks(schedules, {}, rank=rank, document_id=sent.document_id)
    standing = plans.pieces_within(handling.tx, party, touched, _all_of_it(handling, sent))
    plan_blocks.add_blocks(handling.tx, blocks, handling.now)
    plans.replace_pieces(handling.tx, party, standing, list(_after(standing, new, sent.document_id, rank)))


def _after(standing: Iterable[Piece], new: Iterable[Piece], document_id: str, rank: int) -> Iterable[Piece]:
    """What holds once a revision of a document is accepted; of its earlier revisions nothing."""
    by_asset: dict[str, tuple[list[Piece], list[Piece], list[Piece]]] = defaultdict(lambda: ([], [], []))
    for piece in standing:
        is_ended = piece.document_id == document_id and piece.rank < rank
        ended = replace(piece, block_id=None, rank=rank, document_id="")
        by_asset[piece.asset_id][is_ended].append(ended if is_ended else piece)
    for piece in new:
        by_asset[piece.asset_id][2].append(piece)
    for others, ended_pieces, own in by_asset.values():
        yield from ranked(others, laid_over(ended_pieces, own))


def _all_of_it(handling: Handling, sent: SentSchedule) -> Interval:
    revisions = own_schedules.revisions_of(handling.tx, AgrScope(handling.own.party), sent.document_id)
    return hull(each.period for each in revisions)


def _document(handling: Handling, message_id: str) -> ScheduleDocument | None:
    """What was sent; None if it is nowhere any more."""
    content, key = kept_content(handling.tx, handling.own.code, message_id)
    whole = zlib.decompress(content) if content is not None else handling.endpoint.documents.get(key) if key else None
    document = None if whole is None else decode(whole)
    return document if isinstance(document, ScheduleDocument) else None
