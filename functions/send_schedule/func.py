"""Send schedules (F8b): an operator tells what its assets plan, changes it, takes it back, and reads what it told.

Wakes on: HTTP from an AGR or BRP.
Reads:    schedules it has sent before, with their acknowledgements; its own assets.
Decides:  which series cannot be written; the platform judges the others.
Writes:   what was sent, by revision.
Emits:    TPS-SCHEDULE (GL_MarketDocument) to the platform; answers with the platform's acknowledgement.
Privacy:  OPR-404, FLD-01, REF-01 (docs/privacy.md).
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

from tps.api.bodies import LIST_BODY_BYTES, SCHEDULES_BODY_BYTES, read_body
from tps.api.schedules import SchedulesBody, schedule_json
from tps.api.types import IdsBody, moment_json
from tps.documents import decode
from tps.documents.generation_load import ScheduleDocument, fits
from tps.domain.identifiers import canonical_asset_id
from tps.domain.plan import hull
from tps.domain.schedule import EARLIEST, Schedule, check_schedules
from tps.endpoint.archiving import read_document
from tps.endpoint.message_row import Status
from tps.errors import Finding, Malformed, NotFound, RevisionConflict, StoreAway, TooLarge
from tps.mades.ids import new_id
from tps.mades.types import SCHEDULE
from tps.operator import schedules as own_schedules
from tps.operator.schedule_outcome import asset_ids_so_far
from tps.operator.schedules import SentSchedule
from tps.party import resources
from tps.rest.function import Answer, Route, refuse, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import read_period
from tps.rest.several import submit_each
from tps.rest.submission import Submission, sending, submit

LAST_REVISION = 999
MAX_QUERY_IDS = 50
MAX_NAMED = 3
WARNINGS = {
    "partly_in_the_past": "the schedule starts in the past",
    "asset_waiting": "the asset is not active yet",
    "all_zero": "all power values are 0",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call plans.

    Attributes:
        schedules: Those that can be written.
        refused: Findings about assets whose schedules cannot.
        place: Where each asset first stands in the body.
    """

    schedules: list[Schedule]
    refused: list[Finding] = field(default_factory=list)
    place: dict[str, int] = field(default_factory=dict)


def create(call):
    """New schedules, under an id of their own."""
    call.only_known("dry_run")
    return submit(call, _submission(call, _read_plan(call), [], success=201))


def change(call):
    """Full replacement, as the next revision; an asset that is not planned any more is cancelled."""
    call.only_known("dry_run")
    plan = _read_plan(call)
    return submit(call, _submission(call, plan, _changeable(call, call.path_values["schedule_id"])))


def cancel(call):
    """Take schedules back, all that stands under one id."""
    call.only_known("dry_run")
    return submit(call, _cancellation(call.path_values["schedule_id"], call))


def cancel_named(call):
    """The same for several ids: each has an answer of its own, and none is sent if one of them cannot be cancelled."""
    call.only_known()
    ids = list(dict.fromkeys(read_body(IdsBody, call.raw_body).ids))
    for index, each in enumerate(ids):
        # What comes again with its key was cancelled the first time.
        check = _known if call.headers.get("Idempotency-Key") else _cancellable
        check(call, each, f"/ids/{index}")
    return submit_each(call, "schedules", {each: partial(_cancellation, each) for each in ids})


def read_one(call):
    """One document as it stands, with its acknowledgement."""
    call.only_known()
    revisions = _known(call, call.path_values["schedule_id"])
    standing = [each for each in revisions if each.is_standing]
    return Answer(_sent_json(call, (standing or revisions)[-1]), is_tagged=True)


def read_all(call):
    """Own ones, the newest revision of each that was not refused; of a period, and of up to 50 assets, if asked."""
    call.only_known("from", "to", "asset_id", *PAGING)
    paging, asset_ids = read_paging(call), call.query.get("asset_id")
    if asset_ids and len(asset_ids) > MAX_QUERY_IDS:
        raise Malformed(
            "too many ids", [Finding("bad_type", "/asset_id", f"a query may have at most {MAX_QUERY_IDS} ids")]
        )
    ids, period = [canonical_asset_id(each) for each in asset_ids] if asset_ids else None, read_period(call)
    with call.endpoint.database.transaction() as tx:
        found = own_schedules.standing_between(tx, call.agr, period, ids)
    page, following = paging.cut(found, lambda sent: (sent.document_id,))
    return Answer({"schedules": [_sent_json(call, each) for each in page], **following}, is_tagged=True)


def _read_plan(call):
    """What the body plans; refused if nothing of it can be written."""
    schedules = [each.to_domain() for each in read_body(SchedulesBody, call.raw_body).schedules]
    # Nothing was over then: whether something is, is the platform's to say.
    refused = check_schedules(schedules, None, EARLIEST)
    bad_ids = {finding.subject for finding in refused}
    good = [schedule for schedule in schedules if schedule.asset_id not in bad_ids]
    if not good:
        refuse(refused)
    if not fits(good, len(schedules)):
        raise TooLarge("too many schedules for one document; send several requests")
    place = {schedule.asset_id: index for index, schedule in reversed(list(enumerate(schedules)))}
    return Plan(good, refused, place)


def _cancellation(document_id, call):
    return _submission(call, Plan([]), _cancellable(call, document_id))


def _submission(call, plan, revisions, *, success=200):
    """A plan as the next revision, together with the cancellation of what it does not plan any more."""
    planned, so_far = {schedule.asset_id for schedule in plan.schedules}, asset_ids_so_far(revisions)
    if any(finding.subject in so_far for finding in plan.refused):
        # A revision can neither leave such an asset out nor keep what was planned for it before.
        refuse(plan.refused)
    cancelled = sorted(so_far - planned)
    period = hull(schedule.period for schedule in plan.schedules) if planned else revisions[-1].period
    left_out = [{"asset_id": each.subject, "code": each.code, "detail": each.detail} for each in plan.refused]
    sent = SentSchedule(
        document_id=revisions[-1].document_id if revisions else new_id(),
        revision=revisions[-1].revision + 1 if revisions else 1,
        message_id="",
        sent_at=call.now,
        period=period,
        asset_ids=tuple(sorted(planned | set(cancelled))),
        cancelled_ids=tuple(cancelled),
        left_out=tuple(left_out),
    )
    own = _own_assets(call, planned)
    return Submission(
        type=SCHEDULE,
        build=lambda header: ScheduleDocument(header, sent.revision, period, tuple(plan.schedules), tuple(cancelled)),
        revision=sent.revision,
        success=success,
        keep=lambda tx, message_id, _sequence: _keep(tx, call, sent, message_id),
        pointer_of=lambda subject: f"/schedules/{plan.place[subject]}" if subject in plan.place else "",
        document_id=sent.document_id,
        warnings=tuple(_warnings(call, plan.schedules, own)),
        rejected=tuple(_expected(call, plan, own, left_out)),
    )


def _keep(tx, call, sent, message_id):
    """In the transaction that sends: the revision is this call's, or another one was first."""
    if not own_schedules.add_sent(tx, call.party, replace(sent, message_id=message_id)):
        raise _conflict("another request changed the schedules at the same time; read the schedules and try again")


def _expected(call, plan, own, left_out):
    """What the platform will leave out, as far as this backend can tell."""
    maxima_of = {
        asset.id: tuple(_power(asset.body.get(name)) for name in ("max_production_kw", "max_consumption_kw"))
        for asset in own
    }
    findings = check_schedules(plan.schedules, maxima_of, call.now) if call.flag("dry_run") else []
    if findings and {finding.subject for finding in findings} == {each.asset_id for each in plan.schedules}:
        refuse([*plan.refused, *findings])
    return [*left_out, *({"asset_id": each.subject, "code": each.code, "detail": each.detail} for each in findings)]


def _warnings(call, schedules, own):
    """Yield warnings: allowed, but probably a mistake."""
    waiting = {asset.id for asset in own if asset.state == "waiting"}
    found = defaultdict(set)
    for schedule in schedules:
        if schedule.start < call.now < schedule.period.end:
            found["partly_in_the_past"].add(schedule.asset_id)
        if schedule.asset_id in waiting:
            found["asset_waiting"].add(schedule.asset_id)
        if not any(schedule.levels_kw):
            found["all_zero"].add(schedule.asset_id)
    for code, asset_ids in found.items():
        named = ", ".join(sorted(asset_ids)[:MAX_NAMED])
        more = ", ..." if len(asset_ids) > MAX_NAMED else ""
        yield code, f"{WARNINGS[code]} (assets: {named}{more}; {len(asset_ids)} in total)"


def _own_assets(call, asset_ids):
    with call.endpoint.database.transaction() as tx:
        return resources.read_own(tx, call.party, sorted(asset_ids))


def _known(call, document_id, pointer=""):
    with call.endpoint.database.transaction() as tx:
        revisions = own_schedules.revisions_of(tx, call.agr, document_id)
    if not revisions:
        raise NotFound(
            "unknown id: the caller sent no schedules with this id",
            [Finding("A64", pointer, "unknown id: the caller sent no schedules with this id")] if pointer else (),
        )
    return revisions


def _changeable(call, document_id, pointer=""):
    """Every revision of an own document that can have another one."""
    revisions = _known(call, document_id, pointer)
    standing = [each for each in revisions if each.is_standing]
    if standing and standing[-1].is_cancellation:
        refuse(
            [Finding("A59", pointer, "the schedules are cancelled and cannot change; send new schedules with a new id")]
        )
    if revisions[-1].revision >= LAST_REVISION:
        raise _conflict("revision 999 is the last revision; send new schedules with a new id", pointer)
    return revisions


def _cancellable(call, document_id, pointer=""):
    """The same of one that plans something; nothing stands by a document that was refused from the beginning."""
    revisions = _changeable(call, document_id, pointer)
    if not asset_ids_so_far(revisions):
        refuse([Finding("A59", pointer, "the schedules were refused, so there is nothing to cancel")])
    return revisions


def _sent_json(call, sent):
    """A document as it was sent, and what became of it."""
    is_cancelled = sent.is_cancellation and sent.status == Status.ACCEPTED
    body = {
        "id": sent.document_id,
        "revision": sent.revision,
        "status": "cancelled" if is_cancelled else sent.status,
        "message_id": sent.message_id,
        "sent_at": moment_json(sent.sent_at),
    }
    if sent.answer.get("rejected"):
        body["rejected"] = sent.answer["rejected"]
    return {**body, "schedules": [] if sent.is_cancellation else _contents(call, sent)}


def _contents(call, sent):
    content = read_document(call.endpoint, sent.component, sent.message_id)
    if content is None:
        raise StoreAway("schedules are temporarily unavailable; try again later")
    return [schedule_json(each) for each in decode(content).schedules]


def _power(value):
    return None if value is None else Decimal(str(value))


def _conflict(detail, pointer=""):
    return RevisionConflict(detail, [Finding("A51", pointer, detail)])


PATH = "/agr/v1/operational-schedules"
ROUTES = (
    Route("POST", PATH, sending(create, success=201), max_body_bytes=SCHEDULES_BODY_BYTES),
    Route("GET", PATH, read_all),
    Route("DELETE", PATH, cancel_named, max_body_bytes=LIST_BODY_BYTES),
    Route("GET", f"{PATH}/<schedule_id>", read_one),
    Route("PUT", f"{PATH}/<schedule_id>", sending(change), max_body_bytes=SCHEDULES_BODY_BYTES),
    Route("DELETE", f"{PATH}/<schedule_id>", sending(cancel)),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
