"""Fair parts of a limit: weighted max-min, exact, then rounded to the watt by highest averages.

The same rule divides between operators (weight: installed power of their listed assets), within an operator
between its assets, and at a connection point that the DSO gave a maximum. Integers throughout, never floats.

Before rounding: x_i = min(c_i, L * w_i), with the level L such that the parts add up. Rounded down, what is left
goes watt by watt to the largest w / (x + 1) still below its cap. What holds after that:

- the parts add up to min(E, sum of caps) exactly, and none is above its cap;
- more power never means less for somebody; equal weights differ by at most 1 W;
- nobody gets less than its exact part rounded down; it may get more, at most the n - 1 watts that rounding down left;
- splitting a portfolio in two gains nothing, but for one case: where both pieces and the whole would be exactly
  tied for the last watts, the keyed hash may give the pieces 1 W more. It may as well give them less, and nobody
  can foresee which.

Source: F6a; SEMANTICS, Fairness.
"""

import heapq
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from tps.domain.power import from_watts, is_watt_multiple, to_watts
from tps.errors import Finding, RuleBroken

WEIGHTED_MAX_MIN = "weighted_max_min"
_WATTS_PER_KW = 1000


class ShareRule(Protocol):
    """How a limit is divided; the arguments and promises are those of `share_limit`."""

    def __call__(
        self,
        available_kw: Decimal,
        weights_kw: Mapping[str, Decimal],
        tie_key: bytes,
        caps_kw: Mapping[str, Decimal] | None = None,
    ) -> dict[str, Decimal]: ...


def share_limit(
    available_kw: Decimal,
    weights_kw: Mapping[str, Decimal],
    tie_key: bytes,
    caps_kw: Mapping[str, Decimal] | None = None,
) -> dict[str, Decimal]:
    """Divide one interval's available power by weight (weighted max-min).

    Args:
        available_kw: Total in the limit's direction, >= 0, whole watts.
        weights_kw: Installed power per name, each >= 0, whole watts, of any size.
        tie_key: Decides between equals. Made from a secret and the limit's id, not from its power: then more power
            never means less for somebody, in the next interval or revision either.
        caps_kw: Ceiling of a part, >= 0, whole watts; without an entry, or above the weight, the weight is the ceiling.

    Returns:
        One part per weight, in the order of the weights, whole watts, 0 where the weight is 0; they add up to
        min(available_kw, sum of ceilings) exactly. The order of the weights has no bearing on the parts.

    Raises:
        RuleBroken: Negative (A46), or finer than a watt or not a number (A42). The pointer is `/available_kw`,
            `/weights_kw` or `/caps_kw`, never a name; the available power is the DSO's to correct, the rest ours.
    """
    division = _division(available_kw, weights_kw, caps_kw or {})
    level = _level(division)
    parts_w = {
        name: min(division.caps_w[name], weight_w * level.numerator // level.denominator)
        for name, weight_w in division.weights_w.items()
    }
    _hand_out_the_rest(division, parts_w, tie_key)
    return {name: from_watts(part_w) for name, part_w in parts_w.items()}


def exact_parts_kw(
    available_kw: Decimal, weights_kw: Mapping[str, Decimal], caps_kw: Mapping[str, Decimal] | None = None
) -> dict[str, Fraction]:
    """The parts of `share_limit` before rounding: what is fair, to explain a part and to check it against."""
    division = _division(available_kw, weights_kw, caps_kw or {})
    level = _level(division)
    return {
        name: min(Fraction(division.caps_w[name]), level * weight_w) / _WATTS_PER_KW
        for name, weight_w in division.weights_w.items()
    }


def effective_weights(
    registered_kw: Mapping[str, Decimal], point_max_kw: Decimal | None, tie_key: bytes
) -> dict[str, Decimal]:
    """Weigh the assets of one connection point no higher than the point can carry, in one direction.

    Args:
        registered_kw: Registered maximum per asset, >= 0, whole watts.
        point_max_kw: The DSO's maximum for the point, None if it stated none.
        tie_key: As in `share_limit`.

    Returns:
        The registered maxima, or, if they add up to more than the point's, their parts of it in proportion.

    Raises:
        RuleBroken: As `share_limit`.

    Source: SEMANTICS, Registration.
    """
    return dict(registered_kw) if point_max_kw is None else share_limit(point_max_kw, registered_kw, tie_key)


def rule(name: str) -> ShareRule:
    """The share rule of a name, as settings and documents spell it.

    Raises:
        ValueError: No rule is called so; who configured it must choose one of `WEIGHTED_MAX_MIN`.
    """
    if name not in _RULES:
        raise ValueError(f"no share rule is called {name!r}; there are: {', '.join(_RULES)}")
    return _RULES[name]


@dataclass(frozen=True, slots=True)
class _Division:
    """What is divided, in watts: caps are not above weights, and there is no more to divide than caps can take."""

    available_w: int
    weights_w: dict[str, int]
    caps_w: dict[str, int]


def _division(available_kw: Decimal, weights_kw: Mapping[str, Decimal], caps_kw: Mapping[str, Decimal]) -> _Division:
    available_w = _watts(available_kw, "/available_kw")
    weights_w = {name: _watts(weight_kw, "/weights_kw") for name, weight_kw in weights_kw.items()}
    given_caps_w = {name: _watts(cap_kw, "/caps_kw") for name, cap_kw in caps_kw.items()}
    caps_w = {name: min(weight_w, given_caps_w.get(name, weight_w)) for name, weight_w in weights_w.items()}
    return _Division(min(available_w, sum(caps_w.values())), weights_w, caps_w)


def _watts(power_kw: Decimal, pointer: str) -> int:
    """Whole watts of a power, however large: nobody may void a limit by registering absurd totals."""
    if not is_watt_multiple(power_kw):
        raise RuleBroken(findings=[Finding("A42", pointer, "finer than a watt, or not a number")])
    if power_kw < 0:
        raise RuleBroken(findings=[Finding("A46", pointer, "negative power")])
    return to_watts(power_kw)


def _level(division: _Division) -> Fraction:
    """The L of x_i = min(c_i, L * w_i), between 0 and 1: fill up whoever reaches its cap first, share the rest."""
    left_w, open_weight_w = division.available_w, sum(division.weights_w.values())
    shift = _exact_shift(division)
    weighty = [(name, weight_w) for name, weight_w in division.weights_w.items() if weight_w]
    for name, weight_w in sorted(weighty, key=lambda item: (division.caps_w[item[0]] << shift) // item[1]):
        cap_w = division.caps_w[name]
        if cap_w * open_weight_w > left_w * weight_w:
            return Fraction(left_w, open_weight_w)
        left_w -= cap_w
        open_weight_w -= weight_w
    return Fraction(1)


def _hand_out_the_rest(division: _Division, parts_w: dict[str, int], tie_key: bytes) -> None:
    """Add to `parts_w`, watt by watt, the fewer than n watts that rounding down left (highest averages)."""
    shift = _exact_shift(division)
    claims = [
        (-((division.weights_w[name] << shift) // (part_w + 1)), _tie_break(tie_key, name), name)
        for name, part_w in parts_w.items()
        if part_w < division.caps_w[name]
    ]
    heapq.heapify(claims)
    for _ in range(division.available_w - sum(parts_w.values())):
        _, tie_break, name = heapq.heappop(claims)
        parts_w[name] += 1
        if parts_w[name] < division.caps_w[name]:
            claim = -((division.weights_w[name] << shift) // (parts_w[name] + 1))
            heapq.heappush(claims, (claim, tie_break, name))


def _exact_shift(division: _Division) -> int:
    """Bits by which to shift a / b left so that its integer part alone orders such fractions exactly.

    Two different fractions with denominators up to 2^k are at least 2^-2k apart. Comparing integers so is an
    order of magnitude faster than comparing `Fraction`s.
    """
    return 2 * max(division.weights_w.values(), default=0).bit_length()


def _tie_break(tie_key: bytes, name: str) -> bytes:
    return hmac.digest(tie_key, name.encode(), "sha256")


_RULES: dict[str, ShareRule] = {WEIGHTED_MAX_MIN: share_limit}
