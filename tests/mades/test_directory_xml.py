"""The directory's list as XML: reading returns the written list, and invalid documents are refused."""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mades.builders import NOW, OLD_OPERATOR, OPERATOR, PLATFORM, STRANGER, component
from tps.errors import Malformed
from tps.mades.applicant import Contact
from tps.mades.directory_xml import NAMESPACE, ListedComponent, Listing, read_listing, write_listing
from tps.mades.paths import MessagePath

MOMENTS = st.timedeltas(timedelta(), timedelta(days=3650)).map(lambda delta: NOW + delta)
WORDS = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip()
)
PATHS = st.builds(
    MessagePath,
    receiver=st.just(OPERATOR),
    allowed_senders=st.none() | st.frozensets(st.sampled_from([PLATFORM, STRANGER]), min_size=1),
    message_type=st.sampled_from(["*", "TPS-LIMIT*", "TPS-ASSET-ACK"]),
    valid_from=MOMENTS,
    valid_to=st.none() | MOMENTS,
    broker=st.none() | st.just("5790000000029-BROKER"),
)


def make_listed(code: str = OPERATOR, **changes: object) -> ListedComponent:
    listed = ListedComponent(
        kind="endpoint",
        code=code,
        contact=Contact("Alpha & Søn <A/S>", "Ada", "ada@alpha.example", "+45 12345678"),
        networks=("agr",),
        certificates=component(code).certificates,
        paths=(MessagePath(code, frozenset({PLATFORM}), "*", NOW),),
        created_at=NOW,
        modified_at=NOW + timedelta(days=1, microseconds=7),
    )
    return dataclasses.replace(listed, **changes)  # type: ignore[arg-type]


def make_listing(*components: ListedComponent) -> Listing:
    return Listing("5790000000029-DIRECTORY", 7, 2_419_200.0, components)


@given(contact=st.builds(Contact, WORDS, *(st.none() | WORDS for _ in range(3))), paths=st.lists(PATHS, max_size=3))
def test_what_is_written_is_read_back(contact: Contact, paths: list[MessagePath]) -> None:
    listing = make_listing(make_listed(contact=contact, paths=tuple(paths)))

    assert read_listing(write_listing(listing).encode()) == listing


def test_each_kind_of_component_and_key_is_written() -> None:
    broker = make_listed(PLATFORM, kind="broker", certificates=(), paths=(), contact=Contact("Platform"))
    directory = dataclasses.replace(broker, kind="componentDirectory")
    listing = make_listing(make_listed(OLD_OPERATOR), broker, directory)

    text = write_listing(listing)

    assert read_listing(text.encode()) == listing
    assert f'xmlns:cd="{NAMESPACE}"' in text
    assert "<ttl>2419200000</ttl><contentID>7</contentID>" in text
    assert "<validTo>" in text
    for name in ("broker", "endpoint", "componentDirectory"):
        assert f"<{name}><organization>" in text


GOOD = write_listing(make_listing(make_listed()))


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "not_xml"),
        ("<a", "not_xml"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "not_xml"),
        ('<?xml version="1.0" encoding="UTF-16"?><a/>', "not_xml"),
        ("<a>" * 300_000, "not_xml"),
        ("<components/>", "malformed"),
        (GOOD.replace("<code>", "<code>!"), "malformed"),
        (GOOD.replace("endpoint>", "gateway>"), "malformed"),
        (GOOD.replace("<contentID>7", "<contentID>-7"), "malformed"),
        (GOOD.replace("<ttl>", "<ttl>9</ttl><ttl>"), "malformed"),
        (GOOD.replace("<messageType>*", "<messageType>**"), "malformed"),
        (GOOD.replace("DIRECT", "BY AIR"), "malformed"),
        (GOOD.replace("<creationTimestamp>", "<creationTimestamp>the day before "), "malformed"),
        (GOOD.replace("<certificate>MI", "<certificate>M!"), "malformed"),
        (GOOD.replace("<certificate>MI", "<certificate>MAAA"), "malformed"),
        (GOOD.replace("<type>SIGNING", "<type>ENCRYPTION"), "malformed"),
        (GOOD.replace(component(OPERATOR).certificates[0].certificate_id, "0" * 64), "malformed"),
    ],
)
def test_what_nobody_sends_is_refused_by_its_name(document: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_listing(document.encode())

    assert [finding.code for finding in refused.value.findings] == [code]
    assert "Error" not in refused.value.detail


def test_what_is_spoilt_above_was_good() -> None:
    assert read_listing(GOOD.encode()).components[0].code == OPERATOR
