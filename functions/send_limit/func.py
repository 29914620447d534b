"""Send limits (F6b): a DSO limits assets in its grid, foreseen (maintenance) or unforeseen (a fault).

Wakes on: HTTP from a DSO.
Reads:    its own limits, connection points, and copy of the assets in its grid.
Decides:  whether a limit is well formed and not over, which revision it is, and whether a DELETE cancels, ends or
          withdraws; the platform decides the rest.
Writes:   each revision as it was sent.
Emits:    TPS-LIMIT-FORESEEN or TPS-LIMIT-UNFORESEEN (Unavailability_MarketDocument) to the platform; answers with the
          platform's acknowledgement, for an emergency with the assets that were left out.
Privacy:  DSO-A64, FLD-01, REF-01 (docs/privacy.md).
"""

from dataclasses import replace
from functools import partial

from tps.api.bodies import LIST_BODY_BYTES, read_body
from tps.api.types import ForeseenBody, IdsBody, UnforeseenBody, concerns_findings
from tps.documents.unavailability import REASON_CODES, DocumentStatus, LimitDocument, limit_type
from tps.domain.identifiers import asset_id_findings
from tps.domain.limit import (
    Direction,
    Interval,
    LimitKind,
    Reason,
    check_foreseen,
    check_unforeseen,
    in_order,
)
from tps.domain.limit_revision import (
    LimitStatus,
    Standing,
    is_ending,
    succession_findings,
)
from tps.domain.text import reason_text_findings
from tps.dso.limit_statements import (
    left_out,
    limit_body,
    next_revision,
    own_limit_json,
    removed,
    resolve,
    warnings_of,
)
from tps.dso.limits import OwnLimit, keep_own, latest_own, read_own_limits, read_revisions, told_with
from tps.errors import Finding, Malformed, NotFound
from tps.mades.ids import new_id
from tps.mades.types import LIMIT_TYPES
from tps.rest.function import Answer, Route, refuse, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import read_period
from tps.rest.several import submit_each
from tps.rest.submission import Submission, further_fields, sending, submit

PATH = "/dso/v1/capacity-limits"
CLOSINGS = {LimitStatus.CANCELLED: DocumentStatus.CANCELLED, LimitStatus.WITHDRAWN: DocumentStatus.WITHDRAWN}
REMOVING = ("sent_in_error", "reason", "dry_run")


def send_new(kind, call):
    """A new limit, revision 1."""
    call.only_known("dry_run")
    return submit(call, _submission(call, kind, _body(call, kind)))


def update(kind, call):
    """Full replacement under the same id; an emergency keeps its start."""
    call.only_known("dry_run")
    body = _body(call, kind)
    return submit(call, _submission(call, kind, body, _standing(call, kind, call.path_values["limit_id"])))


def remove(kind, call):
    """Cancel before the start, end after it, withdraw what was sent in error."""
    call.only_known(*REMOVING)
    return submit(call, _removal(call, _standing(call, kind, call.path_values["limit_id"])))


def remove_many(kind, call):
    """The same for several; each has an answer of its own. If one of them is not the caller's, nothing is sent."""
    call.only_known(*REMOVING)
    ids = read_body(IdsBody, call.raw_body).ids
    _removal_reason(call)
    known = _all_known(call, kind, ids)
    return submit_each(call, "limits", {own.limit_id: partial(_removal_of, own) for own in known})


def list_own(call):
    """The caller's own limits, the latest revision of each, or all of them."""
    call.only_known("from", "to", "all_revisions", *PAGING)
    paging, applies = read_paging(call), read_period(call)
    with call.endpoint.database.transaction() as tx:
        found = read_own_limits(tx, call.dso, applies, with_all_revisions=call.flag("all_revisions"))
    page, following = paging.cut(found, lambda each: (each.limit_id, each.revision, each.message_id))
    return Answer({"limits": [own_limit_json(each, call.now) for each in page], **following}, is_tagged=True)


def read_one(call):
    """One of the caller's own limits; with `?all_revisions=true` under `revisions` each as it was sent."""
    call.only_known("all_revisions")
    limit_id = call.path_values["limit_id"]
    with call.endpoint.database.transaction() as tx:
        latest = latest_own(tx, call.dso, [limit_id]).get(limit_id)
        revisions = read_revisions(tx, call.dso, limit_id) if call.flag("all_revisions") else []
    if latest is None:
        raise NotFound("unknown id: the caller has no limit with this id")
    body = own_limit_json(latest, call.now)
    return Answer({**body, "revisions": [own_limit_json(each, call.now) for each in revisions]} if revisions else body)


def _submission(call, kind, body, before=None):
    """A limit as the body says it."""
    limit, resolved = _read(call, kind, body, before)
    limit_id, revision = (before.limit_id, next_revision(before)) if before else (new_id(), 1)
    with call.endpoint.database.transaction() as tx:
        warnings = warnings_of(tx, call.dso, limit, now=call.now, own_id=limit_id)
        is_tried_emergency = kind is LimitKind.UNFORESEEN and call.flag("dry_run")
        rejected = left_out(tx, call.dso, limit) if is_tried_emergency else ()
    places = {} if resolved else {asset_id: index for index, asset_id in enumerate(limit.asset_ids)}
    own = OwnLimit(
        limit_id,
        revision,
        kind,
        # A replacement that is over by the next full minute ends the limit: so the platform and operators read it.
        LimitStatus.ENDED if is_ending(revision, limit.period.end, call.now) else LimitStatus.ACTIVE,
        limit.period,
        sent_at=call.now,
        message_id="",
        body=limit_body(limit),
    )
    submission = replace(
        _sent(call, own, limit),
        no_use_after=limit.period.end if kind is LimitKind.UNFORESEEN else None,
        success=200 if before else 201,
        pointer_of=lambda subject: f"/asset_ids/{places[subject]}" if subject in places else "",
        warnings=tuple(warnings),
        resolved=resolved,
        rejected=rejected,
    )
    return replace(submission, keep=_keeping(call, own, further_fields(submission)))


def _body(call, kind):
    body = read_body(ForeseenBody if kind is LimitKind.FORESEEN else UnforeseenBody, call.raw_body)
    findings = concerns_findings(body)
    if findings:
        raise Malformed("invalid request body", findings)
    return body


def _read(call, kind, body, before):
    """The limit of a body, checked; and what its points or sections came to, for the answer."""
    with call.endpoint.database.transaction() as tx:
        concerned = resolve(tx, call.dso, body)
    read = _read_foreseen if kind is LimitKind.FORESEEN else _read_unforeseen
    limit = read(call, body, concerned.asset_ids, before)
    return limit, {"asset_ids": list(limit.asset_ids)} if concerned.is_resolved else {}


def _read_foreseen(call, body, asset_ids, _before):
    limit = body.to_domain(asset_ids)
    ids = enumerate(limit.asset_ids)
    malformed = [finding for index, each in ids for finding in asset_id_findings(each, f"/asset_ids/{index}")]
    refuse([*malformed, *check_foreseen(limit, call.now), *_reason_findings(limit.reason)])
    return in_order(limit)


def _read_unforeseen(call, body, asset_ids, before):
    limit = body.to_domain(call.now, asset_ids)
    if before:
        limit = replace(limit, period=Interval(before.period.start, limit.period.end))
    refuse([*check_unforeseen(limit, call.now), *_reason_findings(limit.reason)])
    return limit


def _removal(call, before):
    """What a DELETE means now: sent in error, ahead, or in force."""
    text = _removal_reason(call)
    own, limit = removed(before, text, now=call.now, in_error=call.flag("sent_in_error"))
    return _sent(call, own, limit)


def _removal_of(own, call):
    return _removal(call, _open(call, own))


def _removal_reason(call):
    """Checks the query, too: for several limits it is judged before any of them."""
    for name in ("sent_in_error", "dry_run"):
        call.flag(name)
    refuse(list(reason_text_findings(call.text("reason") or "", "/reason")))
    return call.text("reason")


def _sent(call, own, limit):
    """One revision as it is sent and kept; `limit` is None if it cancels or withdraws."""
    reason = Reason(own.body["reason"]["code"], own.body["reason"].get("text"))
    return Submission(
        type=LIMIT_TYPES[own.kind],
        build=lambda header: LimitDocument(
            header=header,
            revision=own.revision,
            status=CLOSINGS.get(own.status, DocumentStatus.ACTIVE),
            period=own.period,
            kind_type=limit_type(Direction(own.body["direction"])),
            limit=limit,
            reason=reason,
        ),
        revision=own.revision,
        document_id=own.limit_id,
        keep=_keeping(call, own, {}),
    )


def _keeping(call, own, told):
    return lambda tx, message_id, _sequence: keep_own(tx, call.dso, replace(own, message_id=message_id), told)


def _told(call, message_id):
    with call.endpoint.database.transaction() as tx:
        return told_with(tx, call.dso, message_id)


def _find(call, kind, ids):
    """Latest revisions of those of the caller's own limits that are of that kind, by id."""
    with call.endpoint.database.transaction() as tx:
        found = latest_own(tx, call.dso, ids)
    return {limit_id: own for limit_id, own in found.items() if own.kind is kind and own.counts}


def _standing(call, kind, limit_id):
    """The latest revision of a limit that something may follow."""
    found = _find(call, kind, [limit_id]).get(limit_id)
    if found is None:
        raise NotFound(f"unknown id: the caller has no {kind} limit with this id")
    return _open(call, found)


def _open(call, own):
    refuse(succession_findings(Standing(own.revision, own.kind, own.status, own.period.end), own.kind, call.now))
    return own


def _all_known(call, kind, ids):
    """The latest revision of each; if one is not the caller's, or named twice, all are refused."""
    found, detail = _find(call, kind, ids), f"unknown id: the caller has no {kind} limit with this id"
    unknown = [Finding("A64", f"/ids/{index}", detail) for index, each in enumerate(ids) if each not in found]
    if unknown:
        raise NotFound(detail, unknown)
    first = {each: index for index, each in reversed(list(enumerate(ids)))}
    repeated = [index for index, each in enumerate(ids) if first[each] != index]
    refuse([Finding("A55", f"/ids/{index}", "the request has this id twice") for index in repeated])
    return [found[each] for each in ids]


def _reason_findings(reason):
    if reason.code not in REASON_CODES:
        yield Finding("A59", "/reason/code", f"reason.code must be one of {', '.join(sorted(REASON_CODES))}")


def _routes(kind):
    path = f"{PATH}/{kind}"
    return (
        Route("POST", path, sending(partial(send_new, kind), success=201, told=_told), max_body_bytes=LIST_BODY_BYTES),
        Route("PUT", f"{path}/<limit_id>", sending(partial(update, kind), told=_told), max_body_bytes=LIST_BODY_BYTES),
        Route("DELETE", f"{path}/<limit_id>", sending(partial(remove, kind))),
        Route("DELETE", path, partial(remove_many, kind), max_body_bytes=LIST_BODY_BYTES),
    )


ROUTES = (
    *_routes(LimitKind.FORESEEN),
    *_routes(LimitKind.UNFORESEEN),
    Route("GET", PATH, list_own),
    Route("GET", f"{PATH}/<limit_id>", read_one),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
