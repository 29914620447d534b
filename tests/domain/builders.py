"""Values with sensible defaults, so that a test states only the fields that matter."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tps.domain.asset import AssetKind, ConnectionPoint, FlexibilityAsset
from tps.domain.limit import (
    Action,
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    Reason,
    UnforeseenLimit,
)

GSRN = "376104250021234569"
OTHER_GSRN = "571313174000000004"
EIC = "10YDK-1--------W"
NOW = datetime(2025, 3, 30, 0, 30, tzinfo=UTC)
"""Half an hour before clocks go forward on a Danish day of 23 hours."""


def minutes(count: float) -> datetime:
    """Return the moment `count` minutes after NOW. A negative count is in the past."""
    return NOW + timedelta(minutes=count)


def make_slot(start: float = 60, end: float = 120, power_kw: str = "100") -> AvailablePower:
    return AvailablePower(Interval(minutes(start), minutes(end)), Decimal(power_kw))


def make_limit(
    *available: AvailablePower,
    asset_ids: tuple[str, ...] = (GSRN,),
    direction: Direction = Direction.PRODUCTION,
    reason: str | None = None,
) -> ForeseenLimit:
    return ForeseenLimit(asset_ids, direction, available or (make_slot(),), Reason("B19", reason))


def make_emergency(
    *, asset_ids: tuple[str, ...] = (GSRN,), start: datetime = NOW, expected_end: datetime | None = None
) -> UnforeseenLimit:
    """Return an emergency that lasts for the next 45 minutes by default."""
    return UnforeseenLimit(asset_ids, Action.STOP, Direction.BOTH, Interval(start, expected_end or minutes(45)))


def make_asset(
    asset_id: str = GSRN,
    *,
    point_id: str = OTHER_GSRN,
    production_kw: str | None = "11",
    consumption_kw: str | None = None,
    name: str | None = None,
) -> FlexibilityAsset:
    return FlexibilityAsset(
        asset_id, point_id, AssetKind.STORAGE, optional_kw(production_kw), optional_kw(consumption_kw), name
    )


def make_point(
    point_id: str = OTHER_GSRN,
    *,
    production_kw: str | None = None,
    consumption_kw: str | None = None,
    name: str | None = None,
    sections: tuple[str, ...] = (),
) -> ConnectionPoint:
    return ConnectionPoint(point_id, optional_kw(production_kw), optional_kw(consumption_kw), name, sections)


def optional_kw(power_kw: str | None) -> Decimal | None:
    return None if power_kw is None else Decimal(power_kw)
