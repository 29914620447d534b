"""The checks of the invariants find each violation."""

import threading
from decimal import Decimal
from typing import Any

from tools.faults.invariants import find_violations
from tools.faults.traffic import Client, SentLimit, Waiter

ALPHA, BETA = "5798800000005", "5798800000012"
SENT = SentLimit("limit 0", Decimal("100.001"), {ALPHA: ["a1", "a2"], BETA: ["b1"]}, 0.0)


def make_held(text: str = "limit 0", part_kw: str = "50", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{text} id",
        "kind": "foreseen",
        "reason": {"text": text},
        "asset_ids": ["a1", "a2"],
        "available": [{"power_kw": Decimal(part_kw)}],
        "share": {"weight_kw": Decimal(600)},
        **fields,
    }


AT_ALPHA = make_held(part_kw="50.001")
AT_BETA = make_held(asset_ids=["b1"], id="another id")


def make_waiter(operator: str, *limits: dict[str, Any]) -> Waiter:
    waiter = Waiter(Client("http://127.0.0.1:9", "token", threading.Event()), operator)
    waiter.seen = [(limit["id"], limit["reason"]["text"], 1.0) for limit in limits]
    return waiter


def judge(
    at_alpha: list[dict[str, Any]],
    at_beta: list[dict[str, Any]],
    handed_to_alpha: list[dict[str, Any]] | None = None,
) -> list[str]:
    waiters = [
        make_waiter(ALPHA, *(at_alpha if handed_to_alpha is None else handed_to_alpha)),
        make_waiter(BETA, *at_beta),
    ]
    return find_violations([SENT], {ALPHA: at_alpha, BETA: at_beta}, waiters)


def test_all_is_well_when_each_operator_holds_its_part_once() -> None:
    assert judge([AT_ALPHA], [AT_BETA]) == []


def test_a_limit_that_did_not_arrive_is_seen() -> None:
    assert f"{BETA}: limit 0 is missing" in judge([AT_ALPHA], [])


def test_a_limit_in_effect_twice_is_seen() -> None:
    assert f"{ALPHA}: limit 0 is present 2 times" in judge([AT_ALPHA, {**AT_ALPHA, "id": "second"}], [AT_BETA])


def test_somebody_elses_limit_is_seen() -> None:
    stray = make_held("limit 9", id="stray")

    assert f"{BETA}: limit 9 is for another operator" in judge([AT_ALPHA], [AT_BETA, stray])


def test_assets_that_are_not_the_operators_are_seen() -> None:
    assert f"{BETA}: limit 0 has wrong assets" in judge([AT_ALPHA], [{**AT_BETA, "asset_ids": ["a1", "b1"]}])


def test_parts_above_or_below_the_total_are_seen() -> None:
    for part_kw in ("50.002", "50"):
        violations = judge([make_held(part_kw=part_kw)], [AT_BETA])

        assert any("parts add up to" in violation for violation in violations)


def test_a_cursor_that_skips_is_seen() -> None:
    assert f"{ALPHA}: a cursor skipped a limit" in judge([AT_ALPHA], [AT_BETA], handed_to_alpha=[])


def test_a_limit_handed_over_twice_is_seen() -> None:
    assert f"{ALPHA}: a limit was returned 2 times" in judge([AT_ALPHA], [AT_BETA], [AT_ALPHA, AT_ALPHA])
