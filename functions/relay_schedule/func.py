"""Relay schedules (F8a): what operators plan is kept, and told to each DSO of its own grid, merged over all operators.

Wakes on: TPS-SCHEDULE from AGRs and BRPs; ticks.
Reads:    which assets the sender has registered, what stands by the document; on a tick, plans that have changed.
Decides:  accepted, accepted but for the series named, or refused.
Writes:   plans in force, their totals, what was announced first, the accepted revision, where a plan has changed; news.
Emits:    Acknowledgements; once per window TPS-SCHEDULE to each DSO in whose grid a plan has changed.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD (docs/privacy.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

import structlog

from tps.documents import encode
from tps.documents.acknowledgement import DocumentReason, Outcome, RejectedSeries, finding_reason
from tps.documents.generation_load import DocumentPart, ScheduleDocument, series_ids, split
from tps.domain.limit import Interval
from tps.domain.plan import Piece, hull, laid_over, lost, merged
from tps.domain.schedule import check_revision, check_schedules
from tps.domain.scope import DsoScope
from tps.domain.window import last_end
from tps.endpoint.answers import Answer
from tps.endpoint.chores import chores
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Correspondent, Desk, Handling, platform_desk
from tps.endpoint.intake import Intake
from tps.endpoint.sending import Draft, dispatch_caused
from tps.errors import Finding, StoreAway
from tps.mades.types import SCHEDULE
from tps.party import plan_blocks, plans
from tps.party.plan_archiving import archive_plans, remove_archived_plans
from tps.party.plan_reading import cut_to_blocks, read_plans
from tps.platform import announced_plans, registry, schedules
from tps.platform import plan_total_rows as plan_totals
from tps.platform.conflict_verdict_rows import count_change
from tps.platform.news import Topic, news_of
from tps.platform.plan_totals import block_totals
from tps.platform.schedules import AcceptedDocument, PlanChange
from tps.rest.function import Invocation, refuse, serve

STALE = DocumentReason("A84", "a higher revision was accepted before; this revision has no effect")
CANCELLED = Finding("A59", "", "the schedules are cancelled and cannot change; send new schedules with a new id")
_log = structlog.get_logger()


def accept(handling: Handling, document: ScheduleDocument) -> Answer:
    """Accept what the rules and the registry allow. Each series is accepted or refused by itself.

    Raises:
        RuleBroken: The document is refused as a whole.
    """
    operator = handling.sender.party
    plans.lock_plans(handling.tx, operator)
    before = schedules.accepted_document(handling.tx, operator, document.header.document_id)
    if before is not None and document.revision < before.revision:
        return Answer(Outcome.ACCEPTED, (STALE,))
    check_change(document, before)
    refused = refused_series(handling, operator, document)
    bad_ids = {finding.subject for finding in refused if finding.subject}
    good = replace(
        document,
        schedules=tuple(schedule for schedule in document.schedules if schedule.asset_id not in bad_ids),
        cancelled_asset_ids=tuple(asset_id for asset_id in document.cancelled_asset_ids if asset_id not in bad_ids),
    )
    if not good.schedules and not good.cancelled_asset_ids:
        return Answer(Outcome.REJECTED, rejected=rejected(document, refused))
    apply(handling, operator, good, before=before, refused_ids=bad_ids)
    if refused:
        return Answer(Outcome.PARTLY, rejected=rejected(document, refused))
    return Answer(Outcome.ACCEPTED)


def check_change(document: ScheduleDocument, before: AcceptedDocument | None) -> None:
    """Refuse a revision that follows a cancelled one, or that omits an asset of the revision before it."""
    if before is None:
        return
    if before.is_cancelled:
        refuse([CANCELLED])
    refuse(check_revision(series_ids(document), before.asset_ids))


def refused_series(handling: Handling, operator: str, document: ScheduleDocument) -> list[Finding]:
    """Return what is wrong with single series: in themselves, by the clock, and by the sender's registrations."""
    asset_ids = {schedule.asset_id for schedule in document.schedules}
    maxima_of = schedules.registered_maxima(handling.tx, operator, asset_ids)
    return [*document.refused, *check_schedules(document.schedules, maxima_of, handling.now)]


def rejected(document: ScheduleDocument, findings: Iterable[Finding]) -> tuple[RejectedSeries, ...]:
    """Return the refused series by their mRIDs, each with its reasons, without repetitions."""
    names: Mapping[str, str] = series_ids(document)
    reasons: dict[str, dict[DocumentReason, None]] = defaultdict(dict)
    for finding in findings:
        reasons[names[finding.subject or ""]].setdefault(finding_reason(finding))
    return tuple(RejectedSeries(series_id, tuple(of_series)) for series_id, of_series in reasons.items())


def apply(
    handling: Handling,
    operator: str,
    document: ScheduleDocument,
    *,
    before: AcceptedDocument | None,
    refused_ids: AbstractSet[str],
) -> None:
    """Put the accepted plans in force.

    They replace what earlier revisions of this document planned, and cover plans of other documents.
    """
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


def without_plan(piece: Piece) -> Piece:
    """Return the piece that says: there was a plan, and its document no longer contains it."""
    return replace(piece, block_id=None, document_id="")


def standing_by(
    document: ScheduleDocument, before: AcceptedDocument | None, refused_ids: AbstractSet[str]
) -> AcceptedDocument:
    """Return what a document plans after a revision was accepted. A refused series changes nothing."""
    stays = set(before.asset_ids if before else ()) & refused_ids
    planned = {schedule.asset_id for schedule in document.schedules}
    periods = [schedule.period for schedule in document.schedules] + ([before.period] if before and stays else [])
    is_cancelled = not planned and not refused_ids
    asset_ids = tuple(sorted(planned | stays))
    return AcceptedDocument(document.revision, is_cancelled, asset_ids, hull(periods or [document.period]))


def spoken_of(document: ScheduleDocument) -> Iterator[str]:
    """Yield the ids of the assets that a document plans or cancels."""
    yield from (schedule.asset_id for schedule in document.schedules)
    yield from document.cancelled_asset_ids


def overlaid(lower: Iterable[Piece], upper: Iterable[Piece]) -> list[Piece]:
    """Lay new pieces over those in force, asset by asset."""
    by_asset: dict[str, tuple[list[Piece], list[Piece]]] = defaultdict(lambda: ([], []))
    for piece in lower:
        by_asset[piece.asset_id][0].append(piece)
    for piece in upper:
        by_asset[piece.asset_id][1].append(piece)
    return [piece for below, above in by_asset.values() for piece in laid_over(below, above)]


def changes(pieces: Iterable[Piece]) -> list[PlanChange]:
    """Return where the plans of assets change with these pieces, each period once."""
    periods: dict[str, list[Interval]] = defaultdict(list)
    for piece in pieces:
        periods[piece.asset_id].append(piece.period)
    return [PlanChange(asset_id, period) for asset_id, changed in periods.items() for period in merged(changed)]


def tell_at_once(handling: Handling, _document: ScheduleDocument) -> None:
    """Tell DSOs when the document was answered, where there are no batching windows."""
    if handling.endpoint.batch_window_s <= 0:
        tell_dsos(handling.endpoint)


def tell_dsos(endpoint: Endpoint) -> None:
    """Tell each DSO of changes in windows that are over. A failure for one DSO does not keep the others waiting."""
    window_end = last_end(endpoint.clock(), endpoint.batch_window_s)
    with endpoint.database.transaction() as tx:
        dsos = schedules.dsos_to_tell(tx, window_end)
    for dso in dsos:
        try:
            tell(endpoint, DsoScope(dso), window_end)
        except StoreAway as error:
            _log.warning("schedules postponed", why=error.detail)


def tell(endpoint: Endpoint, scope: DsoScope, window_end: datetime) -> None:
    """Tell one DSO of one window, in one transaction."""
    cause = f"schedules {scope.party} {window_end.isoformat()}"
    with endpoint.database.transaction() as tx:
        if not schedules.close_window(tx, scope.party, window_end):
            return
        desk = platform_desk(endpoint, tx, cause)
        peer = registry.parties(tx, [scope.party])[scope.party].correspondent
        changed = schedules.take_changes(tx, scope, window_end, desk.now)
        for number, share in enumerate(changed_plans(desk, scope, changed), 1):
            send_plans(desk, peer, share, f"schedules {number}")
    dispatch_caused(endpoint, endpoint.platform, cause)


def changed_plans(desk: Desk, scope: DsoScope, changed: Sequence[PlanChange]) -> list[DocumentPart]:
    """Return the present plans of the assets whose plans have changed, over the hull of all changes."""
    if not changed:
        return []
    asset_ids, period = {change.asset_id for change in changed}, hull(change.period for change in changed)
    pieces = plans.planned_in_grid(desk.tx, scope, period, sorted(asset_ids))
    return split(asset_ids, read_plans(desk.endpoint, desk.tx, pieces, period), period)


def send_plans(desk: Desk, peer: Correspondent, share: DocumentPart, purpose: str) -> None:
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


PLANS = Intake(
    ScheduleDocument,
    accept,
    follow_up=tell_at_once,
    afterwards=news_of(Topic.PLANS),
    sender=registry.sender_of,
    is_kept=True,
)
TOPICS = {("tps", SCHEDULE): PLANS}
TICKS = {"tps": chores(tell_dsos, archive_plans, remove_archived_plans)}


def main(context: Invocation) -> object:
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick=TICKS)
