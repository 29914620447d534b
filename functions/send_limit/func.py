"""Send limits (F6b): a DSO limits assets in its grid, foreseen (maintenance) or unforeseen (a fault).

Wakes on: HTTP from a DSO.
Reads:    its own limits, connection points, and copy of the assets in its grid.
Decides:  whether a limit is well formed and still active, its revision, and whether a DELETE cancels, ends or
          withdraws it. The platform decides the rest.
Writes:   each revision as it was sent.
Emits:    TPS-LIMIT-FORESEEN or TPS-LIMIT-UNFORESEEN (Unavailability_MarketDocument) to the platform; answers with the
          platform's acknowledgement, for an emergency with the assets that were left out.
Privacy:  DSO-A64, FLD-01, REF-01 (docs/privacy.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tps.api.bodies import LIST_BODY_BYTES, read_body
from tps.api.types import ForeseenBody, IdsBody, UnforeseenBody, concerns_findings
from tps.documents import Header
from tps.documents.limit_status import DOCUMENT_STATUSES
from tps.documents.unavailability import REASON_CODES, LimitDocument, limit_type
from tps.domain.identifiers import asset_id_findings
from tps.domain.limit import (
    Direction,
    Interval,
    Limit,
    LimitKind,
    Reason,
    UnforeseenLimit,
    check_foreseen,
    check_unforeseen,
    in_order,
)
from tps.domain.text import reason_text_findings
from tps.dso import limits
from tps.dso.limit_checks import left_out, limited_assets, warnings_of
from tps.dso.limit_revisions import change_findings, own_limit_json, removed, stated
from tps.dso.limits import OwnLimit
from tps.errors import Finding, Malformed, NotFound
from tps.mades.types import LIMIT_TYPES
from tps.rest.function import Answer, Call, Invocation, Route, refuse, serve
from tps.rest.paging import PAGING, read_paging
from tps.rest.periods import read_period
from tps.rest.several import submit_each
from tps.rest.submission import Submission, further_fields, sending, submit

PATH = "/dso/v1/capacity-limits"
REMOVING = ("sent_in_error", "reason", "dry_run")


def send_new(kind: LimitKind, call: Call) -> Answer:
    """Send a new limit, as revision 1."""
    call.only_known("dry_run")
    return submit(call, _statement(call, _read_limit_body(call, kind)))


def update(kind: LimitKind, call: Call) -> Answer:
    """Replace a limit in full, under the same id. An emergency keeps its start."""
    call.only_known("dry_run")
    body = _read_limit_body(call, kind)
    return submit(call, _statement(call, body, _changeable(call, kind)))


def remove(kind: LimitKind, call: Call) -> Answer:
    """Cancel a limit before its start, end it after its start, or withdraw it if it was sent in error."""
    call.only_known(*REMOVING)
    return submit(call, _removal(call, _changeable(call, kind)))


def remove_many(kind: LimitKind, call: Call) -> Answer:
    """Remove several limits, each with its own outcome. If one of them is not the caller's, nothing is sent."""
    call.only_known(*REMOVING)
    ids = read_body(IdsBody, call.raw_body).ids
    _read_removal_reason(call)
    known = _all_known(call, kind, ids)
    return submit_each(call, "limits", {own.limit_id: partial(_checked_removal, own) for own in known})


def list_own(call: Call) -> Answer:
    """Return the caller's own limits: the latest revision of each limit, or all revisions."""
    call.only_known("from", "to", "all_revisions", *PAGING)
    paging, applies = read_paging(call), read_period(call)
    with call.endpoint.database.transaction() as tx:
        revisions = limits.read_own_limits(tx, call.dso, applies, with_all_revisions=call.flag("all_revisions"))
    page, following = paging.cut(revisions, lambda own: (own.limit_id, own.revision, own.message_id))
    return Answer({"limits": [own_limit_json(own, call.now) for own in page], **following}, is_tagged=True)


def read_one(call: Call) -> Answer:
    """Return one of the caller's own limits, with `?all_revisions=true` also each revision as it was sent."""
    call.only_known("all_revisions")
    limit_id = call.path_values["limit_id"]
    with call.endpoint.database.transaction() as tx:
        latest = limits.latest_own(tx, call.dso, [limit_id]).get(limit_id)
        revisions = limits.read_revisions(tx, call.dso, limit_id) if call.flag("all_revisions") else []
    if latest is None:
        raise NotFound("unknown id: the caller has no limit with this id")
    body = own_limit_json(latest, call.now)
    if revisions:
        body["revisions"] = [own_limit_json(own, call.now) for own in revisions]
    return Answer(body)


# A limit that a body states: new, or a replacement


def _read_limit_body(call: Call, kind: LimitKind) -> ForeseenBody | UnforeseenBody:
    body: ForeseenBody | UnforeseenBody
    if kind is LimitKind.FORESEEN:
        body = read_body(ForeseenBody, call.raw_body)
    else:
        body = read_body(UnforeseenBody, call.raw_body)
    findings = concerns_findings(body)
    if findings:
        raise Malformed("invalid request body", findings)
    return body


def _statement(call: Call, body: ForeseenBody | UnforeseenBody, before: OwnLimit | None = None) -> Submission:
    """Return what sends the limit in a body, as a new limit or as the next revision of `before`."""
    with call.endpoint.database.transaction() as tx:
        assets = limited_assets(tx, call.dso, body)
    limit = _checked_limit(call, body, assets.ids, before)
    own = stated(limit, before, call.now)
    is_emergency = isinstance(limit, UnforeseenLimit)
    with call.endpoint.database.transaction() as tx:
        warnings = warnings_of(tx, call.dso, limit, now=call.now, limit_id=own.limit_id)
        rejected = left_out(tx, call.dso, limit) if is_emergency and call.flag("dry_run") else ()
    indexes = {} if assets.is_resolved else {asset_id: index for index, asset_id in enumerate(limit.asset_ids)}
    submission = replace(
        _submission(call, own, limit),
        no_use_after=limit.period.end if is_emergency else None,
        success=200 if before else 201,
        pointer_of=lambda asset_id: f"/asset_ids/{indexes[asset_id]}" if asset_id in indexes else "",
        warnings=tuple(warnings),
        resolved={"asset_ids": list(limit.asset_ids)} if assets.is_resolved else {},
        rejected=rejected,
    )
    return _keeping(call, own, submission)


def _checked_limit(
    call: Call, body: ForeseenBody | UnforeseenBody, asset_ids: Sequence[str], before: OwnLimit | None
) -> Limit:
    if isinstance(body, ForeseenBody):
        return _checked_foreseen(call, body, asset_ids)
    limit = body.to_domain(call.now, asset_ids)
    if before:
        limit = replace(limit, period=Interval(before.period.start, limit.period.end))
    refuse([*check_unforeseen(limit, call.now), *_reason_findings(limit.reason)])
    return limit


def _checked_foreseen(call: Call, body: ForeseenBody, asset_ids: Sequence[str]) -> Limit:
    limit = body.to_domain(asset_ids)
    malformed: list[Finding] = []
    for index, asset_id in enumerate(limit.asset_ids):
        malformed += asset_id_findings(asset_id, f"/asset_ids/{index}")
    refuse([*malformed, *check_foreseen(limit, call.now), *_reason_findings(limit.reason)])
    return in_order(limit)


def _reason_findings(reason: Reason) -> Iterator[Finding]:
    if reason.code not in REASON_CODES:
        yield Finding("A59", "/reason/code", f"reason.code must be one of {', '.join(sorted(REASON_CODES))}")


# Removing a limit


def _removal(call: Call, before: OwnLimit) -> Submission:
    """Return what withdraws, cancels or ends a limit, whichever it is now."""
    text = _read_removal_reason(call)
    own, limit = removed(before, text, now=call.now, in_error=call.flag("sent_in_error"))
    return _keeping(call, own, _submission(call, own, limit))


def _checked_removal(before: OwnLimit, call: Call) -> Submission:
    refuse(change_findings(before, call.now))
    return _removal(call, before)


def _read_removal_reason(call: Call) -> str | None:
    """Return the text of the reason. The flags are checked here too, because a faulty query refuses all removals."""
    for name in ("sent_in_error", "dry_run"):
        call.flag(name)
    refuse(list(reason_text_findings(call.text("reason") or "", "/reason")))
    return call.text("reason")


# What both send and keep


def _submission(call: Call, own: OwnLimit, limit: Limit | None) -> Submission:
    """Return what sends one revision. `limit` is None if the revision cancels or withdraws."""
    reason = Reason(own.body["reason"]["code"], own.body["reason"].get("text"))

    def build(header: Header) -> LimitDocument:
        return LimitDocument(
            header=header,
            revision=own.revision,
            status=DOCUMENT_STATUSES[own.status],
            period=own.period,
            kind_type=limit_type(Direction(own.body["direction"])),
            limit=limit,
            reason=reason,
        )

    return Submission(type=LIMIT_TYPES[own.kind], build=build, revision=own.revision, document_id=own.limit_id)


def _keeping(call: Call, own: OwnLimit, submission: Submission) -> Submission:
    """Return the submission so that it also keeps the revision, with the further fields of its answer."""
    fields = further_fields(submission)
    return replace(
        submission,
        keep=lambda tx, message_id, _sequence: limits.keep_own(
            tx, call.dso, replace(own, message_id=message_id), fields
        ),
    )


def _first_fields(call: Call, message_id: str) -> Mapping[str, Any]:
    with call.endpoint.database.transaction() as tx:
        return limits.first_fields(tx, call.dso, message_id)


# The caller's own limits


def _changeable(call: Call, kind: LimitKind) -> OwnLimit:
    """Return the latest revision of the limit in the path, which must be of this kind and active."""
    limit_id = call.path_values["limit_id"]
    own = _latest(call, kind, [limit_id]).get(limit_id)
    if own is None:
        raise NotFound(_unknown(kind))
    refuse(change_findings(own, call.now))
    return own


def _all_known(call: Call, kind: LimitKind, ids: Sequence[str]) -> list[OwnLimit]:
    """Return the latest revision of each limit. All are refused if one is unknown or named twice."""
    latest = _latest(call, kind, ids)
    unknown = [index for index, limit_id in enumerate(ids) if limit_id not in latest]
    if unknown:
        raise NotFound(_unknown(kind), [Finding("A64", f"/ids/{index}", _unknown(kind)) for index in unknown])
    first = {limit_id: index for index, limit_id in reversed(list(enumerate(ids)))}
    repeated = [index for index, limit_id in enumerate(ids) if first[limit_id] != index]
    refuse([Finding("A55", f"/ids/{index}", "the request has this id twice") for index in repeated])
    return [latest[limit_id] for limit_id in ids]


def _latest(call: Call, kind: LimitKind, ids: Sequence[str]) -> dict[str, OwnLimit]:
    """Return the latest revision of each of the caller's limits of this kind, by limit id."""
    with call.endpoint.database.transaction() as tx:
        latest = limits.latest_own(tx, call.dso, ids)
    return {limit_id: own for limit_id, own in latest.items() if own.kind is kind and own.counts}


def _unknown(kind: LimitKind) -> str:
    return f"unknown id: the caller has no {kind} limit with this id"


def _routes(kind: LimitKind) -> tuple[Route, ...]:
    path = f"{PATH}/{kind}"
    new = sending(partial(send_new, kind), success=201, first_fields=_first_fields)
    replacement = sending(partial(update, kind), first_fields=_first_fields)
    return (
        Route("POST", path, new, max_body_bytes=LIST_BODY_BYTES),
        Route("PUT", f"{path}/<limit_id>", replacement, max_body_bytes=LIST_BODY_BYTES),
        Route("DELETE", f"{path}/<limit_id>", sending(partial(remove, kind))),
        Route("DELETE", path, partial(remove_many, kind), max_body_bytes=LIST_BODY_BYTES),
    )


ROUTES = (
    *_routes(LimitKind.FORESEEN),
    *_routes(LimitKind.UNFORESEEN),
    Route("GET", PATH, list_own),
    Route("GET", f"{PATH}/<limit_id>", read_one),
)


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
