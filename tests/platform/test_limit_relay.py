"""An accepted limit can be delivered: its largest part fits into a document (F6a)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from tests.samples import make_foreseen
from tests.support.world import gs1
from tps.documents import codec
from tps.documents.header import Header, Role
from tps.domain.limit import AvailablePower, Direction, ForeseenLimit, Interval, LimitKind
from tps.domain.limit_revision import LimitStatus
from tps.endpoint.handling import Correspondent, Desk
from tps.errors import RuleBroken
from tps.platform import registry
from tps.platform.limit_relay import check_deliverable
from tps.platform.limits import LimitName, Revision, WeighedAsset
from tps.platform.registry import Party

DSO, SMALL, LARGE = "5790000000050", "5790000000036", "5790000000043"
NOW = datetime(2026, 4, 10, 6, tzinfo=UTC)
PARTIES = {
    code: Party(code, role, f"Party {code[-2:]}", code) for code, role in ((DSO, "dso"), (SMALL, "agr"), (LARGE, "brp"))
}


class OutgoingDesk:
    """The platform's desk, as far as the header of a document needs it."""

    tx = None

    def header_to(self, peer: Correspondent, document_id: str) -> Header:
        return Header(document_id, NOW, "5790000000029", Role.TPS, peer.party, peer.role)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(registry, "parties", lambda _tx, codes: {code: PARTIES[code] for code in codes})
    return cast(Desk, OutgoingDesk())


def make_revision(intervals: int) -> Revision:
    """Return a foreseen limit of this many quarters of an hour, each with another power."""
    starts = [NOW + timedelta(minutes=15 * number) for number in range(intervals)]
    slots = tuple(
        AvailablePower(Interval(start, start + timedelta(minutes=15)), Decimal(100 + number))
        for number, start in enumerate(starts)
    )
    limit: ForeseenLimit = replace(make_foreseen("500"), direction=Direction.PRODUCTION, available=slots)
    name = LimitName(DSO, "a" * 32, 1)
    status, kind = LimitStatus.ACTIVE, LimitKind.FORESEEN
    return Revision(name, kind, status, limit.direction, limit.period, limit.reason, limit, "m", NOW)


def make_assets(small: int, large: int) -> list[WeighedAsset]:
    """Return assets of two operators."""
    operators = [SMALL] * small + [LARGE] * large
    ids = (gs1("5713131", 18, number) for number in range(len(operators)))
    return [WeighedAsset(asset_id, operator, Decimal(1)) for asset_id, operator in zip(ids, operators, strict=True)]


def test_a_limit_whose_largest_part_fits_is_deliverable(desk: Desk) -> None:
    check_deliverable(desk, make_revision(96), make_assets(small=1, large=2))


@pytest.mark.parametrize(("intervals", "large"), [(96, 400), (2_000, 2)], ids=["too many assets", "too many intervals"])
def test_a_limit_whose_largest_part_fits_into_no_document_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, intervals: int, large: int
) -> None:
    monkeypatch.setattr(codec, "MAX_BYTES", 40_000)

    with pytest.raises(RuleBroken) as refused:
        check_deliverable(desk, make_revision(intervals), make_assets(small=1, large=large))

    assert [finding.code for finding in refused.value.findings] == ["A59"]


def test_the_operator_with_the_most_assets_decides(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """All assets together would not fit. The assets of each operator do."""
    monkeypatch.setattr(codec, "MAX_BYTES", 40_000)
    assets: list[Any] = make_assets(small=200, large=200)

    check_deliverable(desk, make_revision(1), assets)

    with pytest.raises(RuleBroken):
        check_deliverable(desk, make_revision(1), [replace(asset, operator=LARGE) for asset in assets])
