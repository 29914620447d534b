"""Capacity limits: values, and the rules for them, independent of the sender.

A limit is a ceiling on active power in kW, on the sum over the listed assets of one operator, in one direction.
Intervals are half-open, whole minutes, aware UTC.

Source: docs/requirements.md, F6 and F7; docs/semantics.md, "Limits" and "Emergencies".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from tps.domain.identifiers import canonical_asset_id
from tps.domain.power import power_findings
from tps.domain.text import reason_text_findings
from tps.errors import Finding

MAX_INTERVALS = 10_000
"""A year by the hour has 8,784. With 50,000 assets it makes a document of 10 MB, a fifth of what a message carries."""
EMERGENCY_MAX_AGE = timedelta(minutes=15)
EMERGENCY_MAX_AHEAD = timedelta(minutes=2)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Direction(StrEnum):
    """The direction of power at the connection point. `both` is for emergencies only."""

    PRODUCTION = "production"
    CONSUMPTION = "consumption"
    BOTH = "both"


class Action(StrEnum):
    """The action of an emergency.

    STOP: bring the power to zero as fast as is safe. START: move towards the maximum. HOLD: keep the power of the
    moment of receipt.
    """

    START = "start"
    STOP = "stop"
    HOLD = "hold"


class LimitKind(StrEnum):
    """The two kinds of limits: planned ahead, or an emergency."""

    FORESEEN = "foreseen"
    UNFORESEEN = "unforeseen"


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open interval: `start` belongs to it, `end` does not. Aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class AvailablePower:
    """The power (>= 0) that is available in the limit's direction throughout `interval`."""

    interval: Interval
    power_kw: Decimal


@dataclass(frozen=True, slots=True)
class Reason:
    """The cause of a limit: an IEC reason code and an optional text.

    Attributes:
        code: `B19` foreseen maintenance, `B18` failure, and others.
        text: Up to 512 characters.
    """

    code: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ForeseenLimit:
    """A limit that is planned ahead. The direction is never `both`.

    Attributes:
        available: Intervals without overlap (`check_foreseen`), sorted (`in_order`). Between the intervals there is no
            limit.
    """

    asset_ids: tuple[str, ...]
    direction: Direction
    available: tuple[AvailablePower, ...]
    reason: Reason = Reason("B19")

    @property
    def period(self) -> Interval:
        """Return the interval from the first start to the last end. At least one interval is required, in any order."""
        intervals = [slot.interval for slot in self.available]
        return Interval(min(interval.start for interval in intervals), max(interval.end for interval in intervals))


@dataclass(frozen=True, slots=True)
class UnforeseenLimit:
    """An emergency. `period.end` is the expected return to normal operation."""

    asset_ids: tuple[str, ...]
    action: Action
    direction: Direction
    period: Interval
    reason: Reason = Reason("B18")


Limit = ForeseenLimit | UnforeseenLimit


@dataclass(frozen=True, slots=True)
class Share:
    """The basis of an operator's part: the name of the rule and the operator's own weight in kW."""

    rule: str
    weight_kw: Decimal


def in_order(limit: ForeseenLimit) -> ForeseenLimit:
    """Return the same limit with sorted intervals.

    Call `check_foreseen` first: its pointers refer to the order as sent, and times without a zone cannot be sorted.
    """
    return replace(limit, available=tuple(sorted(limit.available, key=lambda slot: slot.interval.start)))


def check_foreseen(limit: ForeseenLimit, now: datetime) -> list[Finding]:
    """Return all faults of a foreseen limit that need no registry.

    Args:
        limit: As sent, with intervals in any order.
        now: Aware UTC. A limit whose last end is not after `now` has ended (A57).

    Returns:
        One finding per fault, with pointers as in the REST body. Empty if there is no fault. Codes: A69 (no asset, no
        interval), A55 (same asset twice), A59 (both directions, reason's text), A04 (zone, whole minutes, order,
        overlap), A46 and A42 (power), A57. Overlap and A57 are checked only if there is no other fault.

    Source: docs/requirements.md, F6; docs/semantics.md, "Limits".
    """
    findings = [*_asset_ids_findings(limit.asset_ids), *_reason_findings(limit.reason)]
    if limit.direction is Direction.BOTH:
        findings.append(Finding("A59", "/direction", "direction of a foreseen limit must be production or consumption"))
    if not limit.available:
        findings.append(Finding("A69", "/available", "must contain at least one interval"))
    if len(limit.available) > MAX_INTERVALS:
        return [*findings, Finding("A59", "/available", f"a limit must have at most {MAX_INTERVALS:,} intervals")]
    for index, slot in enumerate(limit.available):
        findings += _interval_findings(slot.interval, f"/available/{index}")
        findings += power_findings(slot.power_kw, f"/available/{index}/power_kw")
    if findings:
        return findings
    return [*_overlap_findings(limit.available), *_over_findings(limit, now)]


def check_unforeseen(limit: UnforeseenLimit, now: datetime) -> list[Finding]:
    """Return all faults of an emergency except its age: asset ids, reason's text, and an end in the past (A57).

    Codes and pointers are those of `check_foreseen`. The pointer of the end is `/expected_end`.
    """
    findings = [*_asset_ids_findings(limit.asset_ids), *_reason_findings(limit.reason)]
    if limit.period.start.utcoffset() is None or limit.period.end.utcoffset() is None:
        findings.append(Finding("A04", "/expected_end", "the time must have a zone (Z or an offset)"))
    elif limit.period.end <= now:
        findings.append(Finding("A57", "/expected_end", "expected_end must be in the future"))
    elif limit.period.end <= limit.period.start:
        findings.append(Finding("A04", "/expected_end", "expected_end must be after the start"))
    return findings


def check_emergency_age(
    created_at: datetime,
    now: datetime,
    max_age: timedelta = EMERGENCY_MAX_AGE,
    max_ahead: timedelta = EMERGENCY_MAX_AHEAD,
) -> list[Finding]:
    """Return a finding (A57) for an emergency that is older than 15 minutes or more than 2 minutes in the future.

    Args:
        created_at: Aware UTC, the document's `createdDateTime`.
        now: Aware UTC, the platform's clock.
        max_age: Maximum age.
        max_ahead: Maximum difference to the future.
    """
    if now - created_at > max_age:
        return [Finding("A57", "", f"the signal is older than {_minutes(max_age)} minutes")]
    if created_at - now > max_ahead:
        detail = f"the signal is dated more than {_minutes(max_ahead)} minutes in the future; check the clock"
        return [Finding("A57", "", detail)]
    return []


def _minutes(duration: timedelta) -> str:
    return f"{duration / _MINUTE:g}"


def _asset_ids_findings(asset_ids: Sequence[str]) -> Iterator[Finding]:
    if not asset_ids:
        yield Finding("A69", "/asset_ids", "must contain at least one asset")
    seen: set[str] = set()
    for index, asset_id in enumerate(asset_ids):
        canonical_id = canonical_asset_id(asset_id)
        if canonical_id in seen:
            yield Finding("A55", f"/asset_ids/{index}", "the request has this id twice", asset_id)
        seen.add(canonical_id)


def _reason_findings(reason: Reason) -> Iterator[Finding]:
    return reason_text_findings(reason.text or "", "/reason/text")


def _interval_findings(interval: Interval, pointer: str) -> Iterator[Finding]:
    findings = [
        *_moment_findings(interval.start, f"{pointer}/start"),
        *_moment_findings(interval.end, f"{pointer}/end"),
    ]
    yield from findings
    if not findings and interval.end <= interval.start:
        yield Finding("A04", f"{pointer}/end", "end must be after start")


def _moment_findings(moment: datetime, pointer: str) -> Iterator[Finding]:
    if moment.utcoffset() is None:
        yield Finding("A04", pointer, "the time must have a zone (Z or an offset)")
    elif (moment - _EPOCH) % _MINUTE:
        yield Finding("A04", pointer, "the time must be a whole minute")


def _overlap_findings(available: Sequence[AvailablePower]) -> Iterator[Finding]:
    order = sorted(range(len(available)), key=lambda index: available[index].interval.start)
    latest = order[0]
    for index in order[1:]:
        if available[index].interval.start < available[latest].interval.end:
            yield Finding("A04", f"/available/{index}", f"the interval overlaps interval {latest}")
        latest = max(latest, index, key=lambda candidate: available[candidate].interval.end)


def _over_findings(limit: ForeseenLimit, now: datetime) -> Iterator[Finding]:
    if limit.period.end <= now:
        yield Finding("A57", "/available", "the limit has already ended")
