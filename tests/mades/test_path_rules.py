"""Rules for a component's paths: allowed senders, narrowing, conflicts and uncovered types."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mades.builders import NOW, OPERATOR, PLATFORM, STRANGER
from tps.mades.path_rules import conflict_findings, covers, path_findings, uncovered_types, widening_findings
from tps.mades.paths import MessagePath, select_path

BROKER = "5790000000029-BROKER"
ONLY_PLATFORM = frozenset({PLATFORM})
DAYS = st.integers(0, 4)
TYPES = ("*", "T*", "TPS*", "TPS-LIMIT*", "TPS-LIMIT-FORESEEN", "TPS-ASSET-ACK")


def make_path(
    message_type: str = "*", start: int = 0, end: int | None = None, senders: frozenset[str] | None = ONLY_PLATFORM
) -> MessagePath:
    """Return a path that is valid from one day to another, counted from NOW."""
    return MessagePath(
        OPERATOR, senders, message_type, NOW + timedelta(start), None if end is None else NOW + timedelta(end)
    )


PATHS = st.builds(
    make_path, st.sampled_from(TYPES), DAYS, st.none() | DAYS.map(lambda day: day + 1), st.just(ONLY_PLATFORM)
)


@pytest.mark.parametrize(
    ("path", "code", "pointer"),
    [
        (make_path("TPS LIMIT"), "bad_type", "/paths/0/message_type"),
        (make_path("TPS**"), "bad_type", "/paths/0/message_type"),
        (make_path(""), "bad_type", "/paths/0/message_type"),
        (make_path(start=1, end=1), "A04", "/paths/0/valid_to"),
        (make_path(start=2, end=1), "A04", "/paths/0/valid_to"),
        (make_path(senders=None), "A59", "/paths/0/allowed_senders"),
        (make_path(senders=frozenset()), "A59", "/paths/0/allowed_senders"),
        (make_path(senders=frozenset({STRANGER})), "A59", "/paths/0/allowed_senders"),
        (make_path(senders=frozenset({PLATFORM, STRANGER})), "A59", "/paths/0/allowed_senders"),
        (MessagePath(OPERATOR, ONLY_PLATFORM, "*", NOW, broker=STRANGER), "A59", "/paths/0/broker"),
    ],
)
def test_a_path_that_cannot_be_is_named(path: MessagePath, code: str, pointer: str) -> None:
    (finding,) = path_findings([path], ONLY_PLATFORM, BROKER)

    assert (finding.code, finding.pointer) == (code, pointer)


@pytest.mark.parametrize("message_type", ["*", "TPS*", "TPS-LIMIT-FORESEEN", "T-9*"])
def test_a_path_that_can_be_is_not(message_type: str) -> None:
    path = MessagePath(OPERATOR, ONLY_PLATFORM, message_type, NOW, NOW + timedelta(1), BROKER)

    assert list(path_findings([path], ONLY_PLATFORM, BROKER)) == []
    assert list(path_findings([make_path(senders=None)], None, BROKER)) == []


@pytest.mark.parametrize(
    ("wide", "narrow", "is_covered"),
    [
        (make_path(), make_path(), True),
        (make_path(), make_path("TPS-LIMIT*", 1, 2), True),
        (make_path("TPS*"), make_path("TPS-LIMIT-FORESEEN"), True),
        (make_path("TPS*"), make_path("TPS*"), True),
        (make_path("TPS-LIMIT*"), make_path("TPS*"), False),
        (make_path("TPS-LIMIT*"), make_path("*"), False),
        (make_path("TPS-LIMIT"), make_path("TPS-LIMIT*"), False),
        (make_path(start=1), make_path(start=0), False),
        (make_path(end=2), make_path(), False),
        (make_path(end=2), make_path(end=3), False),
        (make_path(), make_path(senders=None), False),
        (make_path(senders=None), make_path(), True),
        (make_path(), make_path(senders=frozenset({STRANGER})), False),
    ],
)
def test_what_covers_what(wide: MessagePath, narrow: MessagePath, is_covered: bool) -> None:
    assert covers(wide, narrow) is is_covered


@given(old=st.lists(PATHS, min_size=1, max_size=3), new=st.lists(PATHS, max_size=3), day=DAYS)
def test_who_only_narrows_lets_nothing_in_that_was_not_let_in(
    old: list[MessagePath], new: list[MessagePath], day: int
) -> None:
    """At any moment, an old path allows everything that the narrower paths allow."""
    if list(widening_findings(old, new)):
        return

    now = NOW + timedelta(day, hours=1)
    for message_type in ("TPS-LIMIT-FORESEEN", "TPS-ASSET-ACK", "X"):
        candidates = [path for path in new if path.is_valid_at(now) and path.is_for_type(message_type)]
        if candidates:
            assert select_path(new, PLATFORM, message_type, now) in candidates
            assert any(path.is_valid_at(now) and path.is_for_type(message_type) for path in old)


def test_a_conflict_is_named_by_the_path_that_is_in_the_way() -> None:
    findings = list(conflict_findings([make_path(end=3), make_path("TPS*"), make_path(start=2)]))

    assert [(finding.code, finding.pointer) for finding in findings] == [("path_conflict", "/paths/2")]
    assert (
        findings[0].detail == "the path * from 2026-05-04T12:00:00Z to 2026-05-07T12:00:00Z is valid at the same time"
    )


def test_half_open_validities_that_touch_are_no_conflict() -> None:
    assert list(conflict_findings([make_path(end=2), make_path(start=2)])) == []


def test_what_no_path_speaks_of_now_is_uncovered() -> None:
    paths = [make_path("TPS-LIMIT*"), make_path(start=5)]

    assert uncovered_types(paths, ["TPS-LIMIT-FORESEEN", "TPS-ASSET-ACK"], NOW) == ["TPS-ASSET-ACK"]
    assert uncovered_types(paths, ["TPS-ASSET-ACK"], NOW + timedelta(5)) == []
