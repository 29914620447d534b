"""Paged lists: no item is missing or repeated, and a page token works only for its party and route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tps.errors import Malformed
from tps.rest.function import Call
from tps.rest.paging import read_paging


@dataclass(frozen=True)
class FakeEndpoint:
    def secret(self, purpose: str) -> bytes:
        return purpose.encode().ljust(32, b".")


@dataclass(frozen=True)
class FakeCall:
    party: str = "5790000000005"
    path: str = "/agr/v1/flexibility-assets"
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    endpoint: FakeEndpoint = FakeEndpoint()
    text = Call.text


def asking(**query: str) -> Any:
    return FakeCall(query={name: [value] for name, value in query.items()})


def following(call: Any, cut: dict[str, str]) -> Any:
    """Return the call of a `next` link."""
    path, query = urlsplit(cut["next"])[2:4]
    return replace(call, path=path, query=parse_qs(query, keep_blank_values=True))


def by_itself(item: str) -> tuple[str]:
    return (item,)


ids = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), unique=True, max_size=40)


@given(ids, st.integers(1, 12))
def test_all_pages_together_are_the_list_in_order(items: list[str], limit: int) -> None:
    call, pages = asking(limit=str(limit), id="é&="), []
    while call is not None:
        page, cut = read_paging(call).cut(items, by_itself)
        pages.append(page)
        assert call.query["id"] == ["é&="]
        call = following(call, cut) if cut else None

    assert [each for page in pages for each in page] == sorted(items)
    assert all(len(page) == limit for page in pages[:-1])


@given(ids.filter(bool), ids, st.data())
def test_what_comes_and_goes_meanwhile_hides_and_repeats_nothing_else(
    items: list[str], others: list[str], data: st.DataObject
) -> None:
    call, gone = asking(limit="1"), data.draw(st.sets(st.sampled_from(items)))
    first, cut = read_paging(call).cut(items, by_itself)
    later = sorted({*items, *others} - gone)

    place = {"page": following(call, cut).query["page"]} if cut else {}

    rest = read_paging(replace(call, query=place)).cut(later, by_itself)[0] if cut else []

    assert rest == ([each for each in later if each > first[0]] if cut else [])


def test_without_a_limit_a_list_is_whole() -> None:
    assert read_paging(asking()).cut(["b", "a"], by_itself) == (["a", "b"], {})


@pytest.mark.parametrize("limit", ["0", "10001", "-1", "1.5", "", "x", "٣", "1" * 5000, "1e3", " 1"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_paging(asking(limit=limit))

    assert [(each.code, each.pointer) for each in refused.value.findings] == [("bad_type", "/limit")]


def test_a_page_remembers_the_snapshot_it_comes_from() -> None:
    call = asking(limit="1")
    _, cut = read_paging(call).cut("ab", by_itself, snapshot="4e6f0a2b")

    assert read_paging(call).snapshot is None
    assert read_paging(following(call, cut)).snapshot == "4e6f0a2b"


@pytest.mark.parametrize(
    "changes",
    [
        {"party": "5790000000012"},
        {"path": "/agr/v1/capacity-limits"},
        {"query": {"page": ["bm90aGluZw=="]}},
        {"query": {"page": [""]}},
        {"query": {"page": ["é"]}},
    ],
)
def test_a_page_of_another_party_or_route_is_refused(changes: dict[str, Any]) -> None:
    call = asking(limit="1")
    theirs = following(call, read_paging(call).cut("ab", by_itself)[1])

    with pytest.raises(Malformed) as refused:
        read_paging(replace(theirs, **changes))

    assert [(each.code, each.pointer) for each in refused.value.findings] == [("bad_type", "/page")]


def test_a_page_of_another_order_is_refused() -> None:
    call = asking(limit="1")
    theirs = following(call, read_paging(call).cut("ab", by_itself)[1])

    with pytest.raises(Malformed):
        read_paging(theirs).cut([1, 2], lambda each: (each,))


def test_the_length_of_a_place_tells_nothing() -> None:
    items = ["a", "b" * 64, "ø" * 60, "😀" * 60, "z"]
    call, lengths = asking(limit="1"), set()
    for _ in items[1:]:
        _, cut = read_paging(call).cut(items, by_itself, snapshot="0" * 32)
        call = following(call, cut)
        lengths.add(len(call.query["page"][0]))

    assert len(lengths) == 1
