"""Capacity limits (F6, F7): values, and the rules that hold for them whoever sends them.

A limit is a ceiling on active power in kW, on the sum over the listed assets of one operator, in one direction
(SEMANTICS, Limits). Intervals are half-open, whole minutes, aware UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from tps.domain.power import power_findings
from tps.errors import Finding

EMERGENCY_MAX_AGE = timedelta(minutes=15)
EMERGENCY_MAX_AHEAD = timedelta(minutes=2)


class Direction(StrEnum):
    PRODUCTION = "production"
    CONSUMPTION = "consumption"
    BOTH = "both"


class Action(StrEnum):
    """STOP: to zero, as fast as is safe. START: towards the maximum. HOLD: keep the power of the moment of receipt."""

    START = "start"
    STOP = "stop"
    HOLD = "hold"


class LimitKind(StrEnum):
    FORESEEN = "foreseen"
    UNFORESEEN = "unforeseen"


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open: `start` is in, `end` is not. Aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class AvailablePower:
    """`power_kw` (>= 0) is available in the limit's direction throughout `interval`."""

    interval: Interval
    power_kw: Decimal


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, by an IEC reason code (`B19` foreseen maintenance, `B18` failure, ...) and a free text up to 512 characters."""

    code: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ForeseenLimit:
    """`available` is sorted and without overlap; between its intervals there is no limit. Never `both` directions."""

    asset_ids: tuple[str, ...]
    direction: Direction
    available: tuple[AvailablePower, ...]
    reason: Reason = Reason("B19")

    @property
    def period(self) -> Interval:
        """From the first start to the last end."""
        return Interval(self.available[0].interval.start, self.available[-1].interval.end)


@dataclass(frozen=True, slots=True)
class UnforeseenLimit:
    """An emergency signal; `period.end` is when normal operation is expected back."""

    asset_ids: tuple[str, ...]
    action: Action
    direction: Direction
    period: Interval
    reason: Reason = Reason("B18")


Limit = ForeseenLimit | UnforeseenLimit


@dataclass(frozen=True, slots=True)
class Share:
    """How an operator's part came about: the rule's name and the operator's own weight in kW."""

    rule: str
    weight_kw: Decimal


def check_foreseen(limit: ForeseenLimit, now: datetime) -> list[Finding]:
    """Everything wrong with a foreseen limit, by the rules that need no registry.

    Args:
        limit: As sent; its intervals in any order.
        now: Aware UTC; a limit whose last end is not after it is over already (A57).

    Returns:
        One finding per fault, pointers as in the REST body; empty if all is well.

    Source: F6; SEMANTICS.md, Limits; INTERFACES.md, Errors.
    """
    findings = list(_duplicate_findings(limit.asset_ids))
    for index, slot in enumerate(limit.available):
        findings += _interval_findings(slot.interval, f"/available/{index}")
        findings += power_findings(slot.power_kw, f"/available/{index}/power_kw")
    if findings:
        return findings
    return [*_overlap_findings(limit.available), *_over_findings(limit, now)]


def check_unforeseen(limit: UnforeseenLimit, now: datetime) -> list[Finding]:
    """The same for an emergency: ids given once, and an end that is ahead (A57)."""
    findings = list(_duplicate_findings(limit.asset_ids))
    if limit.period.end <= now:
        findings.append(Finding("A57", "/expected_end", "expected_end is not in the future"))
    elif limit.period.end <= limit.period.start:
        findings.append(Finding("A04", "/expected_end", "expected_end is not after the start"))
    return findings


def check_emergency_age(created_at: datetime, now: datetime) -> list[Finding]:
    """An emergency older than 15 minutes, or more than 2 minutes in the future, is refused (A57)."""
    if now - created_at > EMERGENCY_MAX_AGE:
        return [Finding("A57", "", "the signal is older than 15 minutes")]
    if created_at - now > EMERGENCY_MAX_AHEAD:
        return [Finding("A57", "", "the signal is dated more than 2 minutes in the future: check the clock")]
    return []


def _duplicate_findings(asset_ids: Sequence[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, asset_id in enumerate(asset_ids):
        if asset_id in seen:
            yield Finding("A55", f"/asset_ids/{index}", "the same id twice in one call", asset_id)
        seen.add(asset_id)


def _interval_findings(interval: Interval, pointer: str) -> Iterator[Finding]:
    for name in ("start", "end"):
        moment = getattr(interval, name)
        if moment.second or moment.microsecond:
            yield Finding("A04", f"{pointer}/{name}", "whole minutes only")
    if interval.end <= interval.start:
        yield Finding("A04", f"{pointer}/end", "end is not after start")


def _overlap_findings(available: Sequence[AvailablePower]) -> Iterator[Finding]:
    order = sorted(range(len(available)), key=lambda index: available[index].interval.start)
    for before, after in pairwise(order):
        if available[after].interval.start < available[before].interval.end:
            yield Finding("A04", f"/available/{after}", f"overlaps interval {before}")


def _over_findings(limit: ForeseenLimit, now: datetime) -> Iterator[Finding]:
    if limit.available and max(slot.interval.end for slot in limit.available) <= now:
        yield Finding("A57", "/available", "the limit is over already")
