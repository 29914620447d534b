"""Capacity limits, as a DSO sends them and as both sides read them (F6, F7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from tps.client.wire import aware, exact_kw, optional_kw, optional_moment, present, read_moment

LimitKind = Literal["foreseen", "unforeseen"]


@dataclass(frozen=True, slots=True)
class AvailablePower:
    """Power available to all assets of a limit together, in a half-open interval of whole minutes."""

    start: datetime
    end: datetime
    power_kw: Decimal

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", aware(self.start))
        object.__setattr__(self, "end", aware(self.end))
        object.__setattr__(self, "power_kw", exact_kw(self.power_kw))

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "power_kw": self.power_kw}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> AvailablePower:
        return cls(read_moment(body["start"]), read_moment(body["end"]), Decimal(body["power_kw"]))


@dataclass(frozen=True, slots=True)
class Reason:
    """Reason of a limit: an IEC reason code, and a text of at most 512 characters."""

    code: str
    text: str | None = None

    def to_json(self) -> dict[str, Any]:
        return present({"code": self.code, "text": self.text})


@dataclass(frozen=True, slots=True)
class ForeseenLimit:
    """A foreseen limit, as a DSO sends it. The platform accepts the whole limit or refuses it.

    Attributes:
        direction: `production` or `consumption`.
        available: Intervals without overlap. There is no limit between intervals.
        asset_ids, connection_point_ids, sections: Assets of the limit; exactly one of the three is required.
        reason: By default B19, foreseen maintenance.
    """

    direction: Literal["production", "consumption"]
    available: tuple[AvailablePower, ...]
    asset_ids: tuple[str, ...] = ()
    connection_point_ids: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    reason: Reason | None = None

    @property
    def kind(self) -> LimitKind:
        return "foreseen"

    def to_json(self) -> dict[str, Any]:
        slots = [slot.to_json() for slot in self.available]
        return {"direction": self.direction, "available": slots, **_asset_fields(self)}


@dataclass(frozen=True, slots=True)
class UnforeseenLimit:
    """An emergency, in force at once. The platform accepts it for assets in the DSO's grid and names all others.

    Attributes:
        action: `stop`, `start` or `hold`.
        expected_end: When normal operation is expected again.
        direction: `production`, `consumption` or `both` (default).
        asset_ids, connection_point_ids, sections: Assets of the limit; exactly one of the three is required.
        reason: By default B18, a failure.
    """

    action: Literal["start", "stop", "hold"]
    expected_end: datetime
    direction: Literal["production", "consumption", "both"] | None = None
    asset_ids: tuple[str, ...] = ()
    connection_point_ids: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    reason: Reason | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected_end", aware(self.expected_end))

    @property
    def kind(self) -> LimitKind:
        return "unforeseen"

    def to_json(self) -> dict[str, Any]:
        fields = {"action": self.action, "expected_end": self.expected_end, "direction": self.direction}
        return {**present(fields), **_asset_fields(self)}


@dataclass(frozen=True, slots=True)
class Issuer:
    """The DSO that sent a limit."""

    code: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """How the platform calculated an operator's part: name of the rule, and weight of the operator's assets."""

    rule: str
    weight_kw: Decimal


@dataclass(frozen=True, slots=True)
class AssetPart:
    """Part of one asset. This division is a proposal; only the operator's sum is binding."""

    asset_id: str
    available: tuple[AvailablePower, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """The binding restriction of one asset in one direction for a period, over all active limits together.

    Attributes:
        direction: `production` or `consumption`.
        power_kw: Smallest part of the asset, 0 while a stop is in force; None if no foreseen limit applies.
        action: Action of the emergency that applies; emergencies take precedence over foreseen limits.
    """

    asset_id: str
    direction: str
    start: datetime
    end: datetime
    power_kw: Decimal | None = None
    action: str | None = None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Bound:
        return cls(
            asset_id=body["asset_id"],
            direction=body["direction"],
            start=read_moment(body["start"]),
            end=read_moment(body["end"]),
            power_kw=optional_kw(body.get("power_kw")),
            action=body.get("action"),
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of a limit, for all operators together.

    Attributes:
        asset_count: Number of assets that the limit applies to.
        all_reached_at: When the last operator's endpoint received the limit; None until then.
        unreached_asset_ids: Only for emergencies, after one minute: assets that were not reached.
    """

    asset_count: int
    all_reached_at: datetime | None = None
    unreached_asset_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CapacityLimit:
    """A limit in an answer. An operator reads its own part and assets, a DSO reads its own limit.

    Attributes:
        kind: `foreseen` (has `end` and `available`) or `unforeseen` (has `action` and `expected_end`).
        status: `active` (in force or starting later), `ended`, `expired`, `cancelled` or `withdrawn`.
        direction: `production`, `consumption`, for emergencies also `both`.
        issuer, received_at, share, per_asset: In answers to operators.
        delivery: In answers to DSOs.
    """

    id: str
    revision: int
    kind: str
    status: str
    asset_ids: tuple[str, ...]
    direction: str
    start: datetime | None = None
    end: datetime | None = None
    available: tuple[AvailablePower, ...] = ()
    action: str | None = None
    expected_end: datetime | None = None
    reason: Reason | None = None
    received_at: datetime | None = None
    issuer: Issuer | None = None
    share: Share | None = None
    per_asset: tuple[AssetPart, ...] = ()
    delivery: Delivery | None = None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> CapacityLimit:
        return cls(
            id=body["id"],
            revision=body["revision"],
            kind=body["kind"],
            status=body["status"],
            asset_ids=tuple(body.get("asset_ids", ())),
            direction=body.get("direction", "both"),
            start=optional_moment(body.get("start")),
            end=optional_moment(body.get("end")),
            available=_slots(body.get("available", ())),
            action=body.get("action"),
            expected_end=optional_moment(body.get("expected_end")),
            reason=_reason(body.get("reason")),
            received_at=optional_moment(body.get("received_at")),
            issuer=_issuer(body.get("issuer")),
            share=_share(body.get("share")),
            per_asset=tuple(
                AssetPart(part["asset_id"], _slots(part["available"])) for part in body.get("per_asset", ())
            ),
            delivery=_delivery(body.get("delivery")),
        )


@dataclass(frozen=True, slots=True)
class LimitBatch:
    """Received limits in order of receipt, including cancelled and ended limits, and the cursor for the next call."""

    limits: tuple[CapacityLimit, ...]
    cursor: str

    def __bool__(self) -> bool:
        return bool(self.limits)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> LimitBatch:
        return cls(tuple(CapacityLimit.from_json(item) for item in body["limits"]), body["cursor"])


def _asset_fields(limit: ForeseenLimit | UnforeseenLimit) -> dict[str, Any]:
    named = {name: tuple(getattr(limit, name)) for name in ("asset_ids", "connection_point_ids", "sections")}
    return present({**named, "reason": limit.reason.to_json() if limit.reason else None})


def _slots(bodies: Any) -> tuple[AvailablePower, ...]:
    return tuple(AvailablePower.from_json(body) for body in bodies)


def _reason(body: Mapping[str, Any] | None) -> Reason | None:
    return None if body is None else Reason(body["code"], body.get("text"))


def _issuer(body: Mapping[str, Any] | None) -> Issuer | None:
    return None if body is None else Issuer(body["code"], body.get("name"))


def _share(body: Mapping[str, Any] | None) -> Share | None:
    return None if body is None else Share(body["rule"], Decimal(body["weight_kw"]))


def _delivery(body: Mapping[str, Any] | None) -> Delivery | None:
    if body is None:
        return None
    reached_at = optional_moment(body.get("all_reached_at"))
    return Delivery(body["asset_count"], reached_at, tuple(body.get("unreached_asset_ids", ())))
