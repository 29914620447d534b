"""Waiting for news of any kind: block until one of several counts has risen, and say which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tps.errors import Finding, Malformed
from tps.party.feeds import seal, unseal
from tps.rest.function import Answer
from tps.rest.waiting import timeout_s

if TYPE_CHECKING:
    from tps.rest.function import Call

_COUNT_BYTES = 8


def wait_for_news(call: Call, topics: Sequence[str], look: Callable[[], tuple[int, ...]]) -> Answer:
    """Answer which topics have news after `?after=`, at the latest when the time is up; without `after`, at once.

    Args:
        topics: Their names.
        look: How often there was news, by topic; cheap.
    """
    after = call.text("after")
    before = look() if after is None else _read(call, after, len(topics))

    def news() -> tuple[int, ...] | None:
        found = look()
        return found if found != before else None

    found = None if after is None else call.waits.until(call.party, news, timeout_s(call), call.is_connected)
    counts = before if found is None else found
    changed = [topic for topic, count, was in zip(topics, counts, before, strict=True) if count != was]
    return Answer({"cursor": _cursor(call, counts), "changed": changed})


def _cursor(call: Call, counts: Sequence[int]) -> str:
    content = b"".join(count.to_bytes(_COUNT_BYTES, "big") for count in counts)
    return seal(call.endpoint.secret("cursors"), _bound_to(call), content)


def _read(call: Call, cursor: str, topics: int) -> tuple[int, ...]:
    content = unseal(call.endpoint.secret("cursors"), _bound_to(call), cursor)
    if content is None or len(content) != topics * _COUNT_BYTES:
        raise Malformed(
            "invalid cursor", [Finding("bad_type", "/after", "after must be a cursor from an answer of this route")]
        )
    starts = range(0, len(content), _COUNT_BYTES)
    return tuple(int.from_bytes(content[start : start + _COUNT_BYTES], "big") for start in starts)


def _bound_to(call: Call) -> list[str]:
    return [call.party, call.path]
