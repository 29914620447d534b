"""Limits in a DSO's backend: what they are about, what is odd about them, and what became of them (F6b)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tps.api.types import ConcernsBody, moment_json, read_moment
from tps.domain.asset import AssetListing
from tps.domain.identifiers import canonical_point_id
from tps.domain.limit import Direction, ForeseenLimit, Interval, Limit, Reason
from tps.domain.limit_revision import LAST_REVISION, LimitStatus, ended_at, full_minute_after, status_at
from tps.domain.scope import DsoScope
from tps.dso import limits as own_limits
from tps.dso.grid_assets import assets_of_grid, known_assets
from tps.dso.limits import OwnLimit
from tps.errors import Finding, RevisionConflict, RuleBroken
from tps.party.limit_bodies import limit_body, limit_of_body, reason_json
from tps.party.outcomes import LEFT_OUT
from tps.party.resources import read_own

if TYPE_CHECKING:
    from tps.documents.acknowledgement import Acknowledgement
    from tps.stores.database import Transaction

LONG_EMERGENCY = timedelta(hours=24)
_NOTICES = frozenset({"EXPIRES", "EXPIRED", "ALL_REACHED", "UNREACHED"})


@dataclass(frozen=True, slots=True)
class Concerned:
    """The assets that a limit is about.

    Attributes:
        asset_ids: As listed, or what the points or sections came to, sorted.
        is_resolved: They were not listed; the answer says them.
    """

    asset_ids: tuple[str, ...]
    is_resolved: bool


def resolve(tx: Transaction, scope: DsoScope, body: ConcernsBody) -> Concerned:
    """The assets that a body lists, or that lie at the points or in the sections that it names.

    Raises:
        RuleBroken: A point that is not the DSO's, a section that none of its points has (A64); no asset there (A69).
    """
    if body.asset_ids is not None:
        return Concerned(tuple(body.asset_ids), False)
    if body.connection_point_ids is not None:
        place, points = "/connection_point_ids", _named_points(tx, scope, body.connection_point_ids)
    else:
        place, points = "/sections", _points_in(tx, scope, body.sections or ())
    found = assets_of_grid(tx, scope, points)
    if not found:
        raise RuleBroken("nothing to limit", [Finding("A69", place, "no known asset is connected there")])
    return Concerned(tuple(asset.id for asset in found), True)


def _named_points(tx: Transaction, scope: DsoScope, ids: Sequence[str]) -> list[str]:
    wanted = [canonical_point_id(each) for each in ids]
    known = {each.id for each in read_own(tx, scope.party, wanted)}
    _refuse_unknown("/connection_point_ids", wanted, known, "the caller has no connection point with this id")
    return wanted


def _points_in(tx: Transaction, scope: DsoScope, sections: Sequence[str]) -> list[str]:
    points = {each.id: set(each.body.get("sections") or ()) for each in read_own(tx, scope.party)}
    known = set().union(*points.values())
    _refuse_unknown("/sections", sections, known, "no connection point of the caller has this section")
    return [each for each, own in points.items() if own & set(sections)]


def _refuse_unknown(place: str, wanted: Sequence[str], known: set[str], detail: str) -> None:
    findings = [Finding("A64", f"{place}/{index}", detail) for index, each in enumerate(wanted) if each not in known]
    if findings:
        raise RuleBroken(detail, findings)


# Warnings: allowed, but probably a mistake


def warnings_of(
    tx: Transaction, scope: DsoScope, limit: Limit, *, now: datetime, own_id: str | None = None
) -> list[tuple[str, str]]:
    """(code, detail) of what is odd about a limit, as far as this backend's copy of the grid tells."""
    known = known_assets(tx, scope, limit.asset_ids)
    found = list(_time_warnings(limit, now))
    if own_limits.overlaps_another(tx, scope, limit, own_id or ""):
        detail = (
            "other limits already apply to some of the assets in this direction and period; all limits remain in force"
        )
        found.append(("overlaps_own_limit", detail))
    return found + list(_power_warnings(limit, known)) if len(known) == len(limit.asset_ids) else found


def left_out(tx: Transaction, scope: DsoScope, limit: Limit) -> tuple[dict[str, str], ...]:
    """Assets of an emergency that are not in this backend's copy of the grid: the platform would leave them out."""
    known = {asset.id for asset in known_assets(tx, scope, limit.asset_ids)}
    return tuple({"asset_id": each, "code": "A64", "detail": LEFT_OUT} for each in limit.asset_ids if each not in known)


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


# What is kept, and shown


def next_revision(own: OwnLimit) -> int:
    """Of what follows it.

    Raises:
        RevisionConflict: There is none (A51).
    """
    if own.revision == LAST_REVISION:
        detail = f"revision {LAST_REVISION} is the last revision; send a new limit with a new id"
        raise RevisionConflict(detail, [Finding("A51", "", detail)])
    return own.revision + 1


def removed(own: OwnLimit, text: str | None, *, now: datetime, in_error: bool) -> tuple[OwnLimit, Limit | None]:
    """The revision that takes a limit back: withdrawn, cancelled before its start, or ended at the next full minute.

    Returns:
        The revision, its text in the place of the earlier one's; and the limit as it ended, None if it did not.
    """
    reason = Reason(own.body["reason"]["code"], text or own.body["reason"].get("text"))
    following = replace(own, revision=next_revision(own), sent_at=now)
    if in_error or own.period.start > now:
        status = LimitStatus.WITHDRAWN if in_error else LimitStatus.CANCELLED
        return replace(following, status=status, body={**own.body, "reason": reason_json(reason)}), None
    limit = replace(_ended(limit_of_body(own.kind, own.body), full_minute_after(now)), reason=reason)
    return replace(following, status=LimitStatus.ENDED, period=limit.period, body=limit_body(limit)), limit


def _ended(limit: Limit, end: datetime) -> Limit:
    """The same limit, over at a moment after its start."""
    if isinstance(limit, ForeseenLimit):
        return replace(limit, available=ended_at(limit, end))
    return replace(limit, period=Interval(limit.period.start, min(limit.period.end, end)))


def own_limit_json(limit: OwnLimit, now: datetime) -> dict[str, Any]:
    """One revision as its DSO reads it. `pending` and `refused` are of the revision, the other states of the limit."""
    left = {each["asset_id"] for each in limit.rejected}
    delivery: dict[str, Any] = {
        "asset_count": len(set(limit.body["asset_ids"]) - left),
        "all_reached_at": moment_json(limit.all_reached_at) if limit.all_reached_at else None,
    }
    if limit.unreached_ids and limit.all_reached_at is None:
        delivery["unreached_asset_ids"] = list(limit.unreached_ids)
    shown = {
        "id": limit.limit_id,
        "revision": limit.revision,
        "kind": str(limit.kind),
        "status": _shown_status(limit, now),
        **limit.body,
        "sent_at": moment_json(limit.sent_at),
        "message_id": limit.message_id,
        "delivery": delivery,
        "notices": list(limit.notices),
    }
    return {**shown, "rejected": list(limit.rejected)} if limit.rejected else shown


def _shown_status(limit: OwnLimit, now: datetime) -> str:
    if limit.answer == "pending":
        return "pending"
    return str(status_at(limit.status, limit.period.end, now)) if limit.counts else "refused"


# What the platform says


def is_notice(document: Acknowledgement) -> bool:
    """Whether an acknowledgement is news about a limit that was accepted earlier."""
    return any(name in _NOTICES for name, _ in document.notices)


def note_notices(tx: Transaction, party: str, message_id: str, document: Acknowledgement) -> None:
    """Take note of news about the limit that a message brought."""
    said: dict[str, list[str]] = {}
    for name, value in document.notices:
        said.setdefault(name, []).append(value)
    for at in said.get("ALL_REACHED", []):
        own_limits.note_reached(tx, party, message_id, read_moment(at))
    if "UNREACHED" in said:
        own_limits.note_unreached(tx, party, message_id, said["UNREACHED"])
    for name in ("EXPIRES", "EXPIRED"):
        for at in said.get(name, []):
            own_limits.note_expiry(tx, party, message_id, {"code": name.lower(), "at": at})
