"""Parts per asset (F7a): the operator's part, divided further by the same rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tps.domain.limit import Interval
from tps.domain.power import from_watts, to_watts
from tps.operator.limit_answers import asset_parts_json, received_limit_json
from tps.operator.limits import ReceivedLimit

NOW = datetime(2026, 4, 10, 8, tzinfo=UTC)
watts = st.integers(0, 10**7).map(lambda power_w: Decimal(power_w) / 1000)


ENDPOINT: Any = SimpleNamespace(secret=lambda purpose: purpose.encode().ljust(32, b"."))


def make_limit(part_kw: Decimal, weight_kw: Decimal, weights_kw: dict[str, Decimal], **changes: Any) -> ReceivedLimit:
    """Return a limit with one interval around NOW."""
    period = Interval(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    body = {
        "asset_ids": list(weights_kw),
        "available": [{"start": "s", "end": "e", "power_kw": float(part_kw)}],
        "share": {"rule": "weighted_max_min", "weight_kw": float(weight_kw)},
    }
    fields = {"period": period, "status": "active", "body": body, **changes}
    return ReceivedLimit("l", 1, "m", NOW, weights_kw=weights_kw, **fields)


def parts_of(limit: ReceivedLimit) -> dict[str, Decimal]:
    per_asset = asset_parts_json(ENDPOINT, limit)
    return {part["asset_id"]: Decimal(str(part["available"][0]["power_kw"])) for part in per_asset}


@given(st.lists(watts, min_size=1, max_size=8), st.fractions(0, 1))
def test_parts_add_up_to_the_operators_and_none_is_beyond_its_asset(
    powers_kw: list[Decimal], fraction: Fraction
) -> None:
    weights_kw = {f"asset {index}": power_kw for index, power_kw in enumerate(powers_kw)}
    weight_kw = sum(powers_kw, Decimal(0))
    part_kw = from_watts(int(to_watts(weight_kw) * fraction))

    parts = parts_of(make_limit(part_kw, weight_kw, weights_kw))

    assert sum(parts.values()) == part_kw
    assert all(0 <= parts[asset_id] <= power_kw for asset_id, power_kw in weights_kw.items())


def test_an_asset_that_is_capped_at_its_point_gets_its_share_of_what_counts() -> None:
    """The platform used a weight of 300 for two assets with 600 registered."""
    parts = parts_of(make_limit(Decimal(300), Decimal(300), {"a": Decimal(400), "b": Decimal(200)}))

    assert parts == {"a": Decimal(200), "b": Decimal(100)}


def test_the_same_limit_divides_alike_each_time() -> None:
    limit = make_limit(Decimal("100.001"), Decimal(300), {name: Decimal(100) for name in "abc"})

    assert parts_of(limit) == parts_of(limit)


def test_the_interval_is_kept() -> None:
    (part,) = asset_parts_json(ENDPOINT, make_limit(Decimal(5), Decimal(10), {"a": Decimal(10)}))

    assert part == {"asset_id": "a", "available": [{"start": "s", "end": "e", "power_kw": 5}]}


def test_a_limit_expires_when_its_end_has_come_and_not_before() -> None:
    """LIF-EXP."""

    def status_at(end: datetime, status: str = "active") -> Any:
        period = Interval(NOW - timedelta(hours=1), end)
        limit = make_limit(Decimal(1), Decimal(1), {"a": Decimal(1)}, period=period, status=status)
        return received_limit_json(ENDPOINT, limit, NOW, with_assets=False)["status"]

    assert status_at(NOW + timedelta(seconds=1)) == "active"
    assert status_at(NOW) == "expired"
    assert status_at(NOW, "cancelled") == "cancelled"
