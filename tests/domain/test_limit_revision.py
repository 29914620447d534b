"""Test the order of revisions in the life of a limit. Source: docs/semantics.md, "Update, cancel, end"."""

from datetime import timedelta

import pytest

from tests.domain.builders import NOW, make_limit, make_slot, minutes
from tps.domain.limit import LimitKind
from tps.domain.limit_revision import (
    LimitStatus,
    Standing,
    ended_at,
    full_minute_after,
    is_stale,
    status_at,
    status_of_revision,
    succession_findings,
)


def standing(revision: int = 2, status: LimitStatus = LimitStatus.ACTIVE, ends: float = 60) -> Standing:
    return Standing(revision, LimitKind.FORESEEN, status, minutes(ends))


@pytest.mark.parametrize("revision", [3, 7, 999])
def test_a_higher_revision_follows_a_limit_in_force_or_ahead_and_numbers_may_skip(revision: int) -> None:
    assert not is_stale(standing(), revision)
    assert succession_findings(standing(), LimitKind.FORESEEN, NOW) == []


def test_a_lower_revision_is_stale_and_the_first_never_is() -> None:
    assert is_stale(standing(), 1)
    assert not is_stale(None, 1)
    assert succession_findings(None, LimitKind.UNFORESEEN, NOW) == []


@pytest.mark.parametrize("status", [LimitStatus.ENDED, LimitStatus.CANCELLED, LimitStatus.WITHDRAWN])
def test_nothing_follows_a_limit_that_was_closed(status: LimitStatus) -> None:
    """LIF-ERR."""
    (finding,) = succession_findings(standing(status=status), LimitKind.FORESEEN, NOW)

    assert (finding.code, finding.detail) == (
        "A59",
        f"the limit is {status} and cannot change; send a new limit with a new id",
    )


@pytest.mark.parametrize(("ends", "is_over"), [(-1, True), (0, True), (1, False)])
def test_nothing_follows_a_limit_that_has_expired(ends: float, is_over: bool) -> None:
    """LIF-OVR."""
    assert bool(succession_findings(standing(ends=ends), LimitKind.FORESEEN, NOW)) is is_over
    assert (status_at(LimitStatus.ACTIVE, minutes(ends), NOW) is LimitStatus.EXPIRED) is is_over


def test_what_was_ended_or_cancelled_does_not_expire() -> None:
    assert status_at(LimitStatus.ENDED, minutes(-5), NOW) is LimitStatus.ENDED
    assert status_at(LimitStatus.CANCELLED, minutes(-5), NOW) is LimitStatus.CANCELLED


def test_a_limit_keeps_its_kind() -> None:
    assert [finding.code for finding in succession_findings(standing(), LimitKind.UNFORESEEN, NOW)] == ["A59"]


@pytest.mark.parametrize(
    ("seconds", "end", "status"),
    [
        (0, 1, LimitStatus.ENDED),
        (59, 1, LimitStatus.ENDED),
        (0, 2, LimitStatus.ACTIVE),
        (60, 2, LimitStatus.ENDED),
        (30, -60, LimitStatus.ENDED),
    ],
)
def test_a_replacement_over_by_the_first_full_minute_is_an_ending(
    seconds: int, end: float, status: LimitStatus
) -> None:
    assert status_of_revision(2, minutes(end), NOW + timedelta(seconds=seconds)) is status


def test_a_first_revision_ends_nothing() -> None:
    assert status_of_revision(1, minutes(1), NOW) is LimitStatus.ACTIVE


def test_the_first_full_minute_after_is_never_the_moment_itself() -> None:
    assert full_minute_after(NOW) == minutes(1)


def test_an_ended_limit_keeps_what_was_and_cuts_what_is() -> None:
    limit = make_limit(make_slot(-120, -60), make_slot(-30, 90), make_slot(100, 200))

    assert ended_at(limit, minutes(1)) == (make_slot(-120, -60), make_slot(-30, 1))
    assert ended_at(limit, minutes(95)) == (make_slot(-120, -60), make_slot(-30, 90))
