"""Power: kW as `Decimal` with at most three decimals outside, whole watts inside."""

from collections.abc import Iterator
from decimal import Decimal

from tps.errors import Finding

MAX_POWER_KW = Decimal(10**9)
_WATTS_PER_KW = 1000


def is_whole_watts(power_kw: Decimal) -> bool:
    """True if the power is finite, not beyond 10^9 kW either way, and no finer than a watt."""
    return power_kw.is_finite() and abs(power_kw) <= MAX_POWER_KW and (power_kw * _WATTS_PER_KW) % 1 == 0


def to_watts(power_kw: Decimal) -> int:
    """kW to whole watts; the caller has made sure that it is whole (`is_whole_watts`)."""
    return int(power_kw * _WATTS_PER_KW)


def from_watts(power_w: int) -> Decimal:
    """Whole watts to kW, without trailing zeros: 300000 is `Decimal("300")`, 300050 is `Decimal("300.05")`."""
    return canonical_kw(Decimal(power_w) / _WATTS_PER_KW)


def canonical_kw(power_kw: Decimal) -> Decimal:
    """The same number without trailing zeros and without an exponent."""
    whole = power_kw.to_integral_value()
    return whole if power_kw == whole else power_kw.normalize()


def power_findings(power_kw: Decimal, pointer: str) -> Iterator[Finding]:
    """What is wrong with a power that must not be negative: A46 (sign), A42 (finer than a watt, or absurd)."""
    if power_kw < 0:
        yield Finding("A46", pointer, "negative power; the direction is said elsewhere")
    elif not is_whole_watts(power_kw):
        yield Finding("A42", pointer, "finer than a watt, or beyond 1,000,000,000 kW")
