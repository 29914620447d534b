"""The types of the REST contract (docs/rest.md): the fields of request bodies, and their conversion to domain values.

Power is a JSON number in kW with at most three decimals. Times are RFC 3339 with any offset; the code uses UTC.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from tps.api.bodies import Body, Many, Some
from tps.domain.asset import AssetKind, AssetListing, ConnectionPoint, FlexibilityAsset
from tps.domain.identifiers import MAX_RESOURCE_ID_LENGTH, canonical_asset_id, canonical_point_id
from tps.domain.limit import (
    Action,
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    Reason,
    UnforeseenLimit,
)
from tps.domain.power import canonical_kw, is_whole_watts
from tps.errors import Finding

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
MAX_ID_CHARACTERS = len("A10:") + MAX_RESOURCE_ID_LENGTH


def read_moment(text: str) -> datetime:
    """Return an RFC 3339 time as an aware UTC datetime. Raises ValueError for another text."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be a time with an offset, for example 2026-03-29T06:00:00Z")
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("this time does not exist") from None
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"the year of a time must be from {EARLIEST:%Y} to {LATEST:%Y}")
    return moment


def _moment(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a text with a time, for example 2026-03-29T06:00:00Z")
    return read_moment(value)


def _power(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("must be a number (power in kW)")
    return Decimal(value)


def check_id(text: str) -> str:
    """Return an id without change. Raises ValueError for characters that no id has; the rules check the id later."""
    if text != text.strip() or not text.isprintable():
        raise ValueError("an id must have printable characters only, and no leading or trailing blanks")
    return text


Moment = Annotated[datetime, BeforeValidator(_moment)]
Power = Annotated[Decimal, BeforeValidator(_power)]
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS), AfterValidator(check_id)]
Ids = Some[Id]


class AssetBody(Body):
    """A flexibility asset (`Asset` in types.raml)."""

    id: Id
    connection_point_id: Id
    name: str | None = None
    kind: Literal["generation", "load", "storage", "ev_charging", "heat_pump", "other"] | None = None
    max_production_kw: Power | None = None
    max_consumption_kw: Power | None = None

    def to_domain(self) -> FlexibilityAsset:
        return FlexibilityAsset(
            id=canonical_asset_id(self.id),
            connection_point_id=canonical_point_id(self.connection_point_id),
            kind=AssetKind(self.kind or AssetKind.OTHER),
            max_production_kw=_maximum(self.max_production_kw),
            max_consumption_kw=_maximum(self.max_consumption_kw),
            name=self.name,
        )


class PointBody(Body):
    """A connection point (`Point` in types.raml)."""

    id: Id
    name: str | None = None
    max_production_kw: Power | None = None
    max_consumption_kw: Power | None = None
    sections: Many[str] | None = None

    def to_domain(self) -> ConnectionPoint:
        return ConnectionPoint(
            id=canonical_point_id(self.id),
            max_production_kw=_maximum(self.max_production_kw),
            max_consumption_kw=_maximum(self.max_consumption_kw),
            name=self.name,
            sections=tuple(self.sections or ()),
        )


class AssetsBody(Body):
    assets: Some[AssetBody]


class PointsBody(Body):
    connection_points: Some[PointBody]


class AssetPatchBody(Body):
    """Fields to change; null removes an optional field."""

    id: Id
    connection_point_id: Id | None = None
    name: str | None = None
    kind: Literal["generation", "load", "storage", "ev_charging", "heat_pump", "other"] | None = None
    max_production_kw: Power | None = None
    max_consumption_kw: Power | None = None


class PointPatchBody(Body):
    """Fields to change; null removes an optional field."""

    id: Id
    name: str | None = None
    max_production_kw: Power | None = None
    max_consumption_kw: Power | None = None
    sections: Many[str] | None = None


class AssetPatchesBody(Body):
    assets: Some[AssetPatchBody]


class PointPatchesBody(Body):
    connection_points: Some[PointPatchBody]


class IdsBody(Body):
    ids: Ids


class ReasonBody(Body):
    code: str
    text: str | None = None

    def to_domain(self) -> Reason:
        return Reason(self.code, self.text)


class SlotBody(Body):
    start: Moment
    end: Moment
    power_kw: Power

    def to_domain(self) -> AvailablePower:
        return AvailablePower(Interval(self.start, self.end), canonical_power(self.power_kw))


class ConcernsBody(Body):
    """The assets of a limit, named by exactly one of the three fields (`concerns_findings`)."""

    asset_ids: Ids | None = None
    connection_point_ids: Ids | None = None
    sections: Some[str] | None = None


class ForeseenBody(ConcernsBody):
    """A foreseen limit, as a DSO sends it."""

    direction: Literal["production", "consumption"]
    available: Some[SlotBody]
    reason: ReasonBody | None = None

    def to_domain(self, asset_ids: Sequence[str] | None = None) -> ForeseenLimit:
        """Return the limit with its intervals in the order of the request, so that findings point at the right field.

        Args:
            asset_ids: Assets of the connection points or sections in the body.
        """
        return ForeseenLimit(
            asset_ids=_asset_ids(self, asset_ids),
            direction=Direction(self.direction),
            available=tuple(slot.to_domain() for slot in self.available),
            reason=self.reason.to_domain() if self.reason else Reason("B19"),
        )


class UnforeseenBody(ConcernsBody):
    """An emergency, as a DSO sends it."""

    action: Literal["start", "stop", "hold"]
    expected_end: Moment
    direction: Literal["production", "consumption", "both"] | None = None
    reason: ReasonBody | None = None

    def to_domain(self, now: datetime, asset_ids: Sequence[str] | None = None) -> UnforeseenLimit:
        """Return the emergency, in force from the minute of sending. Its expected end is rounded up to a minute."""
        return UnforeseenLimit(
            asset_ids=_asset_ids(self, asset_ids),
            action=Action(self.action),
            direction=Direction(self.direction or Direction.BOTH),
            period=Interval(now.replace(second=0, microsecond=0), minute_after(self.expected_end)),
            reason=self.reason.to_domain() if self.reason else Reason("B18"),
        )


def concerns_findings(body: ConcernsBody) -> list[Finding]:
    """Return findings unless exactly one field names the assets of the limit."""
    names = ("asset_ids", "connection_point_ids", "sections")
    given = [name for name in names if getattr(body, name) is not None]
    detail = f"exactly one of {', '.join(names)} is required"
    return [Finding("unknown_field", f"/{name}", detail) for name in given[1:]] or (
        [] if given else [Finding("missing", "/asset_ids", detail)]
    )


def _asset_ids(body: ConcernsBody, resolved: Sequence[str] | None) -> tuple[str, ...]:
    given = body.asset_ids or () if resolved is None else resolved
    return tuple(canonical_asset_id(each) for each in given)


def minute_after(moment: datetime) -> datetime:
    """Return the time itself if it is a whole minute, else the next whole minute."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)


def asset_json(asset: FlexibilityAsset) -> dict[str, Any]:
    """Return an asset as JSON, without absent fields."""
    return _present(
        {
            "id": asset.id,
            "connection_point_id": asset.connection_point_id,
            "name": asset.name,
            "kind": str(asset.kind),
            "max_production_kw": _number(asset.max_production_kw),
            "max_consumption_kw": _number(asset.max_consumption_kw),
        }
    )


def listing_json(asset: AssetListing) -> dict[str, Any]:
    """Return an asset as JSON for a DSO, without its operator and its name."""
    return _present(
        {
            "id": asset.id,
            "connection_point_id": asset.connection_point_id,
            "kind": str(asset.kind),
            "max_production_kw": _number(asset.max_production_kw),
            "max_consumption_kw": _number(asset.max_consumption_kw),
        }
    )


def point_json(point: ConnectionPoint) -> dict[str, Any]:
    """Return a connection point as JSON, without absent fields."""
    return _present(
        {
            "id": point.id,
            "name": point.name,
            "max_production_kw": _number(point.max_production_kw),
            "max_consumption_kw": _number(point.max_consumption_kw),
            "sections": list(point.sections) or None,
        }
    )


def available_json(available: tuple[AvailablePower, ...]) -> list[dict[str, Any]]:
    """Return the intervals of a limit as JSON (`available`)."""
    return [
        {
            "start": moment_json(slot.interval.start),
            "end": moment_json(slot.interval.end),
            "power_kw": _number(slot.power_kw),
        }
        for slot in available
    ]


def moment_json(moment: datetime) -> str:
    """Return a time as RFC 3339 text in UTC, with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def number_json(power_kw: Decimal) -> int | float:
    """Return a power as a JSON number. A float prints three decimals exactly."""
    return int(power_kw) if power_kw == power_kw.to_integral_value() else float(power_kw)


def _number(power_kw: Decimal | None) -> int | float | None:
    return None if power_kw is None else number_json(power_kw)


def canonical_power(power_kw: Decimal) -> Decimal:
    """Return a power in canonical form. Invalid powers stay unchanged: 1E+9999999 would take minutes to write out."""
    return canonical_kw(power_kw) if is_whole_watts(power_kw) else power_kw


def _maximum(power_kw: Decimal | None) -> Decimal | None:
    return None if power_kw is None else canonical_power(power_kw)


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
