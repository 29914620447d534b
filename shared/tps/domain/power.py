"""Power: kW as `Decimal` with at most three decimals outside, whole watts inside."""

from collections.abc import Iterator
from decimal import Context, Decimal

from tps.errors import Finding

MAX_POWER_KW = Decimal(10**9)
_WATT_KW = Decimal("0.001")
_WATTS_PER_KW = 1000
# Decimals from outside may be NaN, 1E+9999999 or have fifty digits: compare and quantize them, which is exact; do not
# multiply first, which rounds to 28 digits or overflows.
_UNTRAPPED = Context(prec=28, traps=[])


def is_watt_multiple(power_kw: Decimal) -> bool:
    """True if the power is a number and no finer than a watt, of whatever size (totals of many assets)."""
    return power_kw.is_finite() and power_kw.quantize(_WATT_KW, context=_UNTRAPPED) == power_kw


def is_whole_watts(power_kw: Decimal) -> bool:
    """True if the power is finite, not beyond 10^9 kW either way, and no finer than a watt."""
    return power_kw.is_finite() and -MAX_POWER_KW <= power_kw <= MAX_POWER_KW and is_watt_multiple(power_kw)


def to_watts(power_kw: Decimal) -> int:
    """kW to whole watts; the caller has made sure that it is whole (`is_whole_watts`)."""
    return int(power_kw * _WATTS_PER_KW)


def from_watts(power_w: int) -> Decimal:
    """Whole watts to kW, without trailing zeros: 300000 is `Decimal("300")`, 300050 is `Decimal("300.05")`."""
    return canonical_kw(Decimal(power_w) / _WATTS_PER_KW)


def canonical_kw(power_kw: Decimal) -> Decimal:
    """The same number without trailing zeros, exponent or minus zero; the caller has made sure of `is_whole_watts`."""
    whole = int(power_kw)
    return Decimal(whole) if power_kw == whole else power_kw.normalize()


def power_findings(power_kw: Decimal, pointer: str) -> Iterator[Finding]:
    """What is wrong with a power that must not be negative: A46 (sign), A42 (finer than a watt, absurd, no number)."""
    if not power_kw.is_nan() and power_kw < 0:
        yield Finding("A46", pointer, "negative power; the direction is said elsewhere")
    elif not is_whole_watts(power_kw):
        yield Finding("A42", pointer, "finer than a watt, or beyond 1,000,000,000 kW")
