"""Test powers in kW: whole watts in the canonical spelling, whatever a client sends."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tps.domain.power import canonical_kw, from_watts, is_watt_multiple, is_whole_watts, power_findings, to_watts

FINER_THAN_A_WATT = ["0.0001", "1.0000000000000000000000000000000001", "1E-99999999", "999999999.9999"]
NO_NUMBER = ["NaN", "sNaN", "Infinity"]
ABSURD = ["1000000000.001", "1E+10", "1E+99999999"]


def codes(power_kw: str) -> list[str]:
    return [finding.code for finding in power_findings(Decimal(power_kw), "/power_kw")]


@pytest.mark.parametrize("power_kw", ["0", "-0", "0.001", "300.050", "1E+3", "1000000000"])
def test_whole_watts_up_to_a_billion_kw_are_in_order(power_kw: str) -> None:
    assert codes(power_kw) == []


@pytest.mark.parametrize("power_kw", [*FINER_THAN_A_WATT, *NO_NUMBER, *ABSURD])
def test_finer_than_a_watt_absurd_or_no_number_is_a42(power_kw: str) -> None:
    """UNI-PWR."""
    assert codes(power_kw) == ["A42"]


@pytest.mark.parametrize("power_kw", ["-0.001", "-1E+99999999", "-Infinity", "-0.00001"])
def test_a_negative_power_is_a46_and_nothing_else(power_kw: str) -> None:
    assert codes(power_kw) == ["A46"]


def test_a_finding_names_the_field() -> None:
    (finding,) = power_findings(Decimal(-1), "/available/3/power_kw")

    assert finding.pointer == "/available/3/power_kw"


def test_whole_watts_of_either_sign_are_bounded_but_multiples_are_not() -> None:
    assert is_whole_watts(Decimal("-1000000000"))
    assert not is_whole_watts(Decimal("-1000000001"))
    assert is_watt_multiple(Decimal("17505000000000.001"))


@given(st.integers(-(10**12), 10**12))
def test_watts_to_kw_and_back_is_the_same(power_w: int) -> None:
    power_kw = from_watts(power_w)

    assert to_watts(power_kw) == power_w
    assert is_whole_watts(power_kw)


@pytest.mark.parametrize(
    ("given_kw", "written"),
    [("300.000", "300"), ("1E+3", "1000"), ("0.050", "0.05"), ("0E-3", "0"), ("-0", "0"), ("-2.50", "-2.5")],
)
def test_a_power_is_written_without_trailing_zeros_exponent_or_minus_zero(given_kw: str, written: str) -> None:
    assert str(canonical_kw(Decimal(given_kw))) == written
