"""A grid of real size (SimBench, 17,505 assets): one DSO, three operators, a maintenance and a fault.

The data comes from a folder outside the repository; without it, the test is skipped. Figures are printed, not asserted.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.world import Member, World, make_foreseen, make_stop
from tools.story.grid import GridAsset, deal, points_of, total_kw
from tools.story.simbench import is_in, load_assets
from tps.client.wire import to_json
from tps.endpoint.archiving import read_document
from tps.host.services import build_services

ORACLE = Path(os.environ.get("TPS_ORACLE_DIR", Path(__file__).resolve().parents[3] / "shared" / "oracle"))
CSV = ORACLE / "simbench" / "assets-mvlv-urban.csv"
AREA, FEEDER = "LV5", "LV3.301"
PATIENT = {"Prefer": "wait=55"}

pytestmark = [
    pytest.mark.skipif(not CSV.exists(), reason=f"no SimBench csv at {CSV}; set TPS_ORACLE_DIR"),
    pytest.mark.timeout(300),
]


@dataclass(frozen=True)
class City:
    """The grid with all parties registered."""

    world: World
    dso: Member
    hands: dict[Member, list[GridAsset]]

    @property
    def assets(self) -> list[GridAsset]:
        return sorted((asset for hand in self.hands.values() for asset in hand), key=lambda asset: asset.id)

    def ids(self, area: str) -> list[str]:
        return [asset.id for asset in self.assets if is_in(asset.section, area)]

    def own_ids(self, operator: Member, area: str) -> list[str]:
        return sorted(asset.id for asset in self.hands[operator] if is_in(asset.section, area))

    def installed_kw(self, operator: Member, area: str) -> Decimal:
        return total_kw((a for a in self.hands[operator] if is_in(a.section, area)), lambda a: a.max_production_kw)

    def reach(self, send: Callable[[], Any]) -> tuple[dict[Member, dict[str, Any]], float]:
        """Send while every operator waits; return each operator's limits, and the seconds until the last had them."""
        cursors = {each: each.done("GET", "/capacity-limits/wait?timeout=0")["cursor"] for each in self.hands}
        with ThreadPoolExecutor(len(cursors)) as pool:
            waits = {
                each: pool.submit(each.done, "GET", f"/capacity-limits/wait?timeout=50&after={cursor}")
                for each, cursor in cursors.items()
            }
            started = time.perf_counter()
            send()
            got = {each: wait.result()["limits"] for each, wait in waits.items()}
        assert all(len(limits) == 1 for limits in got.values())
        return {each: limits[0] for each, limits in got.items()}, time.perf_counter() - started


@contextmanager
def told(what: str) -> Iterator[None]:
    """Print the duration of the block."""
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.2f} s")


@pytest.fixture(scope="module")
def city(world: World) -> City:
    assets = load_assets(CSV)
    dso, operators = world.dso("City Grid"), [world.operator(name) for name in ("Delta", "Epsilon", "Zeta")]
    points = [{"id": point, "sections": [section]} for point, section in points_of(assets).items()]
    with told(f"{len(points)} connection points in one call"):
        dso.done("PUT", "/connection-points", {"connection_points": points}, **PATIENT)
    hands = dict(zip(operators, deal(assets, len(operators)), strict=True))
    with told(f"{len(assets)} assets in three calls"):
        for operator, hand in hands.items():
            operator.done("PUT", "/flexibility-assets", {"assets": [_body(asset) for asset in hand]}, **PATIENT)
    return City(world, dso, hands)


def test_the_feed_of_changes_tells_of_all_of_them(city: City) -> None:
    known, cursor, documents = {}, "", 0
    with told("from the last registration to all assets in the DSO's feed"):
        while len(known) < 17_505:
            answer = city.dso.done("GET", f"/flexibility-assets/changes?timeout=20&reader=all{cursor}")
            assert answer["assets"], f"{len(known)} assets, and no more"
            known |= {asset["id"]: asset for asset in answer["assets"]}
            cursor, documents = f"&after={answer['cursor']}", documents + 1

    print(f"the feed answered {documents} times")
    assert [known[asset_id] for asset_id in sorted(known)] == [_seen_by_the_dso(asset) for asset in city.assets]


def test_the_dso_sees_all_17505_assets_of_its_grid_uncut_and_as_registered(city: City) -> None:
    with told("list of all assets"):
        reply = city.dso.call("GET", "/flexibility-assets", **PATIENT)

    listed = reply.json["assets"]
    print(f"list as JSON: {len(reply.text) / 1e6:.1f} MB")
    assert reply.status == 200
    assert len(listed) == 17_505
    assert listed == [_seen_by_the_dso(asset) for asset in city.assets]


def test_neither_the_list_nor_the_document_nor_a_header_says_who_operates_what(city: City) -> None:
    reply = city.dso.call("GET", "/flexibility-assets", **PATIENT)

    document = _newest_list(city)
    print(f"list as document: {len(document) / 1e6:.1f} MB")
    traces = [trace for operator in city.hands for trace in (operator.code, operator.name)]
    assert document.count(b"<TimeSeries>") == 17_505
    for place in (reply.text, str(reply.headers), document.decode()):
        assert [trace for trace in traces if trace in place] == []


def test_a_maintenance_on_thousands_of_assets_gives_each_operator_its_own_and_parts_that_add_up(city: City) -> None:
    area, outsider = city.ids(AREA), city.world.operator("Eta")
    installed_kw = {operator: city.installed_kw(operator, AREA) for operator in city.hands}
    body = make_foreseen(area, power_kw=1000)

    limits, last_s = city.reach(lambda: city.dso.done("POST", "/capacity-limits/foreseen", body, **PATIENT))

    print(f"foreseen limit on {len(area)} assets, to the last operator: {last_s:.2f} s")
    parts_kw = {operator: Decimal(limit["available"][0]["power_kw"]) for operator, limit in limits.items()}
    assert len(area) > 5_000
    assert sum(parts_kw.values()) == 1000
    for operator, limit in limits.items():
        assert limit["asset_ids"] == city.own_ids(operator, AREA)
        assert limit["share"]["weight_kw"] == installed_kw[operator]
        fair_kw = 1000 * installed_kw[operator] / sum(installed_kw.values())
        assert abs(parts_kw[operator] - fair_kw) < Decimal("0.001")
    assert outsider.active_limits() == []


def test_the_assets_parts_add_up_to_their_operators_part(city: City) -> None:
    body = make_foreseen(city.ids(AREA), power_kw=777.777)

    limits, _ = city.reach(lambda: city.dso.done("POST", "/capacity-limits/foreseen", body, **PATIENT))

    for operator, limit in limits.items():
        found = operator.done("GET", "/capacity-limits/active?per_asset=true")["limits"]
        (offered,) = (each for each in found if each["id"] == limit["id"])
        parts_kw = [Decimal(part["available"][0]["power_kw"]) for part in offered["per_asset"]]
        assert len(parts_kw) == len(limit["asset_ids"])
        assert sum(parts_kw) == Decimal(limit["available"][0]["power_kw"])


def test_a_stop_of_one_feeder_reaches_each_operator_with_its_own_assets_there(city: City) -> None:
    feeder = city.ids(FEEDER)
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:00Z")

    limits, last_s = city.reach(lambda: city.dso.send_unforeseen(make_stop(feeder, expected_end=end)))

    print(f"emergency stop of {len(feeder)} assets, to the last operator: {last_s:.3f} s")
    assert len(feeder) > 100
    assert {limit["action"] for limit in limits.values()} == {"stop"}
    assert {each: limit["asset_ids"] for each, limit in limits.items()} == {
        each: city.own_ids(each, FEEDER) for each in city.hands
    }
    assert sorted(asset_id for limit in limits.values() for asset_id in limit["asset_ids"]) == feeder


def _seen_by_the_dso(asset: GridAsset) -> dict[str, Any]:
    body = {name: value for name, value in _body(asset).items() if name != "name"}
    return {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in body.items()}


def _body(asset: GridAsset) -> dict[str, Any]:
    """Return an asset with its powers as JSON numbers."""
    body: dict[str, Any] = json.loads(to_json(asset.to_asset().to_json()))
    return body


def _newest_list(city: City) -> bytes:
    """Return the newest asset list in the DSO's backend, as received."""
    services = build_services(city.world.settings)
    try:
        endpoint = services.endpoint("dso")
        with endpoint.database.transaction() as tx:
            newest = tx.execute(
                "SELECT message_id FROM received_asset_list WHERE party = %s ORDER BY as_of DESC LIMIT 1",
                (city.dso.code,),
            ).fetchone()
        assert newest is not None
        content = read_document(endpoint, city.dso.code, newest["message_id"])
    finally:
        services.close()
    assert content is not None
    return content
