"""F6a: test an operator's part of a limit and that no strategy gains power. Source: docs/semantics.md, "Fairness"."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import grows_at_most_linearly
from tps.domain.fairness import effective_weights, exact_parts_kw, share_limit
from tps.errors import RuleBroken

TIE_KEY = b"the limit's own key"
FEW_WATTS = st.integers(0, 60)
MANY_WATTS = st.integers(0, 10**12)


def share_watts(available_w: int, weights_w: dict[str, int], caps_w: dict[str, int] | None = None) -> dict[str, int]:
    """Call `share_limit` in watts, so that a test reads like its example."""
    parts = share_limit(kw(available_w), in_kw(weights_w), TIE_KEY, None if caps_w is None else in_kw(caps_w))
    return {name: int(part * 1000) for name, part in parts.items()}


def kw(power_w: int) -> Decimal:
    return Decimal(power_w) / 1000


def in_kw(powers_w: dict[str, int]) -> dict[str, Decimal]:
    return {name: kw(power_w) for name, power_w in powers_w.items()}


def named(powers_w: list[int]) -> dict[str, int]:
    return {f"operator-{index}": power_w for index, power_w in enumerate(powers_w)}


@st.composite
def divisions(draw: Callable, watts: st.SearchStrategy[int] = FEW_WATTS | MANY_WATTS):
    """Draw (available_w, weights_w, caps_w). Caps do not exceed weights. The power may exceed the sum of the caps."""
    weights_w = named(draw(st.lists(watts, max_size=8)))
    caps_w = {name: draw(st.integers(0, weight_w)) for name, weight_w in weights_w.items()}
    return draw(st.integers(0, 2 * sum(weights_w.values()) + 1)), weights_w, caps_w


def water_filled(available: Fraction, weights: dict[str, int], caps: dict[str, int]) -> dict[str, Fraction]:
    """Return the exact parts by an independent, slow water-filling: rounds of sharing the rest among open names."""
    parts = dict.fromkeys(weights, Fraction(0))
    while open_names := [name for name in weights if weights[name] and parts[name] < caps[name]]:
        left = available - sum(parts.values())
        rise = min(
            left / sum(weights[name] for name in open_names),
            *((caps[name] - parts[name]) / weights[name] for name in open_names),
        )
        if not rise:
            break
        for name in open_names:
            parts[name] += rise * weights[name]
    return parts


def highest_averages(available_w: int, weights_w: dict[str, int], caps_w: dict[str, int]) -> dict[str, int]:
    """Return the parts by the definition, watt by watt from zero. Equal claims go to the later name. Slow."""
    parts_w = dict.fromkeys(weights_w, 0)
    for _ in range(available_w):
        claims = [
            (Fraction(weights_w[name], parts_w[name] + 1), name) for name in weights_w if parts_w[name] < caps_w[name]
        ]
        if not claims:
            break
        parts_w[max(claims)[1]] += 1
    return parts_w


def test_500_kw_over_600_and_400_kw_installed_are_300_and_200() -> None:
    parts = share_limit(Decimal(500), {"north": Decimal(600), "south": Decimal(400)}, TIE_KEY)

    assert {"north": Decimal(300), "south": Decimal(200)} == parts
    assert [str(part) for part in parts.values()] == ["300", "200"]


def test_three_equals_get_a_total_that_does_not_divide_by_three_to_the_watt() -> None:
    parts = share_limit(Decimal("100.001"), dict.fromkeys("abc", Decimal(50)), TIE_KEY)

    assert Decimal("100.001") == sum(parts.values())
    assert {Decimal("33.333"), Decimal("33.334")} == set(parts.values())


def test_what_an_operator_cannot_use_goes_to_the_others_by_their_weights() -> None:
    assert share_watts(100, {"a": 40, "b": 80, "c": 40}, {"a": 10}) == {"a": 10, "b": 60, "c": 30}


def test_who_cannot_do_the_direction_gets_an_explicit_zero() -> None:
    assert share_watts(7, {"a": 0, "b": 10}) == {"a": 0, "b": 7}


@pytest.mark.parametrize("available_w", [0, 5])
def test_without_any_weight_all_parts_are_zero(available_w: int) -> None:
    assert share_watts(available_w, {"a": 0, "b": 0}, {"a": 9, "b": 9}) == {"a": 0, "b": 0}
    assert share_watts(available_w, {}) == {}


def test_a_cap_above_the_weight_gives_no_more_than_is_installed() -> None:
    assert share_watts(100, {"a": 3, "b": 10}, {"a": 50}) == {"a": 3, "b": 10}


@given(divisions())
def test_parts_add_up_exactly_and_none_is_above_its_cap(division) -> None:
    available_w, weights_w, caps_w = division

    parts_w = share_watts(available_w, weights_w, caps_w)

    assert min(available_w, sum(caps_w.values())) == sum(parts_w.values())
    assert all(0 <= parts_w[name] <= caps_w[name] for name in weights_w)


@given(divisions(), st.integers(1, 5))
def test_more_power_never_means_less_for_anybody(division, more_w: int) -> None:
    available_w, weights_w, caps_w = division

    before, after = (share_watts(power_w, weights_w, caps_w) for power_w in (available_w, available_w + more_w))

    assert all(before[name] <= after[name] for name in weights_w)


@pytest.mark.parametrize(
    ("weights_w", "low_w"), [([28, 10, 4, 24], 43), ([13, 26, 7, 4], 32)], ids=["paradox of 43 and 44 W", "of 32 W"]
)
def test_where_largest_remainder_takes_from_somebody_highest_averages_does_not(
    weights_w: list[int], low_w: int
) -> None:
    low, high = share_watts(low_w, named(weights_w)), share_watts(low_w + 1, named(weights_w))

    assert (low_w, low_w + 1) == (sum(low.values()), sum(high.values()))
    assert all(low[name] <= high[name] for name in low)


@pytest.mark.parametrize(
    ("weights_w", "available_w"), [([28, 10, 4, 24], 43), ([28, 10, 4, 24], 44), ([13, 26, 7, 4], 32)]
)
def test_no_split_of_any_portfolio_of_the_known_hard_cases_gains_a_watt(weights_w: list[int], available_w: int) -> None:
    whole = share_watts(available_w, named(weights_w))

    for index, weight_w in enumerate(weights_w):
        for piece_w in range(1, weight_w):
            others = named(weights_w) | {f"operator-{index}": piece_w, "spun off": weight_w - piece_w}
            parts = share_watts(available_w, others)
            assert parts[f"operator-{index}"] + parts["spun off"] <= whole[f"operator-{index}"]


@given(st.lists(FEW_WATTS, max_size=5), FEW_WATTS, FEW_WATTS, st.integers(0, 400))
def test_splitting_gains_nothing_but_a_watt_where_both_pieces_and_the_whole_are_tied(
    others_w: list[int], one_w: int, other_w: int, available_w: int
) -> None:
    whole = share_watts(available_w, named(others_w) | {"whole": one_w + other_w})["whole"]
    split = share_watts(available_w, named(others_w) | {"one": one_w, "other": other_w})

    gain = split["one"] + split["other"] - whole

    assert gain <= 1
    if gain == 1:
        assert (
            Fraction(one_w, split["one"]) == Fraction(other_w, split["other"]) == Fraction(one_w + other_w, whole + 1)
        )


def test_over_many_keys_even_tied_pieces_get_less_than_the_whole() -> None:
    """A whole of 2 W competes for 2 W with a rival of 1 W. Its pieces of 1 W tie with the rival for the last watt."""
    whole, pieces = Decimal(0), Decimal(0)
    for key in range(200):
        rival = {"rival": kw(1)}
        whole += share_limit(kw(2), rival | {"whole": kw(2)}, bytes([key]))["whole"]
        split = share_limit(kw(2), rival | {"one": kw(1), "other": kw(1)}, bytes([key]))
        pieces += split["one"] + split["other"]

    assert pieces < whole


@given(divisions())
def test_equals_differ_by_at_most_a_watt(division) -> None:
    available_w, weights_w, caps_w = division
    twins = {"twin": 50, "other twin": 50}

    parts_w = share_watts(available_w, weights_w | twins, caps_w | {"twin": 30, "other twin": 30})

    assert abs(parts_w["twin"] - parts_w["other twin"]) <= 1


@given(divisions(), st.randoms())
def test_the_order_of_the_operators_has_no_bearing(division, random) -> None:
    available_w, weights_w, caps_w = division
    shuffled = random.sample(sorted(weights_w.items()), len(weights_w))

    assert share_watts(available_w, weights_w, caps_w) == share_watts(available_w, dict(shuffled), caps_w)


@given(divisions())
def test_before_rounding_it_is_water_filling_exactly(division) -> None:
    available_w, weights_w, caps_w = division

    parts_kw = exact_parts_kw(kw(available_w), in_kw(weights_w), in_kw(caps_w))

    slow = water_filled(Fraction(available_w), weights_w, caps_w)
    assert slow == {name: part * 1000 for name, part in parts_kw.items()}


@given(divisions())
def test_nobody_gets_less_than_its_exact_part_rounded_down_nor_all_together_a_watt_each_more(division) -> None:
    available_w, weights_w, caps_w = division
    exact = exact_parts_kw(kw(available_w), in_kw(weights_w), in_kw(caps_w))

    over = [part_w - exact[name] * 1000 // 1 for name, part_w in share_watts(available_w, weights_w, caps_w).items()]

    assert all(watts >= 0 for watts in over)
    assert sum(over) < max(1, len(over))


@given(divisions(watts=st.integers(0, 12)))
def test_rounding_down_first_changes_nothing_about_highest_averages(division) -> None:
    """Ties are the exception: the reference gives them to the later name. The averages served stay the same."""
    available_w, weights_w, caps_w = division

    fast, slow = share_watts(available_w, weights_w, caps_w), highest_averages(available_w, weights_w, caps_w)

    assert averages_served(weights_w, slow) == averages_served(weights_w, fast)


def test_one_large_among_many_small_may_get_several_of_the_watts_that_rounding_left() -> None:
    """The exact part is 1.3 W. 100/2, 100/3 and 100/4 are above 22/1, but 100/5 is not."""
    small = named([22] * 30)

    assert share_watts(10, small | {"large": 100})["large"] == 4
    assert share_watts(10, small | {"large": 100}, {"large": 3})["large"] == 3


def averages_served(weights_w: dict[str, int], parts_w: dict[str, int]) -> list[Fraction]:
    return sorted(Fraction(weights_w[name], watt) for name in parts_w for watt in range(1, parts_w[name] + 1))


@given(st.lists(MANY_WATTS, min_size=1, max_size=8), st.integers(0, 100))
def test_up_to_the_installed_power_the_exact_part_is_the_percentage_of_the_total(
    weights: list[int], percent: int
) -> None:
    weights_w = named(weights)
    available_w = sum(weights) * percent // 100

    exact = exact_parts_kw(kw(available_w), in_kw(weights_w))

    assert {name: Fraction(w * available_w, 1000 * (sum(weights) or 1)) for name, w in weights_w.items()} == exact


@given(MANY_WATTS, MANY_WATTS, MANY_WATTS)
def test_two_operators_get_the_percentage_of_the_total_within_a_watt(
    available_w: int, one_w: int, other_w: int
) -> None:
    parts_w = share_watts(available_w, {"one": one_w, "other": other_w})

    if 0 < available_w <= one_w + other_w:
        assert abs(parts_w["one"] - Fraction(available_w * one_w, one_w + other_w)) < 1


@given(st.lists(MANY_WATTS, max_size=8), FEW_WATTS)
def test_from_the_installed_power_on_each_gets_its_own(weights: list[int], more_w: int) -> None:
    assert named(weights) == share_watts(sum(weights) + more_w, named(weights))


def test_a_tie_is_decided_by_the_key_alone_and_always_the_same() -> None:
    winners = {}
    for key in range(40):
        parts = share_limit(Decimal("0.001"), dict.fromkeys("ab", Decimal(1)), bytes([key]))
        again = share_limit(Decimal("0.001"), dict.fromkeys("ba", Decimal(1)), bytes([key]))
        assert parts == again
        winners[key] = max(parts, key=lambda name: parts[name])

    assert {"a", "b"} == set(winners.values())


@pytest.mark.parametrize(
    ("code", "bad"),
    [("A46", "-1"), ("A42", "0.0001"), ("A42", "NaN"), ("A42", "sNaN"), ("A42", "Infinity"), ("A42", "1E-99999999"),
     ("A42", "1.00000000000000000000000000000000001"), ("A42", "1E+99999999")],
)  # fmt: skip
def test_negative_or_finer_than_a_watt_is_refused_with_its_place(code: str, bad: str) -> None:
    weights_kw = {"somebody": Decimal(1)}
    for pointer, arguments in {
        "/available_kw": (Decimal(bad), weights_kw, TIE_KEY),
        "/weights_kw": (Decimal(1), {"somebody": Decimal(bad)}, TIE_KEY),
        "/caps_kw": (Decimal(1), weights_kw, TIE_KEY, {"somebody": Decimal(bad)}),
    }.items():
        with pytest.raises(RuleBroken) as refusal:
            share_limit(*arguments)

        assert [(code, pointer)] == [(finding.code, finding.pointer) for finding in refusal.value.findings]
        assert "somebody" not in str(refusal.value.findings)


def test_a_total_beyond_what_one_asset_may_have_still_divides() -> None:
    """Otherwise an operator could void every operator's limit by registering two absurd assets."""
    parts = share_limit(Decimal(10), {"absurd": Decimal(2 * 10**9), "honest": Decimal(10)}, TIE_KEY)

    assert Decimal(10) == sum(parts.values())


def test_assets_of_a_point_without_a_maximum_weigh_what_is_registered() -> None:
    registered = {"a": Decimal(7), "b": Decimal(5)}

    assert registered == effective_weights(registered, None, TIE_KEY)
    assert registered == effective_weights(registered, Decimal(12), TIE_KEY)


def test_registered_maxima_above_the_points_weigh_only_up_to_it_in_proportion() -> None:
    weights = effective_weights({"a": Decimal(60), "b": Decimal(40)}, Decimal(50), TIE_KEY)

    assert {"a": Decimal(30), "b": Decimal(20)} == weights


def test_weights_are_divided_in_linear_time() -> None:
    """A realistic DSO has 17,505 assets. The measured time is about 0.06 s."""

    def make(count: int) -> Callable[[], object]:
        weights_w = {f"asset-{index}": 1000 + 7919 * index % 99991 for index in range(count)}
        return lambda: divided(weights_w)

    assert grows_at_most_linearly(make, 17_505 // 4)


def divided(weights_w: dict[str, int]) -> None:
    total_w = sum(weights_w.values()) // 2

    assert sum(share_watts(total_w, weights_w).values()) == total_w
