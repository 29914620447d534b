"""What the platform does with limits as time goes by: notices to their DSO, and assets that changed hands (F6a)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

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
from tps.platform.news import tell_operator
from tps.platform.news_counts import Topic

WARNED_BEFORE = timedelta(minutes=15)


def watch_revision(desk: Desk, revision: Revision) -> None:
    """What is to be watched of an accepted revision, in place of any earlier one."""
    due = {Watch.REACHED: desk.now}
    if revision.kind is LimitKind.UNFORESEEN and revision.status is LimitStatus.ACTIVE:
        due[Watch.EXPIRES] = revision.period.end - WARNED_BEFORE
        due[Watch.EXPIRED] = revision.period.end
        due[Watch.UNREACHED] = desk.now + timedelta(seconds=desk.endpoint.unreached_after_s)
    watch(desk.tx, revision.name, due)


def send_notices(endpoint: Endpoint) -> None:
    """Tell DSOs what is due: that an emergency expires or has expired, that all were reached, or who was not."""
    cause = f"limit notices {endpoint.clock().isoformat()}"
    with endpoint.database.transaction() as tx:
        reached = take_reached(tx, endpoint.platform)
        due = take_due(tx, endpoint.clock())
        if not (reached or due):
            return
        desk = platform_desk(endpoint, tx, cause)
        parties = registry.parties(tx, {each.name.dso for each in (*due, *(one for one, _ in reached))})
        said = [(one, [notice_reason("ALL_REACHED", format_moment(at.replace(microsecond=0)))]) for one, at in reached]
        said += [(each, _reasons(desk, each)) for each in due]
        for each, reasons in sorted(said, key=lambda one: (one[0].name.dso, one[0].name.limit_id)):
            if reasons:
                _tell(desk, parties[each.name.dso], each, reasons)
    dispatch_caused(endpoint, endpoint.platform, cause)


def divide_handed_over(endpoint: Endpoint) -> None:
    """Divide anew, between the two operators concerned, the limits on assets that changed hands."""
    with endpoint.database.transaction() as tx:
        marks, found = limits.handed_over(tx, endpoint.clock())
    for each in found:
        _divide_one(endpoint, each)
    if found:
        tell_operator(endpoint, Topic.LIMITS)
    if marks:
        with endpoint.database.transaction() as tx:
            limits.forget_marks(tx, marks)


def _divide_one(endpoint: Endpoint, each: HandedOver) -> None:
    cause = f"handed over {each.name.dso}/{each.name.limit_id}/{each.name.revision}"
    with endpoint.database.transaction() as tx:
        limits.lock_limit(tx, each.name.dso, each.name.limit_id)
        revision = limits.latest(tx, each.name.dso, each.name.limit_id)
        if revision is None or revision.name != each.name:
            return
        frozen = {asset.asset_id: asset.operator for asset in limits.frozen_assets(tx, each.name)}
        moves = [move for move in each.moves if frozen.get(move[0]) == move[1]]
        divide_between(platform_desk(endpoint, tx, cause), revision, moves)
    dispatch_caused(endpoint, endpoint.platform, cause)


def _reasons(desk: Desk, due: DueWatch) -> list[DocumentReason]:
    if due.what is Watch.UNREACHED:
        return [notice_reason("UNREACHED", each) for each in unreached_assets(desk.tx, desk.own.code, due.name)]
    if due.what is Watch.EXPIRES and due.ends_at <= desk.now:
        return []
    return [notice_reason(due.what.upper(), format_moment(due.ends_at))]


def _tell(desk: Desk, dso: registry.Party, due: DueWatch, reasons: Sequence[DocumentReason]) -> None:
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
