"""One module builds and parses subjects, and no token can contain a dot or a wildcard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mades.builders import (
    NOW,
    OPERATOR,
    PLATFORM,
    STRANGER,
    find,
    make_acknowledgement,
    make_message,
    make_sealed,
)
from tps.errors import MessageRefused
from tps.mades import subjects
from tps.mades.envelope import read_metadata

CODES = st.from_regex(r"[A-Za-z0-9@-]{1,60}", fullmatch=True)
TYPES = st.from_regex(r"[A-Za-z0-9-]{1,60}", fullmatch=True)
GROUPS = st.sampled_from(["agr", "dso", "tps", "ecp"]) | st.builds(
    "{}-{}".format, st.sampled_from(["agr", "dso"]), CODES
)
HOSTILE = ["", ".", "a.b", "*", ">", "a*", "a b", "a\n", "a\t", "ø", "a_b", "a/b", "x" * 61, None]
NAME = "0" * 32


def test_they_look_as_the_architecture_says() -> None:
    assert subjects.message_subject("tps", "TPS-ASSET", "P", "A@1") == "mades.tps.TPS-ASSET.P.A@1"
    assert subjects.dead_subject("tps", "TPS-ASSET", "P", "A") == "dead.tps.TPS-ASSET.P.A"
    assert subjects.inbox_filter("agr-57", "TPS-SCHEDULE-ACK") == "mades.agr-57.TPS-SCHEDULE-ACK.>"
    assert subjects.consumer_name("agr-57", "TPS-SCHEDULE") == "agr-57_TPS-SCHEDULE"
    assert subjects.wake_subject("dso", "57") == "wake.dso.57"
    assert subjects.wake_filter("dso") == "wake.dso.*"
    assert subjects.large_subject("tps", "P", "A", NAME, chunk=3) == f"large.tps.P.A.{NAME}.3"
    assert subjects.large_filter("tps", "P", "A", NAME) == f"large.tps.P.A.{NAME}.*"
    assert subjects.TICK == "tps.tick"


@given(GROUPS, TYPES, CODES, CODES)
def test_what_was_built_is_read_again(group: str, type: str, receiver: str, sender: str) -> None:
    expected = subjects.MessageSubject(group, type, receiver, sender)

    assert expected == subjects.parse_subject(subjects.message_subject(group, type, receiver, sender))
    assert expected == subjects.parse_subject(subjects.dead_subject(group, type, receiver, sender))


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("position", range(4))
def test_no_part_smuggles_anything_into_a_subject(position: int, hostile: str) -> None:
    parts = ["tps", "TPS-ASSET", "P", "A"]
    parts[position] = hostile

    for build in (subjects.message_subject, subjects.dead_subject):
        with pytest.raises(MessageRefused):
            build(*parts)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nor_into_filters_names_wakes_and_large_contents(hostile: str) -> None:
    attempts = [
        lambda: subjects.inbox_filter(hostile, "TPS-ASSET"),
        lambda: subjects.inbox_filter("tps", hostile),
        lambda: subjects.consumer_name(hostile, "TPS-ASSET"),
        lambda: subjects.consumer_name("tps", hostile),
        lambda: subjects.wake_filter(hostile),
        lambda: subjects.wake_subject(hostile, "57"),
        lambda: subjects.wake_subject("agr", hostile),
        lambda: subjects.large_subject("tps", hostile, "A", NAME, chunk=0),
        lambda: subjects.large_subject("tps", "P", hostile, NAME, chunk=0),
        lambda: subjects.large_subject("tps", "P", "A", hostile, chunk=0),
        lambda: subjects.large_subject("tps", "P", "A", NAME, chunk=hostile),
    ]

    for attempt in attempts:
        with pytest.raises(MessageRefused):
            attempt()


@pytest.mark.parametrize("group", ["brp", "AGR", "agr-", "tps-57", "ecp-57", "agr-a.b", "agr-*", "agr\n", "xagr"])
def test_a_group_is_one_of_four_or_a_partys_own(group: str) -> None:
    with pytest.raises(MessageRefused):
        subjects.group_name(group)


@pytest.mark.parametrize(
    "subject", ["", "mades", "mades.tps.T.P", "mades.tps.T.P.A.x", "wake.tps.T.P.A", "mades.x.T.P.A"]
)
def test_another_subject_is_malformed(subject: str) -> None:
    with pytest.raises(MessageRefused) as refused:
        subjects.parse_subject(subject)

    assert refused.value.code == "malformed"


def test_a_message_on_its_own_way_is_taken() -> None:
    metadata = read_metadata(make_sealed(), find, NOW)

    subjects.check_subject(subjects.message_subject("tps", "TPS-ASSET", PLATFORM, OPERATOR), metadata)
    subjects.check_subject(subjects.message_subject("agr", "MADES-ACK", OPERATOR, PLATFORM), make_acknowledgement())


@pytest.mark.parametrize(
    ("type", "receiver", "sender"),
    [
        ("TPS-POINT", PLATFORM, OPERATOR),
        ("TPS-ASSET", STRANGER, OPERATOR),
        ("TPS-ASSET", PLATFORM, STRANGER),
        ("MADES-ACK", PLATFORM, OPERATOR),
    ],
)
def test_a_message_that_came_by_another_way_is_wrong_subject(type: str, receiver: str, sender: str) -> None:
    subject = subjects.message_subject("tps", type, receiver, sender)

    with pytest.raises(MessageRefused) as refused:
        subjects.check_subject(subject, make_message())

    assert refused.value.code == "wrong_subject"
