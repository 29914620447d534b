"""Fair parts of a limit: exact weighted max-min, then rounded to the watt by highest averages.

The same rule divides between operators (weight: installed power of their listed assets), between the assets of one
operator, and at a connection point for which the DSO stated a maximum. All arithmetic uses integers, never floats.

Before rounding, a part is x_i = min(c_i, L * w_i). The level L makes the parts add up to the available power. The parts
are rounded down. The remaining watts go one by one to the largest w / (x + 1) still below its cap. Properties:

- The parts add up to min(E, sum of caps) exactly, and no part exceeds its cap.
- More power never reduces a part. Equal weights differ by at most 1 W.
- No part is below the exact part rounded down. A part may exceed it by at most n - 1 watts, the rounding remainder.
- Splitting a portfolio in two gains nothing, with one exception. If both pieces and the whole tie exactly for the last
  watts, the keyed hash may give the pieces 1 W more. It may also give them less, and nobody can predict which.

Source: docs/requirements.md, F6a; docs/semantics.md, "Fairness".
"""

import heapq
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tps.domain.power import from_watts, is_watt_multiple, to_watts
from tps.errors import Finding, RuleBroken

WEIGHTED_MAX_MIN = "weighted_max_min"
_WATTS_PER_KW = 1000


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
        tie_key: Decides between equal claims. Derive it from a secret and the limit's id, and not from the power. Then
            more power never reduces a part, also in the next interval or revision.
        caps_kw: Maximum of a part, >= 0, whole watts. The weight is the maximum if the cap is absent or above the
            weight.

    Returns:
        One part per weight, in the order of the weights, whole watts, 0 where the weight is 0. The parts add up to
        min(available_kw, sum of maxima) exactly. The order of the weights does not change the parts.

    Raises:
        RuleBroken: A power is negative (A46), or finer than a watt or not a number (A42). The pointer is
            `/available_kw`, `/weights_kw` or `/caps_kw`, never a name. The DSO must correct the available power. The
            platform operator must correct weights and caps.
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
    """Return the parts of `share_limit` before rounding, to explain a part or to check it."""
    division = _division(available_kw, weights_kw, caps_kw or {})
    level = _level(division)
    return {
        name: min(Fraction(division.caps_w[name]), level * weight_w) / _WATTS_PER_KW
        for name, weight_w in division.weights_w.items()
    }


def effective_weights(
    registered_kw: Mapping[str, Decimal], point_max_kw: Decimal | None, tie_key: bytes
) -> dict[str, Decimal]:
    """Return the weights of the assets at one connection point, reduced to the point's maximum in one direction.

    Args:
        registered_kw: Registered maximum per asset, >= 0, whole watts.
        point_max_kw: The DSO's maximum for the point, or None if the DSO stated no maximum.
        tie_key: As in `share_limit`.

    Returns:
        The registered maxima. If they add up to more than the point's maximum, their proportional parts of it.

    Raises:
        RuleBroken: As in `share_limit`.

    Source: docs/semantics.md, "Registration" (RGN-MAX).
    """
    return dict(registered_kw) if point_max_kw is None else share_limit(point_max_kw, registered_kw, tie_key)


@dataclass(frozen=True, slots=True)
class _Division:
    """The input of a division in watts.

    No cap exceeds its weight, and `available_w` does not exceed the sum of the caps.
    """

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
    """Return a power in whole watts. The size is unlimited, so that an absurd registered total cannot void a limit."""
    if not is_watt_multiple(power_kw):
        raise RuleBroken(findings=[Finding("A42", pointer, "power must be a multiple of 0.001 kW")])
    if power_kw < 0:
        raise RuleBroken(findings=[Finding("A46", pointer, "power must not be negative")])
    return to_watts(power_kw)


def _level(division: _Division) -> Fraction:
    """Return L of x_i = min(c_i, L * w_i), between 0 and 1.

    Parts that reach their cap first are filled first. The other parts share the rest.
    """
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
    """Add the fewer than n watts that rounding down left to `parts_w`, one by one, by highest averages."""
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
    """Return the number of bits to shift a / b left so that the integer part alone orders such fractions exactly.

    Two different fractions with denominators up to 2^k are at least 2^-2k apart. Comparing the integers is an
    order of magnitude faster than comparing `Fraction`s.
    """
    return 2 * max(division.weights_w.values(), default=0).bit_length()


def _tie_break(tie_key: bytes, name: str) -> bytes:
    return hmac.digest(tie_key, name.encode(), "sha256")
