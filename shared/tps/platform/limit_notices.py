"""Work on limits as time passes: notices to their DSO, and the division of limits on assets that changed hands.

Source: docs/requirements.md, F6a; docs/semantics.md, "Emergencies" and "When the registry changes under a limit".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tps.documents.acknowledgement import DocumentReason, ReceivedDocument, notice_reason
from tps.documents.xml import format_moment
from tps.domain.limit import LimitKind
from tps.domain.limit_revision import LimitStatus
from tps.endpoint.answers import send_notice
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Desk, platform_desk
from tps.endpoint.sending import dispatch_caused
from tps.mades.types import LIMIT_TYPES, acknowledgement_of
from tps.platform import limits, registry
from tps.platform.limit_relay import divide_between
from tps.platform.limit_watches import DueWatch, Watch, take_due, take_reached, unreached_assets, watch
from tps.platform.limits import HandedOver, Revision
from tps.platform.news import Topic, tell_operator

WARNED_BEFORE = timedelta(minutes=15)


def watch_revision(desk: Desk, revision: Revision) -> None:
    """Schedule the notices about an accepted revision. They replace those of any earlier revision."""
    due = {Watch.REACHED: desk.now}
    if revision.kind is LimitKind.UNFORESEEN and revision.status is LimitStatus.ACTIVE:
        due[Watch.EXPIRES] = revision.period.end - WARNED_BEFORE
        due[Watch.EXPIRED] = revision.period.end
        due[Watch.UNREACHED] = desk.now + timedelta(seconds=desk.endpoint.unreached_after_s)
    watch(desk.tx, revision.name, due)


def send_notices(endpoint: Endpoint) -> None:
    """Send DSOs the notices that are due.

    A notice reports that an emergency expires or has expired, that it reached all operators, or which assets it did not
    reach.
    """
    cause = f"limit notices {endpoint.clock().isoformat()}"
    with endpoint.database.transaction() as tx:
        reached = take_reached(tx, endpoint.platform)
        due = take_due(tx, endpoint.clock())
        if not (reached or due):
            return
        desk = platform_desk(endpoint, tx, cause)
        notices = [(watched, [_reached_reason(at)]) for watched, at in reached]
        notices += [(watched, _reasons(desk, watched)) for watched in due]
        parties = registry.parties(tx, {watched.name.dso for watched, _ in notices})
        for watched, reasons in sorted(notices, key=lambda notice: (notice[0].name.dso, notice[0].name.limit_id)):
            if reasons:
                _send_notice(desk, parties[watched.name.dso], watched, reasons)
    dispatch_caused(endpoint, endpoint.platform, cause)


def divide_handed_over(endpoint: Endpoint) -> None:
    """Divide the limits on assets that changed hands again, between the two operators concerned."""
    with endpoint.database.transaction() as tx:
        marks, handed = limits.handed_over(tx, endpoint.clock())
    for limit in handed:
        _divide_one(endpoint, limit)
    if handed:
        tell_operator(endpoint, Topic.LIMITS)
    if marks:
        with endpoint.database.transaction() as tx:
            limits.forget_marks(tx, marks)


def _divide_one(endpoint: Endpoint, handed: HandedOver) -> None:
    cause = f"handed over {handed.name.dso}/{handed.name.limit_id}/{handed.name.revision}"
    with endpoint.database.transaction() as tx:
        limits.lock_limit(tx, handed.name.dso, handed.name.limit_id)
        revision = limits.latest(tx, handed.name.dso, handed.name.limit_id)
        if revision is None or revision.name != handed.name:
            return
        frozen = {asset.asset_id: asset.operator for asset in limits.frozen_assets(tx, handed.name)}
        moves = [move for move in handed.moves if frozen.get(move[0]) == move[1]]
        divide_between(platform_desk(endpoint, tx, cause), revision, moves)
    dispatch_caused(endpoint, endpoint.platform, cause)


def _reached_reason(at: datetime) -> DocumentReason:
    return notice_reason("ALL_REACHED", format_moment(at.replace(microsecond=0)))


def _reasons(desk: Desk, due: DueWatch) -> list[DocumentReason]:
    if due.what is Watch.UNREACHED:
        return [notice_reason("UNREACHED", asset_id) for asset_id in unreached_assets(desk.tx, desk.own.code, due.name)]
    if due.what is Watch.EXPIRES and due.ends_at <= desk.now:
        return []
    return [notice_reason(due.what.upper(), format_moment(due.ends_at))]


def _send_notice(desk: Desk, dso: registry.Party, due: DueWatch, reasons: Sequence[DocumentReason]) -> None:
    message_type = LIMIT_TYPES[LimitKind(due.kind)]
    send_notice(
        desk,
        dso.correspondent,
        ReceivedDocument(due.name.limit_id, due.name.revision),
        type=acknowledgement_of(message_type),
        texts=reasons,
        purpose=f"{due.what} {due.name.limit_id}-{due.name.revision}",
        in_reply_to=due.message_id,
    )
