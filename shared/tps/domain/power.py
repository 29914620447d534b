"""Power: kW as `Decimal` with at most three decimals outside, whole watts inside."""

from collections.abc import Iterator
from decimal import Context, Decimal

from tps.errors import Finding

MAX_POWER_KW = Decimal(10**9)
_WATT_KW = Decimal("0.001")
_WATTS_PER_KW = 1000
# Decimals from outside may be NaN, 1E+9999999 or have fifty digits. Comparing and quantizing them is exact. Multiplying
# them first would round to 28 digits or overflow.
_UNTRAPPED = Context(prec=28, traps=[])


def is_watt_multiple(power_kw: Decimal) -> bool:
    """Return True if the power is a number and a multiple of one watt.

    The size is unlimited (totals of many assets).
    """
    return power_kw.is_finite() and power_kw.quantize(_WATT_KW, context=_UNTRAPPED) == power_kw


def is_whole_watts(power_kw: Decimal) -> bool:
    """Return True if the power is a multiple of one watt and between -10^9 and 10^9 kW."""
    return power_kw.is_finite() and -MAX_POWER_KW <= power_kw <= MAX_POWER_KW and is_watt_multiple(power_kw)


def to_watts(power_kw: Decimal) -> int:
    """Return a power in whole watts. The caller has checked it with `is_whole_watts`."""
    return int(power_kw * _WATTS_PER_KW)


def from_watts(power_w: int) -> Decimal:
    """Return whole watts as kW without trailing zeros: 300000 is `Decimal("300")`, 300050 is `Decimal("300.05")`."""
    return canonical_kw(Decimal(power_w) / _WATTS_PER_KW)


def canonical_kw(power_kw: Decimal) -> Decimal:
    """Return the same number without trailing zeros, exponent or minus zero.

    The caller has checked `is_whole_watts`.
    """
    whole = int(power_kw)
    return Decimal(whole) if power_kw == whole else power_kw.normalize()


def power_findings(power_kw: Decimal, pointer: str) -> Iterator[Finding]:
    """Yield the fault of a power that must not be negative.

    The code is A46 (sign) or A42 (finer than a watt, too large, no number).
    """
    if not power_kw.is_nan() and power_kw < 0:
        yield Finding("A46", pointer, "power must not be negative; another field states the direction")
    elif not is_whole_watts(power_kw):
        yield Finding("A42", pointer, "power must be a multiple of 0.001 kW and at most 1,000,000,000 kW")
