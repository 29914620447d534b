"""The revisions of a DSO's own limits: which revision follows, what it states, and how the DSO reads it (F6b)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from tps.api.types import moment_json
from tps.domain.limit import ForeseenLimit, Interval, Limit, LimitKind, Reason
from tps.domain.limit_revision import (
    LAST_REVISION,
    LimitStatus,
    Standing,
    ended_at,
    full_minute_after,
    status_at,
    status_of_revision,
    succession_findings,
)
from tps.dso.limits import OwnLimit
from tps.errors import Finding, RevisionConflict
from tps.mades.ids import new_id
from tps.party.limit_bodies import limit_body, limit_of_body, reason_json


def stated(limit: Limit, before: OwnLimit | None, now: datetime) -> OwnLimit:
    """Return the revision that states a limit: the first of a new limit, or a full replacement of `before`."""
    revision = next_revision(before) if before else 1
    return OwnLimit(
        before.limit_id if before else new_id(),
        revision,
        LimitKind.FORESEEN if isinstance(limit, ForeseenLimit) else LimitKind.UNFORESEEN,
        status_of_revision(revision, limit.period.end, now),
        limit.period,
        sent_at=now,
        message_id="",
        body=limit_body(limit),
    )


def removed(before: OwnLimit, text: str | None, *, now: datetime, in_error: bool) -> tuple[OwnLimit, Limit | None]:
    """Return the revision that removes a limit: withdrawn, cancelled before its start, or ended at a full minute.

    Args:
        text: Replaces the text of the reason.
        in_error: The limit was sent in error, so it is withdrawn.

    Returns:
        The revision, and the limit with its new end. The limit is None if it was withdrawn or cancelled.
    """
    reason = Reason(before.body["reason"]["code"], text or before.body["reason"].get("text"))
    own = replace(before, revision=next_revision(before), sent_at=now)
    if in_error or before.period.start > now:
        status = LimitStatus.WITHDRAWN if in_error else LimitStatus.CANCELLED
        return replace(own, status=status, body={**before.body, "reason": reason_json(reason)}), None
    limit = replace(_ended(limit_of_body(before.kind, before.body), full_minute_after(now)), reason=reason)
    return replace(own, status=LimitStatus.ENDED, period=limit.period, body=limit_body(limit)), limit


def next_revision(own: OwnLimit) -> int:
    """Return the number of the revision after this one.

    Raises:
        RevisionConflict: This is the last revision that a limit can have (A51).
    """
    if own.revision == LAST_REVISION:
        detail = f"revision {LAST_REVISION} is the last revision; send a new limit with a new id"
        raise RevisionConflict(detail, [Finding("A51", "", detail)])
    return own.revision + 1


def change_findings(own: OwnLimit, now: datetime) -> list[Finding]:
    """Return why no revision may follow this one: the limit is no longer active (A59)."""
    return succession_findings(Standing(own.revision, own.kind, own.status, own.period.end), own.kind, now)


def own_limit_json(own: OwnLimit, now: datetime) -> dict[str, Any]:
    """Return one revision as its DSO reads it.

    `pending` and `refused` are states of the revision. All other states are states of the limit.
    """
    rejected_ids = {rejected["asset_id"] for rejected in own.rejected}
    delivery: dict[str, Any] = {
        "asset_count": len(set(own.body["asset_ids"]) - rejected_ids),
        "all_reached_at": moment_json(own.all_reached_at) if own.all_reached_at else None,
    }
    if own.unreached_ids and own.all_reached_at is None:
        delivery["unreached_asset_ids"] = list(own.unreached_ids)
    body = {
        "id": own.limit_id,
        "revision": own.revision,
        "kind": str(own.kind),
        "status": _shown_status(own, now),
        **own.body,
        "sent_at": moment_json(own.sent_at),
        "message_id": own.message_id,
        "delivery": delivery,
        "notices": list(own.notices),
    }
    return {**body, "rejected": list(own.rejected)} if own.rejected else body


def _ended(limit: Limit, end: datetime) -> Limit:
    """Return the limit with an earlier end, which is after its start."""
    if isinstance(limit, ForeseenLimit):
        return replace(limit, available=ended_at(limit, end))
    return replace(limit, period=Interval(limit.period.start, min(limit.period.end, end)))


def _shown_status(own: OwnLimit, now: datetime) -> str:
    if own.answer == "pending":
        return "pending"
    return str(status_at(own.status, own.period.end, now)) if own.counts else "refused"
