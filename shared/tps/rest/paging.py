"""Lists in pages: `?limit=N` cuts a list, and `next` in the answer leads to the following page.

A page ends at the sort key of its last item, so items that are added or removed meanwhile neither repeat nor hide
others.
`next` holds this key as an opaque text that only this party can use, and only on this route.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from tps.errors import Finding, Malformed
from tps.party.feeds import seal, unseal

if TYPE_CHECKING:
    from tps.rest.function import Call

PAGING = ("limit", "page")
"""Query parameters of every list, for `call.only_known`."""
MAX_LIMIT = 10_000
# Longer than any place, so that the length of the text shows nothing about the ids in it.
_PLACE_BYTES = 320
_Item = TypeVar("_Item")
Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Paging:
    """The page that a call asks for.

    Attributes:
        limit: Maximum number of items. None for all.
        after: Sort key of the last item of the page before. None on the first page.
        snapshot: Name of the list that the page before came from, as given to `cut`. None on the first page.
    """

    call: Call
    limit: int | None
    after: Key | None
    snapshot: str | None

    def cut(
        self, items: Sequence[_Item], key: Callable[[_Item], Key], snapshot: str = ""
    ) -> tuple[list[_Item], dict[str, str]]:
        """Return the items of this page, sorted, and `{"next": URL}` if there are more.

        Args:
            items: All items of the list.
            key: Returns the sort key of an item: unique, and the same on every page.
            snapshot: Name of the list, for the following pages.
        """
        items = sorted(items, key=key)
        start = 0 if self.after is None else self._start(items, key)
        end = len(items) if self.limit is None else start + self.limit
        page = items[start:end]
        return page, {"next": self._next(key(page[-1]), snapshot)} if end < len(items) else {}

    def _start(self, items: Sequence[_Item], key: Callable[[_Item], Key]) -> int:
        assert self.after is not None
        try:
            return bisect_right(items, self.after, key=key)
        except TypeError:
            raise _no_page() from None

    def _next(self, last: Key, snapshot: str) -> str:
        """Return the path and query of the following page."""
        place = json.dumps([snapshot, *last], ensure_ascii=False).encode().ljust(_PLACE_BYTES)
        page = seal(self.call.endpoint.secret("pages"), _bound_to(self.call), place)
        kept = {name: values for name, values in self.call.query.items() if name != "page"}
        return f"{self.call.path}?{urlencode({**kept, 'page': page}, doseq=True)}"


def read_paging(call: Call) -> Paging:
    """Return `?limit=` (1 to 10000) and `?page=` of a list.

    Raises:
        Malformed: `bad_type` at `/limit` or `/page`.
    """
    snapshot, after = _place(call)
    return Paging(call, _limit(call), after, snapshot)


def _limit(call: Call) -> int | None:
    text = call.text("limit")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT)) and 1 <= int(text) <= MAX_LIMIT):
        raise Malformed(
            "invalid limit", [Finding("bad_type", "/limit", f"limit must be a whole number from 1 to {MAX_LIMIT}")]
        )
    return int(text)


def _place(call: Call) -> tuple[str | None, Key | None]:
    text = call.text("page")
    if text is None:
        return None, None
    place = unseal(call.endpoint.secret("pages"), _bound_to(call), text)
    if place is None:
        raise _no_page()
    snapshot, *after = json.loads(place)
    return snapshot, tuple(after)


def _bound_to(call: Call) -> list[str]:
    return [call.party, call.path]


def _no_page() -> Malformed:
    return Malformed(
        "invalid page", [Finding("bad_type", "/page", "page must come from next of an answer of this route")]
    )
