"""Days of 92 and 100 quarter-hours in Copenhagen time, from an operator to a DSO, as if that year were now."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.support.installation import ALPHA, NORTH, Installation, installation
from tests.support.world import gs1
from tps.local import onboarding

POINT, ASSET = (gs1("5713131", 18, 940_000_000 + number) for number in range(2))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose parties exist since the beginning of 2026, with a valid directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TPS_DIRECTORY_TTL_S", str(365 * 24 * 3600))
        patch.setattr(onboarding, "utc_now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
        with installation(tmp_path_factory.mktemp("days")) as made:
            yield made


@pytest.mark.parametrize(
    ("start", "quarters", "start_utc", "last_utc"),
    [
        ("2026-03-29T00:00:00+01:00", 92, "2026-03-28T23:00:00Z", "2026-03-29T21:45:00Z"),
        ("2026-10-25T00:00:00+02:00", 100, "2026-10-24T22:00:00Z", "2026-10-25T22:45:00Z"),
    ],
)
def test_a_day_sent_by_local_offsets_comes_out_right_at_the_dso(
    house: Installation, start: str, quarters: int, start_utc: str, last_utc: str
) -> None:
    """UNI-DAY: the last quarter-hour ends at local midnight, by the offset at that time."""
    house.empty()
    house.clock.now = datetime.fromisoformat(start).astimezone(UTC).replace(day=20, hour=9)
    house.send(NORTH, "PUT", "/dso/v1/connection-points", {"connection_points": [{"id": POINT}]})
    asset = {"id": ASSET, "connection_point_id": POINT, "max_production_kw": 100}
    house.send(ALPHA, "PUT", "/agr/v1/flexibility-assets", {"assets": [asset]})
    plan = {"asset_id": ASSET, "start": start, "resolution": "PT15M", "power_kw": list(range(quarters))}

    status, _ = house.send(ALPHA, "POST", "/agr/v1/operational-schedules", {"schedules": [plan]})

    path = "/dso/v1/operational-schedules"
    (seen,) = house.ask(NORTH, path, prefer="wait=10")["schedules"]
    (last,) = house.ask(NORTH, f"{path}?from={last_utc}", prefer="wait=10")["schedules"]
    assert status == "accepted"
    assert seen == {**plan, "start": start_utc}
    assert (last["start"], last["power_kw"]) == (last_utc, [quarters - 1])
