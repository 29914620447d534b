"""Send schedules (F8b): an operator sends what its assets plan, changes or cancels it, and reads what it sent.

Wakes on: HTTP from an AGR or BRP.
Reads:    schedules it has sent before, with their acknowledgements; its own assets.
Decides:  which series cannot be written. The platform judges all others.
Writes:   what was sent, by revision.
Emits:    TPS-SCHEDULE (GL_MarketDocument) to the platform; answers with the platform's acknowledgement.
Privacy:  OPR-404, FLD-01, REF-01 (docs/privacy.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tps.api.bodies import LIST_BODY_BYTES, SCHEDULES_BODY_BYTES, read_body
from tps.api.schedules import SchedulesBody, schedule_json
from tps.api.types import IdsBody, moment_json
from tps.documents import Header
from tps.documents.generation_load import ScheduleDocument, fits
from tps.domain.identifiers import canonical_asset_id
from tps.domain.plan import hull
from tps.domain.schedule import EARLIEST, Schedule, check_schedules
from tps.endpoint.archiving import read_decoded
from tps.endpoint.message_row import Status
from tps.errors import Finding, Malformed, NotFound, RevisionConflict, StoreAway, TooLarge
from tps.mades.ids import new_id
from tps.mades.types import SCHEDULE
from tps.operator import schedules as own_schedules
from tps.operator.schedule_checks import platform_findings, warnings_of
from tps.operator.schedule_outcome import asset_ids_so_far
from tps.operator.schedules import SentSchedule
from tps.party import resources
from tps.party.resources import OwnResource
from tps.rest.function import Answer, Call, Invocation, Route, refuse, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import read_period
from tps.rest.several import submit_each
from tps.rest.submission import Submission, sending, submit

LAST_REVISION = 999
MAX_QUERY_IDS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan in a request.

    Attributes:
        schedules: The schedules that can be written.
        refused: Findings about the assets whose schedules cannot be written.
        index_of: The first index of each asset in the body.
    """

    schedules: Sequence[Schedule]
    refused: Sequence[Finding] = ()
    index_of: Mapping[str, int] = field(default_factory=dict)

    @property
    def asset_ids(self) -> set[str]:
        return {schedule.asset_id for schedule in self.schedules}


def create(call: Call) -> Answer:
    """Send new schedules, under an id of their own."""
    call.only_known("dry_run")
    return submit(call, _submission(call, _read_plan(call), [], success=201))


def change(call: Call) -> Answer:
    """Replace the schedules under one id in full. An asset without a new schedule is cancelled."""
    call.only_known("dry_run")
    plan = _read_plan(call)
    return submit(call, _submission(call, plan, _changeable(call, call.path_values["schedule_id"])))


def cancel(call: Call) -> Answer:
    """Cancel all schedules under one id."""
    call.only_known("dry_run")
    return submit(call, _cancellation(call.path_values["schedule_id"], call))


def cancel_named(call: Call) -> Answer:
    """Cancel the schedules under several ids, each with its own outcome. Nothing is sent if one cannot be cancelled."""
    call.only_known()
    ids = list(dict.fromkeys(read_body(IdsBody, call.raw_body).ids))
    for index, schedule_id in enumerate(ids):
        # A repeat finds cancelled schedules, because its first time cancelled them.
        check = _known if call.headers.get("Idempotency-Key") else _cancellable
        check(call, schedule_id, f"/ids/{index}")
    return submit_each(call, "schedules", {schedule_id: partial(_cancellation, schedule_id) for schedule_id in ids})


def read_one(call: Call) -> Answer:
    """Return the latest revision under one id that was not refused, with its acknowledgement."""
    call.only_known()
    revisions = _known(call, call.path_values["schedule_id"])
    standing = [revision for revision in revisions if revision.is_standing]
    return Answer(_sent_json(call, (standing or revisions)[-1]), is_tagged=True)


def read_all(call: Call) -> Answer:
    """Return the latest revision under each id, optionally of a period and of up to 50 assets."""
    call.only_known("from", "to", "asset_id", *PAGING)
    paging, asset_ids, period = read_paging(call), _read_asset_ids(call), read_period(call)
    with call.endpoint.database.transaction() as tx:
        revisions = own_schedules.standing_between(tx, call.agr, period, asset_ids)
    page, following = paging.cut(revisions, lambda sent: (sent.document_id,))
    return Answer({"schedules": [_sent_json(call, sent) for sent in page], **following}, is_tagged=True)


# What is sent


def _read_plan(call: Call) -> Plan:
    """Return the plan in the body. If no schedule can be written, the request is refused."""
    schedules = [schedule.to_domain() for schedule in read_body(SchedulesBody, call.raw_body).schedules]
    # EARLIEST as the time of checking: only the platform decides whether a schedule has ended.
    refused = check_schedules(schedules, None, EARLIEST)
    refused_ids = {finding.subject for finding in refused}
    writable = [schedule for schedule in schedules if schedule.asset_id not in refused_ids]
    if not writable:
        refuse(refused)
    if not fits(writable, len(schedules)):
        raise TooLarge("too many schedules for one document; send several requests")
    index_of = {schedule.asset_id: index for index, schedule in reversed(list(enumerate(schedules)))}
    return Plan(writable, refused, index_of)


def _cancellation(schedule_id: str, call: Call) -> Submission:
    return _submission(call, Plan([]), _cancellable(call, schedule_id))


def _submission(call: Call, plan: Plan, revisions: Sequence[SentSchedule], *, success: int = 200) -> Submission:
    """Return what sends a plan as the revision after these, and cancels the assets that the plan leaves out."""
    so_far = asset_ids_so_far(revisions)
    if any(finding.subject in so_far for finding in plan.refused):
        # A revision can neither leave such an asset out nor keep what was planned for it before.
        refuse(plan.refused)
    sent = _next_sent(call, plan, revisions, sorted(so_far - plan.asset_ids))
    assets = _own_assets(call, plan.asset_ids)

    def build(header: Header) -> ScheduleDocument:
        return ScheduleDocument(header, sent.revision, sent.period, tuple(plan.schedules), sent.cancelled_ids)

    return Submission(
        type=SCHEDULE,
        build=build,
        revision=sent.revision,
        success=success,
        keep=lambda tx, message_id, _sequence: _require_kept(
            own_schedules.add_sent(tx, call.party, replace(sent, message_id=message_id))
        ),
        pointer_of=lambda asset_id: f"/schedules/{plan.index_of[asset_id]}" if asset_id in plan.index_of else "",
        document_id=sent.document_id,
        warnings=tuple(warnings_of(plan.schedules, assets, call.now)),
        rejected=(*sent.left_out, *_dry_run_rejected(call, plan, assets)),
    )


def _next_sent(call: Call, plan: Plan, revisions: Sequence[SentSchedule], cancelled_ids: Sequence[str]) -> SentSchedule:
    latest = revisions[-1] if revisions else None
    schedules = plan.schedules
    return SentSchedule(
        document_id=latest.document_id if latest else new_id(),
        revision=latest.revision + 1 if latest else 1,
        message_id="",
        sent_at=call.now,
        period=latest.period if latest and not schedules else hull(schedule.period for schedule in schedules),
        asset_ids=tuple(sorted({*plan.asset_ids, *cancelled_ids})),
        cancelled_ids=tuple(cancelled_ids),
        left_out=_rejected_json(plan.refused),
    )


def _require_kept(is_kept: bool) -> None:
    """Refuse the request if another one has taken the same revision. Runs in the transaction that sends."""
    if not is_kept:
        raise _conflict("another request changed the schedules at the same time; read the schedules and try again")


def _dry_run_rejected(call: Call, plan: Plan, assets: Sequence[OwnResource]) -> list[dict[str, str]]:
    """Return the assets that the platform will leave out, if this is a dry run."""
    findings = platform_findings(plan.schedules, assets, call.now) if call.flag("dry_run") else []
    if findings and {finding.subject for finding in findings} == plan.asset_ids:
        refuse([*plan.refused, *findings])
    return _rejected_json(findings)


def _rejected_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"asset_id": finding.subject or "", "code": finding.code, "detail": finding.detail} for finding in findings]


# What was sent


def _known(call: Call, schedule_id: str, pointer: str = "") -> list[SentSchedule]:
    """Return all revisions that the caller sent under an id."""
    with call.endpoint.database.transaction() as tx:
        revisions = own_schedules.revisions_of(tx, call.agr, schedule_id)
    if not revisions:
        detail = "unknown id: the caller sent no schedules with this id"
        raise NotFound(detail, [Finding("A64", pointer, detail)] if pointer else ())
    return revisions


def _changeable(call: Call, schedule_id: str, pointer: str = "") -> list[SentSchedule]:
    """Return all revisions under an id that another revision may follow."""
    revisions = _known(call, schedule_id, pointer)
    standing = [revision for revision in revisions if revision.is_standing]
    if standing and standing[-1].is_cancellation:
        detail = "the schedules are cancelled and cannot change; send new schedules with a new id"
        refuse([Finding("A59", pointer, detail)])
    if revisions[-1].revision >= LAST_REVISION:
        raise _conflict("revision 999 is the last revision; send new schedules with a new id", pointer)
    return revisions


def _cancellable(call: Call, schedule_id: str, pointer: str = "") -> list[SentSchedule]:
    """Return all revisions under an id that plans something. An id of refused revisions only plans nothing."""
    revisions = _changeable(call, schedule_id, pointer)
    if not asset_ids_so_far(revisions):
        refuse([Finding("A59", pointer, "the schedules were refused, so there is nothing to cancel")])
    return revisions


def _own_assets(call: Call, asset_ids: set[str]) -> list[OwnResource]:
    with call.endpoint.database.transaction() as tx:
        return resources.read_own(tx, call.party, sorted(asset_ids))


def _read_asset_ids(call: Call) -> list[str] | None:
    asset_ids = call.query.get("asset_id")
    if asset_ids and len(asset_ids) > MAX_QUERY_IDS:
        detail = f"a query may have at most {MAX_QUERY_IDS} ids"
        raise Malformed("too many ids", [Finding("bad_type", "/asset_id", detail)])
    return [canonical_asset_id(asset_id) for asset_id in asset_ids] if asset_ids else None


def _sent_json(call: Call, sent: SentSchedule) -> dict[str, Any]:
    """Return a revision as it was sent, with its outcome."""
    is_cancelled = sent.is_cancellation and sent.status == Status.ACCEPTED
    body: dict[str, Any] = {
        "id": sent.document_id,
        "revision": sent.revision,
        "status": "cancelled" if is_cancelled else sent.status,
        "message_id": sent.message_id,
        "sent_at": moment_json(sent.sent_at),
    }
    if sent.answer.get("rejected"):
        body["rejected"] = sent.answer["rejected"]
    return {**body, "schedules": [] if sent.is_cancellation else _schedules_json(call, sent)}


def _schedules_json(call: Call, sent: SentSchedule) -> list[dict[str, Any]]:
    document = read_decoded(call.endpoint, sent.component, sent.message_id, ScheduleDocument)
    if document is None:
        raise StoreAway("schedules are temporarily unavailable; try again later")
    return [schedule_json(schedule) for schedule in document.schedules]


def _conflict(detail: str, pointer: str = "") -> RevisionConflict:
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


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
