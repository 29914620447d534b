"""Relay schedules (F8a): what operators plan is kept, and told to each DSO of its own grid, merged over all operators.

Wakes on: TPS-SCHEDULE from AGRs and BRPs; ticks.
Reads:    which assets the sender has registered, what stands by the document; on a tick, plans that have changed.
Decides:  accepted, accepted but for the series named, or refused.
Writes:   plans in force, their totals, what was announced first, the accepted revision, where a plan has changed; news.
Emits:    Acknowledgements; once per window TPS-SCHEDULE to each DSO in whose grid a plan has changed.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD (docs/privacy.md).
"""

from collections import defaultdict
from dataclasses import replace

import structlog

from tps.documents import encode
from tps.documents.acknowledgement import DocumentReason, Outcome, RejectedSeries, finding_reason
from tps.documents.generation_load import ScheduleDocument, series_ids, split
from tps.domain.plan import hull, laid_over, lost, merged
from tps.domain.schedule import check_revision, check_schedules
from tps.domain.scope import DsoScope
from tps.domain.window import last_end
from tps.endpoint.answers import Answer, answer_document
from tps.endpoint.handling import ROLES, Correspondent, platform_desk, take
from tps.endpoint.sending import Draft, dispatch_caused
from tps.errors import Finding, RuleBroken, StoreAway
from tps.mades.types import SCHEDULE
from tps.party import plan_blocks, plans
from tps.party.plan_archiving import archive_plans, let_go_of_archived_plans
from tps.party.plan_reading import cut_to_blocks, read_plans
from tps.platform import announced_plans, registry, schedules
from tps.platform import plan_total_rows as plan_totals
from tps.platform.conflict_verdict_rows import count_change
from tps.platform.news import tell_operator
from tps.platform.news_counts import Topic
from tps.platform.plan_totals import block_totals
from tps.platform.schedules import AcceptedDocument, PlanChange
from tps.rest.function import serve

STALE = DocumentReason("A84", "a higher revision was accepted before; this revision has no effect")
CANCELLED = Finding("A59", "", "the schedules are cancelled and cannot change; send new schedules with a new id")
_log = structlog.get_logger()


def take_schedule(endpoint, arrival):
    """One document of an operator's, from the broker to its acknowledgement."""
    status = take(endpoint, arrival, decide, follow_up=tell_at_once if endpoint.batch_window_s <= 0 else None)
    tell_operator(endpoint, Topic.PLANS)
    return status


def decide(handling):
    """Accept a document, some of its series, or none."""
    operator = registry.party_by_component(handling.tx, handling.message.sender)
    peer = Correspondent(handling.message.sender, operator.code, ROLES[operator.role])
    return answer_document(handling, peer, lambda document: accept(handling, operator.code, document))


def accept(handling, operator, document):
    """Accept what the rules and the registry allow; each series stands or falls alone.

    Raises:
        RuleBroken: The document is refused whole.
    """
    if not isinstance(document, ScheduleDocument):
        raise _broken(Finding("A94", "", "the document does not match the message type"))
    plans.lock_plans(handling.tx, operator)
    before = schedules.accepted_document(handling.tx, operator, document.header.document_id)
    if before is not None and document.revision < before.revision:
        return Answer(Outcome.ACCEPTED, (STALE,))
    check_change(document, before)
    refused = refused_series(handling, operator, document)
    bad_ids = {finding.subject for finding in refused}
    good = replace(
        document,
        schedules=tuple(one for one in document.schedules if one.asset_id not in bad_ids),
        cancelled_asset_ids=tuple(one for one in document.cancelled_asset_ids if one not in bad_ids),
    )
    if not good.schedules and not good.cancelled_asset_ids:
        return Answer(Outcome.REJECTED, rejected=rejected(document, refused))
    apply(handling, operator, good, before, refused_ids=bad_ids)
    if refused:
        return Answer(Outcome.PARTLY, rejected=rejected(document, refused))
    return Answer(Outcome.ACCEPTED)


def check_change(document, before):
    """A revision after another one: nothing follows a cancelled one, and none merely omits an asset."""
    if before is None:
        return
    if before.is_cancelled:
        raise _broken(CANCELLED)
    findings = check_revision(series_ids(document), before.asset_ids)
    if findings:
        raise _broken(*findings)


def refused_series(handling, operator, document):
    """What is wrong with single series: by themselves, by the clock, and by what the sender has registered."""
    asset_ids = {schedule.asset_id for schedule in document.schedules}
    maxima_of = schedules.registered_maxima(handling.tx, operator, asset_ids)
    return [*document.refused, *check_schedules(document.schedules, maxima_of, handling.now)]


def rejected(document, findings):
    """The refused series by their mRIDs, each with its reasons."""
    names, reasons = series_ids(document), defaultdict(dict)
    for finding in findings:
        reasons[names[finding.subject]].setdefault(finding_reason(finding))
    return tuple(RejectedSeries(series_id, tuple(found)) for series_id, found in reasons.items())


def apply(handling, operator, document, before, *, refused_ids):
    """Put what was accepted in force: over whatever was accepted before, in place of what this document said before."""
    tx, document_id = handling.tx, document.header.document_id
    touched = set(spoken_of(document))
    grid_of = schedules.grids_of(tx, operator, touched)
    rank = schedules.next_rank(tx)
    new, blocks = cut_to_blocks(document.schedules, grid_of, rank=rank, document_id=document_id)
    periods = [piece.period for piece in new] + ([before.period] if before else [])
    standing = plans.pieces_within(tx, operator, touched, hull(periods)) if periods else []
    ended = [piece for piece in standing if piece.document_id == document_id]
    left = [piece for piece in standing if piece.document_id != document_id]
    plan_blocks.add_blocks(tx, blocks, handling.now)
    plan_totals.add_totals(tx, operator, block_totals(blocks, new, grid_of, standing))
    after = overlaid([*left, *map(without_plan, ended)], new)
    announced_plans.keep_announced(tx, operator, lost(standing, after))
    plans.replace_pieces(tx, operator, standing, after)
    schedules.add_changes(tx, changes([*ended, *new]), handling.now)
    schedules.keep_document(tx, operator, document_id, standing_by(document, before, refused_ids))
    count_change(tx, operator)


def without_plan(piece):
    """What remains of a plan that its document no longer says: that there is none, and was one."""
    return replace(piece, block_id=None, document_id="")


def standing_by(document, before, refused_ids):
    """What stands by a document once a revision of it was accepted: a refused series changes nothing."""
    stays = set(before.asset_ids if before else ()) & refused_ids
    planned = {schedule.asset_id for schedule in document.schedules}
    periods = [schedule.period for schedule in document.schedules] + ([before.period] if stays else [])
    is_cancelled = not planned and not refused_ids
    asset_ids = tuple(sorted(planned | stays))
    return AcceptedDocument(document.revision, is_cancelled, asset_ids, hull(periods or [document.period]))


def spoken_of(document):
    """The assets that a document speaks of."""
    yield from (schedule.asset_id for schedule in document.schedules)
    yield from document.cancelled_asset_ids


def overlaid(lower, upper):
    """New pieces over those that stand, asset by asset."""
    by_asset = defaultdict(lambda: ([], []))
    for piece in lower:
        by_asset[piece.asset_id][0].append(piece)
    for piece in upper:
        by_asset[piece.asset_id][1].append(piece)
    return [piece for below, above in by_asset.values() for piece in laid_over(below, above)]


def changes(pieces):
    """Where these pieces make, or made, a plan another one."""
    periods = defaultdict(list)
    for piece in pieces:
        periods[piece.asset_id].append(piece.period)
    return [PlanChange(asset_id, period) for asset_id, found in periods.items() for period in merged(found)]


def tell_at_once(handling):
    """With windows of no length: tell when the document was answered."""
    tell_dsos(handling.endpoint)


def tick(endpoint):
    """Tell DSOs of the windows that are over, and bring plans into the document store."""
    for chore in (tell_dsos, archive_plans, let_go_of_archived_plans):
        try:
            chore(endpoint)
        except StoreAway as error:
            _log.warning("left for a later tick", chore=chore.__name__, group=endpoint.group, why=error.detail)


def tell_dsos(endpoint):
    """Tell each DSO of changes that came in windows that are over; one DSO's trouble is not another's."""
    window_end = last_end(endpoint.clock(), endpoint.batch_window_s)
    with endpoint.database.transaction() as tx:
        dsos = schedules.dsos_to_tell(tx, window_end)
    for dso in dsos:
        try:
            tell(endpoint, DsoScope(dso), window_end)
        except StoreAway as error:
            _log.warning("a DSO is told later", why=error.detail)


def tell(endpoint, scope, window_end):
    """One DSO, one window: what was consumed, decided and will be sent is one transaction."""
    cause = f"schedules {scope.party} {window_end.isoformat()}"
    with endpoint.database.transaction() as tx:
        if not schedules.close_window(tx, scope.party, window_end):
            return
        desk = platform_desk(endpoint, tx, cause)
        dso = registry.parties(tx, [scope.party])[scope.party]
        peer = Correspondent(dso.component, dso.code, ROLES[dso.role])
        changed = schedules.take_changes(tx, scope, window_end, desk.now)
        for number, share in enumerate(changed_plans(desk, scope, changed), 1):
            send_plans(desk, peer, share, f"schedules {number}")
    dispatch_caused(endpoint, endpoint.platform, cause)


def changed_plans(desk, scope, changed):
    """What holds now for the assets whose plans have changed, in all the time in which any has."""
    if not changed:
        return []
    asset_ids, period = {change.asset_id for change in changed}, hull(change.period for change in changed)
    pieces = plans.planned_in_grid(desk.tx, scope, period, sorted(asset_ids))
    return split(asset_ids, read_plans(desk.endpoint, desk.tx, pieces, period), period)


def send_plans(desk, peer, share, purpose):
    """Put one document for a DSO into the outbox."""
    document_id = desk.derived_id(peer.party, f"document {purpose}")
    document = ScheduleDocument(
        header=desk.header_to(peer, document_id),
        revision=1,
        period=share.period,
        schedules=tuple(share.schedules),
        cancelled_asset_ids=tuple(share.cancelled_asset_ids),
    )
    draft = Draft(
        sender=desk.own.code,
        receiver=peer.component,
        type=SCHEDULE,
        content=encode(document),
        document_id=document_id,
        revision=1,
    )
    desk.send(draft, purpose)


def _broken(*findings):
    return RuleBroken(findings[0].detail, findings)


TOPICS = {("tps", SCHEDULE): take_schedule}


def main(context):
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick={"tps": tick})
