"""Conversions of the model's limits to REST bodies and documents, and of answers to the model's form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.stateful.model import MINUTE, Said, View
from tps.documents import Header, Role
from tps.documents.unavailability import DocumentStatus, LimitDocument, limit_type
from tps.domain.limit import (
    Action,
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    Reason,
    UnforeseenLimit,
)
from tps.mades.types import LIMIT_FORESEEN, LIMIT_UNFORESEEN

CLOSED = {"cancelled": DocumentStatus.CANCELLED, "withdrawn": DocumentStatus.WITHDRAWN}
MESSAGE_TYPES = {"foreseen": LIMIT_FORESEEN, "unforeseen": LIMIT_UNFORESEEN}


def foreseen(now: datetime, asset_ids: list[str], said: tuple[Any, ...]) -> Said:
    """Return a foreseen limit; `said`: direction, kW, minutes to the start, duration in minutes, has two intervals."""
    direction, power_kw, start_in, lasts, has_two = said
    first = now.replace(second=0) + start_in * MINUTE
    slots = [(first, first + lasts * MINUTE, Decimal(power_kw))]
    if has_two:
        slots.append((first + (lasts + 15) * MINUTE, first + (lasts + 60) * MINUTE, Decimal(power_kw + 1)))
    return Said(tuple(asset_ids), direction, slots[0][0], slots[-1][1], tuple(slots))


def unforeseen(now: datetime, asset_ids: list[str], said: tuple[Any, ...], start: datetime | None = None) -> Said:
    """Return an emergency; `said`: action, direction or None, minutes to its end. An update keeps the start."""
    action, direction, minutes = said
    end = now + minutes * MINUTE
    end += timedelta(seconds=-end.second % 60)
    return Said(tuple(asset_ids), direction or "both", start or now.replace(second=0), end, action=action)


def body_of(said: Said) -> dict[str, Any]:
    """Return the REST body."""
    body = {"asset_ids": list(said.asset_ids), "direction": said.direction}
    if said.action:
        return {**body, "action": said.action, "expected_end": text(said.end)}
    slots = [{"start": text(start), "end": text(end), "power_kw": int(kw)} for start, end, kw in said.available]
    return {**body, "available": slots}


def document_of(header: Header, revision: int, said: Said, status: str) -> LimitDocument:
    """Return the document that a DSO's own system would write."""
    direction, period = Direction(said.direction), Interval(said.start, said.end)
    reason = Reason("B18" if said.action else "B19")
    if said.action:
        limit: Any = UnforeseenLimit(said.asset_ids, Action(said.action), direction, period, reason)
    else:
        slots = tuple(AvailablePower(Interval(start, end), power_kw) for start, end, power_kw in said.available)
        limit = ForeseenLimit(said.asset_ids, direction, slots, reason)
    closed = CLOSED.get(status)
    stands = None if closed else limit
    return LimitDocument(
        header, revision, closed or DocumentStatus.ACTIVE, period, limit_type(direction), stands, reason
    )


def header_of(limit_id: str, dso: str, platform: str, now: datetime) -> Header:
    return Header(limit_id, now, dso, Role.DSO, platform, Role.TPS)


def read(limit: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a limit as an operator read it; of a closed limit, only revision and status."""
    if limit["status"] in CLOSED:
        return limit["revision"], limit["status"]
    slots = tuple((each["start"], each["end"], Decimal(str(each["power_kw"]))) for each in limit.get("available", ()))
    weight_kw = Decimal(str(limit["share"]["weight_kw"])) if "share" in limit else None
    return (
        *(limit["revision"], limit["status"], limit["kind"], limit["direction"], tuple(sorted(limit["asset_ids"]))),
        *(limit["start"], limit.get("end") or limit["expected_end"], limit.get("action", ""), slots, weight_kw),
    )


def told(view: View, status: str) -> tuple[Any, ...]:
    """Return the model's view in the same form."""
    if status in CLOSED:
        return view.revision, status
    said = view.said
    slots = tuple((text(start), text(end), power_kw) for start, end, power_kw in said.available)
    return (
        *(view.revision, status, said.kind, said.direction, said.asset_ids),
        *(text(said.start), text(said.end), said.action, slots, None if said.action else view.weight_kw),
    )


def binding(limits: list[Any], asset_id: str, direction: str, moment: datetime) -> tuple[Any, ...]:
    """Return the effective bound of an asset at a moment: the smallest part and the strongest action."""
    at = text(moment)
    about = [each for each in limits if asset_id in each["asset_ids"] and each["direction"] in (direction, "both")]
    actions = {each["action"] for each in about if "action" in each and each["start"] <= at < each["expected_end"]}
    parts = [part for each in about for part in each.get("per_asset", ()) if part["asset_id"] == asset_id]
    powers = [slot["power_kw"] for part in parts for slot in part["available"] if slot["start"] <= at < slot["end"]]
    strongest = next((action for action in ("stop", "hold", "start") if action in actions), None)
    return 0 if strongest == "stop" else min(powers, default=None), strongest


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
