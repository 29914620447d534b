"""A received limit as the operator reads it: its status now, a part for each asset, and effective bounds (F7a)."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.types import moment_json, number_json, read_moment
from tps.domain.fairness import share_limit
from tps.domain.limit import Action, AvailablePower, Direction, Interval
from tps.domain.limit_order import EffectiveBound, Emergency, bounds

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint
    from tps.operator.limits import ReceivedLimit

BOTH_WAYS = (Direction.CONSUMPTION, Direction.PRODUCTION)


def received_limit_json(
    endpoint: Endpoint, limit: ReceivedLimit, now: datetime, *, with_assets: bool
) -> dict[str, Any]:
    """Return a limit as of now, optionally with a part for each asset."""
    is_expired = limit.status == "active" and limit.period.end <= now
    body = {**limit.body, "status": "expired" if is_expired else limit.status}
    if with_assets and "available" in body:
        body["per_asset"] = asset_parts_json(endpoint, limit)
    return body


def asset_parts_json(endpoint: Endpoint, limit: ReceivedLimit) -> list[dict[str, Any]]:
    """Return the operator's part of a foreseen limit, divided between its assets.

    The division follows the rule by which the platform divides between operators. It is a proposal, and binds nobody.
    """
    tie_key = hmac.digest(endpoint.secret("ties"), limit.limit_id.encode(), hashlib.sha256)
    weight_kw = Decimal(str(limit.body["share"]["weight_kw"]))
    weights = share_limit(weight_kw, limit.weights_kw, tie_key)
    slots = limit.body["available"]
    divided = [share_limit(Decimal(str(slot["power_kw"])), weights, tie_key) for slot in slots]
    return [
        {
            "asset_id": asset_id,
            "available": [
                {**slot, "power_kw": number_json(parts[asset_id])} for slot, parts in zip(slots, divided, strict=True)
            ],
        }
        for asset_id in limit.body["asset_ids"]
    ]


def bounds_json(endpoint: Endpoint, limits: Sequence[ReceivedLimit], now: datetime) -> list[dict[str, Any]]:
    """Return the effective bound of each asset in each direction over all limits on it, from now on."""
    parts: defaultdict[tuple[str, Direction], list[list[AvailablePower]]] = defaultdict(list)
    emergencies: defaultdict[tuple[str, Direction], list[Emergency]] = defaultdict(list)
    for limit in limits:
        if "available" in limit.body:
            direction = Direction(limit.body["direction"])
            for part in asset_parts_json(endpoint, limit):
                parts[part["asset_id"], direction].append([_available(slot) for slot in part["available"]])
        else:
            for asset_id, direction in _bound_ways(limit.body):
                emergencies[asset_id, direction].append(_emergency(limit))
    return [
        _bound_json(asset_id, direction, bound)
        for asset_id, direction in sorted({*parts, *emergencies})
        for bound in bounds(parts[asset_id, direction], emergencies[asset_id, direction], direction)
        if bound.interval.end > now
    ]


def _bound_ways(body: Mapping[str, Any]) -> list[tuple[str, Direction]]:
    """Return each asset of an emergency with each direction that the emergency binds."""
    stated = Direction(body["direction"])
    directions = BOTH_WAYS if stated is Direction.BOTH else (stated,)
    return [(asset_id, direction) for asset_id in body["asset_ids"] for direction in directions]


def _emergency(limit: ReceivedLimit) -> Emergency:
    direction = Direction(limit.body["direction"])
    return Emergency(Action(limit.body["action"]), direction, limit.period, limit.received_at)


def _available(slot: Mapping[str, Any]) -> AvailablePower:
    interval = Interval(read_moment(slot["start"]), read_moment(slot["end"]))
    return AvailablePower(interval, Decimal(str(slot["power_kw"])))


def _bound_json(asset_id: str, direction: Direction, bound: EffectiveBound) -> dict[str, Any]:
    times = {"start": moment_json(bound.interval.start), "end": moment_json(bound.interval.end)}
    power = {} if bound.power_kw is None else {"power_kw": number_json(bound.power_kw)}
    action = {"action": str(bound.action)} if bound.action else {}
    return {"asset_id": asset_id, "direction": str(direction), **times, **power, **action}
