"""Wait for news of any topic: return the topics whose count has risen."""

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
    """Answer the topics with news after `?after=`, or none at the time-out. Without `after`, answer at once.

    Args:
        topics: Names of the topics.
        look: Returns the number of news for each topic. It runs often, so it must be cheap.
    """
    after = call.text("after")
    before = look() if after is None else _read(call, after, len(topics))

    def news() -> tuple[int, ...] | None:
        counts = look()
        return counts if counts != before else None

    risen = None if after is None else call.waits.until(call.party, news, timeout_s(call), call.is_connected)
    counts = before if risen is None else risen
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
