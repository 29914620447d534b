"""The own plans in an operator's backend, as the platform accepted them. They are compared with limits.

Source: docs/requirements.md, F3.
"""

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
    """Keep the plans of an accepted schedule. They replace the plans of earlier revisions of its document.

    Args:
        answer: Names the refused series, which change nothing.
        rank: Sequence of the message. Where plans overlap, the plan that was sent later counts.
    """
    party = handling.own.party
    sent, document = own_schedules.by_message(handling.tx, party, message_id), _document(handling, message_id)
    if sent is None or document is None:
        return
    refused = {series["asset_id"] for series in answer.get("rejected", ())}
    schedules = [schedule for schedule in document.schedules if schedule.asset_id not in refused]
    touched = ({schedule.asset_id for schedule in schedules} | set(document.cancelled_asset_ids)) - refused
    plans.lock_plans(handling.tx, party)
    new, blocks = cut_to_blocks(schedules, {}, rank=rank, document_id=sent.document_id)
    standing = plans.pieces_within(handling.tx, party, touched, _period_of_revisions(handling, sent))
    plan_blocks.add_blocks(handling.tx, blocks, handling.now)
    plans.replace_pieces(handling.tx, party, standing, list(_after(standing, new, sent.document_id, rank)))


def _after(standing: Iterable[Piece], new: Iterable[Piece], document_id: str, rank: int) -> Iterable[Piece]:
    """Return the pieces after a revision of a document was accepted. Its earlier revisions plan nothing."""
    by_asset: dict[str, tuple[list[Piece], list[Piece], list[Piece]]] = defaultdict(lambda: ([], [], []))
    for piece in standing:
        is_ended = piece.document_id == document_id and piece.rank < rank
        ended = replace(piece, block_id=None, rank=rank, document_id="")
        by_asset[piece.asset_id][is_ended].append(ended if is_ended else piece)
    for piece in new:
        by_asset[piece.asset_id][2].append(piece)
    for others, ended_pieces, own in by_asset.values():
        yield from ranked(others, laid_over(ended_pieces, own))


def _period_of_revisions(handling: Handling, sent: SentSchedule) -> Interval:
    revisions = own_schedules.revisions_of(handling.tx, AgrScope(handling.own.party), sent.document_id)
    return hull(revision.period for revision in revisions)


def _document(handling: Handling, message_id: str) -> ScheduleDocument | None:
    """Return the sent document. Return None if it is stored nowhere any more."""
    content, key = kept_content(handling.tx, handling.own.code, message_id)
    data = zlib.decompress(content) if content is not None else handling.endpoint.documents.get(key) if key else None
    document = None if data is None else decode(data)
    return document if isinstance(document, ScheduleDocument) else None
