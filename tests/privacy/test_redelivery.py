"""A registration that is delivered again or late does not undo a later registration (F4a)."""

from __future__ import annotations

import psycopg
import pytest

from tests.privacy.wiretap import Opened, Wiretap
from tests.support.world import World, eventually, fresh_gsrn, make_asset


@pytest.mark.parametrize("is_known", [True, False], ids=["comes again", "comes late"])
def test_the_order_of_two_registrations_of_an_asset_survives_a_redelivery_of_the_first(
    world: World, tap: Wiretap, is_known: bool
) -> None:
    """RGN-SEQ: the platform has forgotten the late registration, and decides on it after the second."""
    dso, operator, point = world.dso(), world.operator(), fresh_gsrn()
    dso.register_points(point)
    asset = make_asset(point, max_production_kw=100)
    first = operator.register_assets(asset)["message_id"]
    operator.register_assets({**asset, "max_production_kw": 200})
    (letter,) = [each for each in tap.documents() if each.signed.message_id == first]

    if not is_known:
        forget(world, first)
    assert deliver(world, letter) == (204, "done")

    assert status_at_platform(world, first) == "accepted"
    for member in (operator, dso):
        (found,) = member.done("GET", "/flexibility-assets")["assets"]
        assert found["max_production_kw"] == 200
    told = eventually(lambda: dso.done("GET", "/flexibility-assets/changes?timeout=5&reader=late")["assets"])
    assert [each["max_production_kw"] for each in told] == [200]


def deliver(world: World, letter: Opened) -> tuple[int, str | None]:
    """Deliver once more, as event delivery does; return the function's response."""
    headers = {name.lower(): value for name, value in letter.packet.headers.items() if name.startswith("ce-")}
    headers |= {"content-type": headers.pop("ce-datacontenttype"), "ce-subject": letter.packet.subject}
    headers["Authorization"] = f"Bearer {world.settings.delivery_token}"
    answer = world.http.post("/function/process-registration/", content=letter.packet.data, headers=headers)
    return answer.status_code, answer.headers.get("TPS-Outcome")


def forget(world: World, message_id: str) -> None:
    """Make the platform forget the message."""
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        connection.execute("DELETE FROM decided_document WHERE document_id = ("
                           "SELECT document_id FROM message WHERE message_id = %s)", (message_id,))  # fmt: skip
        connection.execute("DELETE FROM message WHERE message_id = %s", (message_id,))


def status_at_platform(world: World, message_id: str) -> str:
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        row = connection.execute("SELECT status FROM message WHERE message_id = %s", (message_id,)).fetchone()
    return str(row[0]) if row else "unknown"
