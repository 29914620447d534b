"""Capacity limits as JSON bodies that a backend keeps and shows, and back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tps.api.types import available_json, moment_json, read_moment
from tps.domain.limit import (
    Action,
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    Limit,
    LimitKind,
    Reason,
    UnforeseenLimit,
)
from tps.domain.power import canonical_kw


def limit_body(limit: Limit) -> dict[str, Any]:
    """Return a limit as JSON, as its DSO reads it."""
    body = {
        "direction": str(limit.direction),
        "asset_ids": list(limit.asset_ids),
        "start": moment_json(limit.period.start),
    }
    if isinstance(limit, ForeseenLimit):
        end = {"end": moment_json(limit.period.end), "available": available_json(limit.available)}
    else:
        end = {"action": str(limit.action), "expected_end": moment_json(limit.period.end)}
    return {**body, **end, "reason": reason_json(limit.reason)}


def reason_json(reason: Reason) -> dict[str, str]:
    """Return a REASON of the REST contract. An empty text is left out."""
    return {"code": reason.code} | ({"text": reason.text} if reason.text else {})


def limit_of_body(kind: LimitKind, body: Mapping[str, Any]) -> Limit:
    """Return the limit that `limit_body` wrote."""
    asset_ids, direction = tuple(body["asset_ids"]), Direction(body["direction"])
    reason = Reason(body["reason"]["code"], body["reason"].get("text"))
    if kind is LimitKind.UNFORESEEN:
        period = Interval(read_moment(body["start"]), read_moment(body["expected_end"]))
        return UnforeseenLimit(asset_ids, Action(body["action"]), direction, period, reason)
    slots = tuple(
        AvailablePower(
            Interval(read_moment(slot["start"]), read_moment(slot["end"])), canonical_kw(Decimal(str(slot["power_kw"])))
        )
        for slot in body["available"]
    )
    return ForeseenLimit(asset_ids, direction, slots, reason)
