"""The invariants that must hold after any faults, judged from outside."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from tools.faults.traffic import SentLimit, Waiter


def find_violations(
    accepted: Iterable[SentLimit], held: dict[str, list[dict[str, Any]]], waiters: Iterable[Waiter]
) -> list[str]:
    """Return all violations; empty if there are none.

    Args:
        accepted: Limits that the platform accepted.
        held: All revisions of all limits that each operator reads back.
        waiters: The limits from each operator's waiting calls.
    """
    sent = list(accepted)
    return [
        *_once_at_each(sent, held),
        *_parts_add_up(sent, held),
        *_no_cursor_skips({waiter.operator: waiter for waiter in waiters}, held),
    ]


def _once_at_each(sent: list[SentLimit], held: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Check that every accepted limit is at each affected operator, once, with its assets, and at nobody else."""
    expected: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for limit in sent:
        for operator, assets in limit.assets.items():
            expected[operator][limit.text] = sorted(assets)
    for operator, limits in held.items():
        counts = Counter(limit["reason"]["text"] for limit in limits)
        present = {limit["reason"]["text"]: sorted(limit["asset_ids"]) for limit in limits}
        yield from (f"{operator}: {text} is missing" for text in expected[operator] if text not in present)
        yield from (f"{operator}: {text} is present {count} times" for text, count in counts.items() if count > 1)
        yield from (f"{operator}: {text} is for another operator" for text in present if text not in expected[operator])
        yield from (
            f"{operator}: {text} has wrong assets"
            for text, assets in expected[operator].items()
            if text in present and present[text] != assets
        )


def _parts_add_up(sent: list[SentLimit], held: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Check that the parts sum exactly to the total, or to the installed power if that is less."""
    parts: dict[str, Decimal] = defaultdict(Decimal)
    weights: dict[str, Decimal] = defaultdict(Decimal)
    for limits in held.values():
        for limit in limits:
            if limit["kind"] == "foreseen":
                parts[limit["reason"]["text"]] += Decimal(limit["available"][0]["power_kw"])
                weights[limit["reason"]["text"]] += Decimal(limit["share"]["weight_kw"])
    for limit_ in sent:
        if limit_.total_kw is not None:
            expected = min(limit_.total_kw, weights[limit_.text])
            if parts[limit_.text] != expected:
                yield f"{limit_.text}: parts add up to {parts[limit_.text]} instead of {expected} kW"


def _no_cursor_skips(waiters: dict[str, Waiter], held: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Check that successive cursors return every limit exactly once."""
    for operator, limits in held.items():
        handed = Counter(limit_id for limit_id, _, _ in waiters[operator].seen)
        yield from (f"{operator}: a cursor skipped a limit" for limit in limits if handed[limit["id"]] == 0)
        yield from (f"{operator}: a limit was returned {count} times" for count in handed.values() if count > 1)
