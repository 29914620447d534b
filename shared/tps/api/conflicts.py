"""Conflicts as JSON (F3), for the platform operator, operators and DSOs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tps.api.overview import MINUTE_S, kw_json, kwh_json, levels_at, moment_of
from tps.api.types import number_json
from tps.domain.conflict import Conflict, Excess, energies_ws
from tps.domain.conflict_curve import Curve
from tps.domain.demand import Demand, PlannedAsset, unknown_of
from tps.domain.power import from_watts

UNKNOWN = "unknown"


def conflict_json(conflict: Conflict, kind: str, *, part: str = "part_kw") -> dict[str, Any]:
    """Return the fields of a conflict that are the same for every reader, with its largest assets.

    Args:
        kind: Kind of the conflict, if it has an excess.
        part: Name of the field for the limiting power.
    """
    excesses = conflict.excesses
    start_s, end_s = conflict.doubtful_s or (excesses[0].start_s, excesses[-1].end_s)
    return {
        "kind": kind if excesses else UNKNOWN,
        "start": moment_of(start_s),
        "end": moment_of(end_s),
        "peak_excess_kw": kw_json(max((_mean_w(each.excess_ws, each) for each in excesses), default=0)),
        "excess_kwh": kwh_json(conflict.excess_ws),
        "intervals": _intervals(excesses, part),
        "unknown": {"asset_count": conflict.unknown_count, "up_to_kw": kw_json(conflict.unknown_w)},
        "assets": _concerned_json(conflict),
    }


def assets_json(demand: Demand, conflict: Conflict, assets: Sequence[PlannedAsset]) -> list[dict[str, Any]]:
    """Return all assets of a conflict: largest energy first, assets without a schedule last."""
    by_id = {asset.asset_id: asset for asset in assets}
    ranked = energies_ws(demand, assets, conflict.excesses)
    known = [_asset_json(by_id[each], kwh_json(energy_ws)) for each, energy_ws in ranked]
    unknown_ids = {asset.asset_id for asset in assets if unknown_of(demand, asset)}
    return known + [_asset_json(by_id[each], None) for each in sorted(unknown_ids - {each for each, _ in ranked})]


def curve_json(curve: Curve, start_s: int) -> dict[str, list[Any]]:
    """Return planned power and part as columns; null where nothing is planned, or where the limit does not apply."""
    columns = (curve.planned_assets, curve.planned, curve.asked, curve.part, curve.unknown)
    starts_s = sorted({at_s for column in columns for at_s in column.starts_s})
    count, planned_w, asked, part_w, unknown_w = (levels_at(column, starts_s) for column in columns)
    return {
        "minutes": [(at_s - start_s) // MINUTE_S for at_s in starts_s],
        "planned_kw": _where(count, planned_w),
        "part_kw": _where(asked, part_w),
        "unknown_kw": [kw_json(level_w) for level_w in unknown_w],
    }


def _where(is_known: Sequence[int], levels_w: Sequence[int]) -> list[Any]:
    return [kw_json(level_w) if known else None for known, level_w in zip(is_known, levels_w, strict=True)]


def _concerned_json(conflict: Conflict) -> dict[str, Any]:
    """Return the number of assets in a conflict, and the largest contributions."""
    largest = [{"asset_id": each, "energy_kwh": kwh_json(energy_ws)} for each, energy_ws in conflict.largest]
    return {"count": conflict.concerned_count, "largest": largest}


def _asset_json(asset: PlannedAsset, energy_kwh: float | None) -> dict[str, Any]:
    maxima = {"max_production_kw": asset.max_production_w, "max_consumption_kw": asset.max_consumption_w}
    shown = {name: number_json(from_watts(power_w)) for name, power_w in maxima.items() if power_w}
    return {"asset_id": asset.asset_id, "energy_kwh": energy_kwh, "is_planned": bool(asset.plans), **shown}


def _intervals(excesses: Sequence[Excess], part: str) -> list[dict[str, Any]]:
    """Merge adjacent quarter hours with equal values."""
    found: list[dict[str, Any]] = []
    last: Excess | None = None
    for each in excesses:
        values = {
            "planned_kw": kw_json(_mean_w(each.planned_ws, each)),
            part: kw_json(_mean_w(each.part_ws, each)),
            "excess_kw": kw_json(_mean_w(each.excess_ws, each)),
        }
        if last is not None and last.end_s == each.start_s and values.items() <= found[-1].items():
            found[-1]["end"] = moment_of(each.end_s)
        else:
            found.append({"start": moment_of(each.start_s), "end": moment_of(each.end_s), **values})
        last = each
    return found


def _mean_w(energy_ws: int, excess: Excess) -> int:
    """Return the mean power, rounded half up to whole watts."""
    return (2 * energy_ws + excess.duration_s) // (2 * excess.duration_s)
