"""Limits as the platform operator reads them, with each operator's part and the progress of each message.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tps.api.types import available_json, moment_json, number_json
from tps.domain.limit import ForeseenLimit, LimitKind, Reason, UnforeseenLimit
from tps.domain.limit_revision import status_at
from tps.mades.states import State, shown_to_application
from tps.platform.limits import Revision
from tps.platform.overview_limit_rows import SeenLimit, SeenPart, Sent


def limit_json(limit: SeenLimit, now: datetime, *, with_parts: bool) -> dict[str, Any]:
    """Return a limit as JSON. Without the parts, `delivery` has the counts."""
    sent = [part.sent for part in limit.parts if part.sent is not None]
    body = {
        **head_json(limit, now),
        "asset_count": limit.asset_count,
        "revisions": [
            {"revision": item.revision, "status": str(item.status), "accepted_at": moment_json(item.accepted_at)}
            for item in limit.revisions
        ],
        "delivery": {
            "recipients": len(limit.parts),
            "issued": sum(item.issued_at is not None for item in sent),
            "delivered": sum(item.state in (State.DELIVERED, State.RECEIVED) for item in sent),
            "read": sum(item.state == State.RECEIVED for item in sent),
            "failed": sum(item.state == State.FAILED for item in sent),
        },
    }
    if with_parts:
        body["parts"] = [_part_json(limit.standing, part) for part in limit.parts]
    return body


def head_json(limit: SeenLimit, now: datetime) -> dict[str, Any]:
    """Return the content and the current status of a limit."""
    latest, content = limit.latest, limit.standing.limit
    body: dict[str, Any] = {
        "dso": latest.name.dso,
        "id": latest.name.limit_id,
        "revision": latest.name.revision,
        "kind": str(latest.kind),
        "status": str(status_at(latest.status, latest.period.end, now)),
        "direction": str(latest.direction),
        "start": moment_json(latest.period.start),
        "end": moment_json(latest.period.end),
        "reason": _reason_json(latest.reason),
    }
    if isinstance(content, ForeseenLimit):
        body["available"] = available_json(content.available)
    elif isinstance(content, UnforeseenLimit):
        body["action"] = str(content.action)
    return body


def evidence_json(limit: SeenLimit, hops: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the steps of each recipient's message with their times."""
    reached = [part.sent.delivered_at if part.sent else None for part in limit.parts]
    latest = limit.latest
    return {
        "dso": latest.name.dso,
        "id": latest.name.limit_id,
        "revision": latest.name.revision,
        "accepted_at": moment_json(latest.accepted_at),
        "all_reached_at": _latest_json(reached),
        "recipients": [_recipient_json(part, hops) for part in limit.parts],
    }


def _part_json(standing: Revision, seen: SeenPart) -> dict[str, Any]:
    part = seen.part
    body: dict[str, Any] = {
        "operator": part.operator,
        "name": seen.operator_name,
        "status": str(part.status),
        "revision": part.sent_revision,
        "asset_count": seen.asset_count,
    }
    if standing.kind is LimitKind.FORESEEN:
        body["weight_kw"] = number_json(part.weight_kw)
        body["parts_kw"] = [number_json(part_kw) for part_kw in part.parts_kw]
    if seen.sent is not None:
        body["delivery"] = _sent_json(seen.sent)
    return body


def _recipient_json(seen: SeenPart, hops: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    part = seen.part
    sent = seen.sent or Sent(part.message_id, State.VERIFYING, None, None, None)
    return {
        "operator": part.operator,
        "name": seen.operator_name,
        "revision": part.sent_revision,
        "status": str(part.status),
        "message_id": part.message_id,
        **_sent_json(sent),
        "hops": [
            {
                "at": moment_json(hop["at"]),
                "state": hop["state"],
                "component": hop["at_component"],
                "details": hop["details"],
            }
            for hop in hops.get(part.message_id, ())
        ],
    }


def _sent_json(sent: Sent) -> dict[str, Any]:
    return {
        "state": str(shown_to_application(State(sent.state))),
        "issued_at": _moment_or_none(sent.issued_at),
        "delivered_at": _moment_or_none(sent.delivered_at),
        "read_at": _moment_or_none(sent.read_at),
    }


def _latest_json(moments: Sequence[datetime | None]) -> str | None:
    known = [moment for moment in moments if moment is not None]
    return moment_json(max(known)) if known and len(known) == len(moments) else None


def _moment_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else moment_json(moment)


def _reason_json(reason: Reason) -> dict[str, str]:
    return {"code": reason.code} | ({"text": reason.text} if reason.text else {})
