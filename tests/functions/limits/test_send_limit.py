"""Decisions of a DSO's backend about a limit before sending it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tps.domain.limit import Interval, LimitKind
from tps.domain.limit_revision import LimitStatus
from tps.dso.limit_revisions import next_revision
from tps.dso.limits import OwnLimit
from tps.errors import RevisionConflict

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def own_limit(revision: int) -> OwnLimit:
    """Return the latest revision of a limit of 2026."""
    period = Interval(NOW, NOW.replace(hour=13))
    return OwnLimit("a" * 32, revision, LimitKind.FORESEEN, LimitStatus.ACTIVE, period, NOW, "m", {}, "accepted")


def test_after_the_last_revision_there_is_no_next() -> None:
    """REV-999."""
    assert next_revision(own_limit(998)) == 999

    with pytest.raises(RevisionConflict) as conflict:
        next_revision(own_limit(999))

    assert [finding.code for finding in conflict.value.findings] == ["A51"]
