"""Check a limit of a DSO against its backend's own points and copy of the grid, before the limit is sent (F6b)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tps.api.types import ConcernsBody
from tps.domain.asset import AssetListing
from tps.domain.identifiers import canonical_point_id
from tps.domain.limit import Direction, ForeseenLimit, Limit
from tps.domain.scope import DsoScope
from tps.dso import limits
from tps.dso.grid_assets import assets_of_grid, known_assets
from tps.errors import Finding, RuleBroken
from tps.party.outcomes import LEFT_OUT
from tps.party.resources import read_own

if TYPE_CHECKING:
    from tps.stores.database import Transaction

LONG_EMERGENCY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LimitedAssets:
    """The assets that a limit concerns.

    Attributes:
        ids: The listed ids, or the ids of all assets at the named points or in the named sections, sorted.
        is_resolved: The body names points or sections, so the answer lists the ids.
    """

    ids: tuple[str, ...]
    is_resolved: bool


def limited_assets(tx: Transaction, scope: DsoScope, body: ConcernsBody) -> LimitedAssets:
    """Return the assets that a body lists, or that are connected at the points or in the sections that it names.

    Raises:
        RuleBroken: A point or a section is unknown (A64), or no known asset is connected there (A69).
    """
    if body.asset_ids is not None:
        return LimitedAssets(tuple(body.asset_ids), is_resolved=False)
    if body.connection_point_ids is not None:
        pointer, points = "/connection_point_ids", _named_points(tx, scope, body.connection_point_ids)
    else:
        pointer, points = "/sections", _points_in(tx, scope, body.sections or ())
    assets = assets_of_grid(tx, scope, points)
    if not assets:
        raise RuleBroken("nothing to limit", [Finding("A69", pointer, "no known asset is connected there")])
    return LimitedAssets(tuple(asset.id for asset in assets), is_resolved=True)


def warnings_of(
    tx: Transaction, scope: DsoScope, limit: Limit, *, now: datetime, limit_id: str
) -> list[tuple[str, str]]:
    """Return (code, detail) of what is allowed but probably a mistake, by this backend's copy of the grid."""
    known = known_assets(tx, scope, limit.asset_ids)
    warnings = list(_time_warnings(limit, now))
    if limits.overlaps_another(tx, scope, limit, limit_id):
        detail = (
            "other limits already apply to some of the assets in this direction and period; all limits remain in force"
        )
        warnings.append(("overlaps_own_limit", detail))
    if len(known) == len(limit.asset_ids):
        warnings += _power_warnings(limit, known)
    return warnings


def left_out(tx: Transaction, scope: DsoScope, limit: Limit) -> tuple[dict[str, str], ...]:
    """Return the assets of an emergency that the platform would leave out: this backend's copy does not have them."""
    known = {asset.id for asset in known_assets(tx, scope, limit.asset_ids)}
    unknown = (asset_id for asset_id in limit.asset_ids if asset_id not in known)
    return tuple({"asset_id": asset_id, "code": "A64", "detail": LEFT_OUT} for asset_id in unknown)


def _named_points(tx: Transaction, scope: DsoScope, ids: Sequence[str]) -> list[str]:
    wanted = [canonical_point_id(point_id) for point_id in ids]
    known = {point.id for point in read_own(tx, scope.party, wanted)}
    _refuse_unknown("/connection_point_ids", wanted, known, "the caller has no connection point with this id")
    return wanted


def _points_in(tx: Transaction, scope: DsoScope, sections: Sequence[str]) -> list[str]:
    sections_of = {point.id: set(point.body.get("sections") or ()) for point in read_own(tx, scope.party)}
    known = set().union(*sections_of.values())
    _refuse_unknown("/sections", sections, known, "no connection point of the caller has this section")
    return [point_id for point_id, own in sections_of.items() if own & set(sections)]


def _refuse_unknown(pointer: str, wanted: Sequence[str], known: set[str], detail: str) -> None:
    findings = [Finding("A64", f"{pointer}/{index}", detail) for index, name in enumerate(wanted) if name not in known]
    if findings:
        raise RuleBroken(detail, findings)


def _time_warnings(limit: Limit, now: datetime) -> Iterator[tuple[str, str]]:
    if isinstance(limit, ForeseenLimit) and limit.period.start < now:
        yield "starts_in_the_past", "the limit starts in the past, so it is in force at once"
    if not isinstance(limit, ForeseenLimit) and limit.period.end > now + LONG_EMERGENCY:
        yield "long_emergency", "expected_end is more than 24 hours after the start"


def _power_warnings(limit: Limit, known: Sequence[AssetListing]) -> Iterator[tuple[str, str]]:
    if limit.direction is Direction.BOTH:
        return
    powers_kw = [_power_kw(asset, limit.direction) for asset in known]
    unable = sum(1 for power_kw in powers_kw if not power_kw)
    if unable:
        yield "cannot_do_direction", f"{unable} of the assets cannot be limited in the direction {limit.direction}"
    installed_kw = sum(powers_kw, Decimal(0))
    if isinstance(limit, ForeseenLimit) and any(slot.power_kw >= installed_kw for slot in limit.available):
        yield "does_not_bind", f"the available power is not below the installed power of {installed_kw:f} kW"


def _power_kw(asset: AssetListing, direction: Direction) -> Decimal:
    is_production = direction is Direction.PRODUCTION
    return (asset.max_production_kw if is_production else asset.max_consumption_kw) or Decimal(0)
