"""Round trips: decoding returns the encoded values, and values that break a rule are never encoded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import (
    BATTERY_ASSET,
    DOCUMENT_ID,
    DSO,
    FEEDER_3,
    LISTINGS,
    SAMPLES,
    TPS,
    make_acknowledgement,
    make_foreseen,
    make_header,
    make_limit_document,
    make_unforeseen,
)
from tests.support.growth import grows_at_most_linearly
from tps.documents import Document, InvalidDocument, ReceivedDocument, decode, encode, received
from tps.documents.acknowledgement import (
    DocumentReason,
    Outcome,
    RejectedSeries,
    finding_reason,
    notice_reason,
    rejected_series,
)
from tps.documents.ref import AssetList, AssetRegistration
from tps.documents.unavailability import REASON_CODES, DocumentStatus, LimitDocument
from tps.domain.asset import AssetKind, AssetListing
from tps.domain.limit import Action, AvailablePower, Direction, ForeseenLimit, Interval, Reason, Share
from tps.errors import Finding

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
powers_kw = st.integers(0, 10**12).map(lambda watts: Decimal(watts) / 1000)
asset_ids = st.from_regex(r"NDK:[a-zæøå0-9<&>\"'\-]{1,60}", fullmatch=True)
texts = st.text(st.characters(max_codepoint=0x1FFFF).filter(str.isprintable) | st.just("\n"), max_size=512)
reasons = st.builds(Reason, st.sampled_from(sorted(REASON_CODES)), st.none() | texts.filter(bool))
shares = st.builds(Share, st.just("weighted_max_min"), powers_kw)


@st.composite
def foreseen_limits(draw: st.DrawFn) -> ForeseenLimit:
    """Draw a foreseen limit with sorted intervals: some touch, some have gaps."""
    minutes = sorted(draw(st.sets(st.integers(0, 60 * 24 * 400), min_size=2, max_size=20)))
    moments = [EPOCH + timedelta(minutes=minute) for minute in minutes]
    intervals = [Interval(*pair) for pair in pairwise(moments)]
    kept = [intervals[0], *(interval for interval in intervals[1:] if draw(st.booleans()))]
    return ForeseenLimit(
        asset_ids=tuple(draw(st.lists(asset_ids, min_size=1, max_size=5, unique=True))),
        direction=draw(st.sampled_from([Direction.PRODUCTION, Direction.CONSUMPTION])),
        available=tuple(AvailablePower(interval, draw(powers_kw)) for interval in kept),
        reason=draw(reasons),
    )


@st.composite
def asset_lists(draw: st.DrawFn) -> AssetList:
    """Draw a complete list or a list of changes, sorted as encoded."""
    ids = sorted(draw(st.sets(asset_ids, min_size=1, max_size=8)))
    is_change = draw(st.booleans())
    removed = {asset_id for asset_id in ids if is_change and draw(st.booleans())}
    kinds, points = st.sampled_from(AssetKind), st.sampled_from([FEEDER_3, "STATION-17", "Ø 4"])
    assets = (
        AssetListing(asset_id, draw(points), draw(kinds), draw(powers_kw.filter(bool)), draw(st.none() | powers_kw))
        for asset_id in ids
        if asset_id not in removed
    )
    return AssetList(make_header(TPS, DSO), tuple(assets), tuple(sorted(removed)), is_change)


@given(limit=foreseen_limits(), revision=st.integers(1, 999))
def test_any_foreseen_limit_is_the_same_after_a_round_trip(limit: ForeseenLimit, revision: int) -> None:
    document = make_limit_document(limit, revision=revision)

    assert document == decode(encode(document))


@given(limit=foreseen_limits(), share=shares)
def test_any_part_is_the_same_after_a_round_trip(limit: ForeseenLimit, share: Share) -> None:
    to_operator = SAMPLES["foreseen limit to an operator"]
    document = make_limit_document(limit, to_operator.header, share=share, issuer=DSO)

    assert document == decode(encode(document))


@given(action=st.sampled_from(Action), direction=st.sampled_from(Direction), minutes=st.integers(1, 10**6))
def test_any_emergency_is_the_same_after_a_round_trip(action: Action, direction: Direction, minutes: int) -> None:
    start = make_unforeseen().period.start
    document = make_limit_document(make_unforeseen(action, direction, end=start + timedelta(minutes=minutes)))

    assert document == decode(encode(document))


@given(asset_lists())
def test_any_asset_list_is_the_same_after_a_round_trip(document: AssetList) -> None:
    assert document == decode(encode(document))


@given(st.lists(st.tuples(st.sampled_from(["ACTIVE", "CAPPED", "EXPIRES"]), asset_ids), max_size=5))
def test_any_notices_are_the_same_after_a_round_trip(notices: list[tuple[str, str]]) -> None:
    document = make_acknowledgement(Outcome.ACCEPTED, *(notice_reason(*notice) for notice in notices))

    read = decode(encode(document))

    assert document == read
    assert tuple(notices) == document.notices


def test_an_asset_list_is_written_by_id_whatever_order_it_has() -> None:
    listed = AssetList(make_header(TPS, DSO), LISTINGS)

    assert encode(listed) == encode(replace(listed, assets=LISTINGS[::-1]))


def test_an_id_that_names_no_scheme_is_of_the_one_that_its_text_tells() -> None:
    request = SAMPLES["schedule request of one day and two assets"]
    without = encode(request).replace(b' codingScheme="A10">571313', b">571313").replace(b' codingScheme="NDK"', b"")

    assert without.count(b"codingScheme") == 2
    assert decode(without) == request


def test_what_an_asset_list_says_of_an_asset_does_not_depend_on_the_day() -> None:
    """Constants that changed with time would reveal when an operator registered."""
    listed = AssetList(make_header(TPS, DSO), LISTINGS)
    later = replace(listed, header=replace(listed.header, created_at=EPOCH))

    assert encode(listed).partition(b"<TimeSeries>")[2] == encode(later).partition(b"<TimeSeries>")[2]


def test_a_name_equal_to_the_id_is_no_name() -> None:
    named = replace(BATTERY_ASSET, name=BATTERY_ASSET.id)
    document = AssetRegistration(SAMPLES["asset registration"].header, (named,))

    read = decode(encode(document))

    assert AssetRegistration(document.header, (BATTERY_ASSET,)) == read


def test_findings_become_rejected_series_and_reasons() -> None:
    findings = [Finding("A69", "", "none given", "1"), Finding("A46", "", "x" * 600, "2"), Finding("A42", "", "", "1")]

    rejected = rejected_series([*findings, Finding("A78", "", "of the whole")])

    assert (
        RejectedSeries("1", (DocumentReason("A69", "none given"), DocumentReason("A42"))),
        RejectedSeries("2", (DocumentReason("A46", "x" * 512),)),
    ) == rejected
    assert DocumentReason("A78", "of the whole") == finding_reason(Finding("A78", "", "of the whole"))


def test_a_received_limit_is_quoted_with_revision_type_and_process() -> None:
    document = SAMPLES["foreseen limit"]

    assert ReceivedDocument(DOCUMENT_ID, 1, "A77", "A26", document.header.created_at) == received(document)


LIMIT = make_limit_document(make_foreseen())
WRONG: dict[str, Document] = {
    "an empty list": AssetList(make_header(TPS, DSO), ()),
    "a dashed UUID": replace(LIMIT, header=make_header(DSO, TPS, document_id="a1b2c3d4-e5f6-0718-293a-4b5c6d7e8f90")),
    "a fraction of a second": replace(
        LIMIT, header=make_header(DSO, TPS, created_at=EPOCH + timedelta(microseconds=1))
    ),
    "a naive time": replace(LIMIT, header=make_header(DSO, TPS, created_at=EPOCH.replace(tzinfo=None))),
    "revision 1000": replace(LIMIT, revision=1000),
    "an active limit without a limit": replace(LIMIT, limit=None),
    "a cancelled limit with a limit": replace(LIMIT, status=DocumentStatus.CANCELLED),
    "the type of another direction": replace(LIMIT, kind_type="A76"),
    "another reason than the limit's": replace(LIMIT, reason=Reason("B46")),
    "a period beside the limit's": replace(LIMIT, period=Interval(EPOCH, EPOCH + timedelta(days=1))),
    "a text of 513 characters": make_acknowledgement(Outcome.REJECTED, DocumentReason("A59", "x" * 513)),
    "a control character": make_acknowledgement(Outcome.REJECTED, DocumentReason("A59", "\x07")),
    "an unknown code": make_acknowledgement(Outcome.REJECTED, DocumentReason("Z99")),
    "an outcome among the reasons": make_acknowledgement(Outcome.REJECTED, DocumentReason("A01")),
}


@pytest.mark.parametrize("document", [pytest.param(document, id=name) for name, document in WRONG.items()])
def test_what_is_not_valid_does_not_get_out(document: LimitDocument) -> None:
    with pytest.raises(InvalidDocument):
        encode(document)


def test_a_list_of_a_whole_grid_is_written_and_read_in_linear_time() -> None:
    """17,505 assets are the largest known grid. The measured time is half a second per direction."""

    def make(count: int) -> Callable[[], object]:
        ids = [f"NDK:{number:06d}" for number in range(count)]
        listings = (AssetListing(each, FEEDER_3, AssetKind.LOAD, None, Decimal(3)) for each in ids)
        listed = AssetList(make_header(TPS, DSO), tuple(listings))
        answer = make_acknowledgement(Outcome.ACCEPTED, *(notice_reason("ACTIVE", each) for each in ids))
        return lambda: (read_back(listed), read_back(answer))

    assert grows_at_most_linearly(make, 1_100)


def read_back(document: Document) -> None:
    assert document == decode(encode(document))
