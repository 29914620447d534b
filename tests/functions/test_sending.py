"""Rules of all routes that send: Idempotency-Key, Prefer, and Location (docs/rest.md, "Sending")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop

ASSETS, FORESEEN, UNFORESEEN = "/flexibility-assets", "/capacity-limits/foreseen", "/capacity-limits/unforeseen"


@pytest.fixture
def dso(world: World) -> Member:
    return world.dso()


@pytest.fixture
def operator(world: World) -> Member:
    return world.operator()


@pytest.fixture
def asset(dso: Member, operator: Member) -> str:
    """A registered asset in the DSO's grid."""
    point = fresh_gsrn()
    dso.register_points(point)
    made = make_asset(point)
    operator.register_assets(made)
    return str(made["id"])


def message(member: Member, message_id: str) -> Any:
    return member.done("GET", f"/messages/{message_id}")


def test_the_same_request_twice_is_one_message(dso: Member, operator: Member, asset: str) -> None:
    body = make_stop([asset])

    first = dso.call("POST", UNFORESEEN, body, Idempotency_Key="stop-1")
    again = dso.call("POST", UNFORESEEN, body, Idempotency_Key="stop-1")

    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert len(eventually(operator.active_limits)) == 1


def test_without_a_key_the_same_request_twice_is_two_limits(dso: Member, operator: Member, asset: str) -> None:
    first, again = (dso.send_unforeseen(make_stop([asset])) for _ in range(2))

    assert first["id"] != again["id"]
    assert eventually(lambda: len(operator.active_limits()) == 2)


def test_a_key_with_another_body_is_refused(dso: Member, asset: str) -> None:
    dso.call("POST", FORESEEN, make_foreseen([asset], 500), Idempotency_Key="k")

    reply = dso.call("POST", FORESEEN, make_foreseen([asset], 400), Idempotency_Key="k")

    assert (reply.status, reply.codes()) == (422, {"key_reused"})


def test_a_key_on_another_route_is_refused(dso: Member, asset: str) -> None:
    body = make_stop([asset])
    dso.call("POST", UNFORESEEN, body, Idempotency_Key="k")

    reply = dso.call("PUT", "/connection-points", {"connection_points": [{"id": "T1"}]}, Idempotency_Key="k")

    assert (reply.status, reply.codes()) == (422, {"key_reused"})


def test_two_parties_may_use_the_same_key(dso: Member, operator: Member, world: World) -> None:
    other, points = world.dso(), {"connection_points": [{"id": fresh_gsrn()}]}

    replies = [each.call("PUT", "/connection-points", points, Idempotency_Key="1") for each in (dso, other)]

    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0].json["message_id"] != replies[1].json["message_id"]


def test_a_removal_that_is_repeated_gets_its_first_answer(operator: Member, asset: str) -> None:
    """By then, nothing is left to remove."""
    first, again = (operator.call("DELETE", f"{ASSETS}?id={asset}", Idempotency_Key="gone") for _ in range(2))

    assert (first.status, again.status) == (200, 200)
    assert first.json == again.json
    assert operator.call("DELETE", f"{ASSETS}?id={asset}").status == 404


def test_what_was_refused_is_refused_again(dso: Member, asset: str) -> None:
    body = make_foreseen([asset, fresh_gsrn()])

    first, again = (dso.call("POST", FORESEEN, body, Idempotency_Key="bad") for _ in range(2))

    assert (first.status, again.status) == (422, 422)
    assert first.json == again.json
    assert first.pointers() == {"/asset_ids/1"}


def test_a_caller_that_does_not_wait_is_told_where_to_look(dso: Member, asset: str) -> None:
    reply = dso.call("POST", UNFORESEEN, make_stop([asset]), Prefer="respond-async")

    assert (reply.status, reply.json["status"]) == (202, "pending")
    message_id = reply.json["message_id"]
    assert reply.headers["Location"] == f"/dso/v1/messages/{message_id}"
    accepted = eventually(lambda: found if (found := message(dso, message_id))["status"] != "pending" else None)
    assert (accepted["status"], accepted["document"]) == ("accepted", {"id": reply.json["id"], "revision": 1})


def test_a_caller_that_waits_no_second_is_told_where_to_look(dso: Member, asset: str) -> None:
    reply = dso.call("POST", UNFORESEEN, make_stop([asset]), Prefer="wait=0")

    assert (reply.status, reply.headers["Location"]) == (202, f"/dso/v1/messages/{reply.json['message_id']}")


@pytest.mark.parametrize(
    "prefer", ["wait=20", "return=minimal, wait=20", "wait=" + "9" * 5000, "wait=soon", "respond-soon", ""]
)
def test_other_preferences_do_no_harm(dso: Member, prefer: str) -> None:
    points = {"connection_points": [{"id": fresh_gsrn()}]}

    reply = dso.call("PUT", "/connection-points", points, Prefer=prefer)

    assert (reply.status, reply.json["status"]) == (200, "accepted")


def test_a_message_shows_every_step_up_to_the_platform(world: World, dso: Member, asset: str) -> None:
    sent = dso.send_foreseen(make_foreseen([asset]))

    def whole() -> dict[str, Any] | None:
        """The receiver's step may appear before our endpoint has recorded the broker's step."""
        found: dict[str, Any] = message(dso, sent["message_id"])
        return found if {"TRANSPORTED", "RECEIVED"} <= {step["state"] for step in found["trace"]} else None

    shown = eventually(whole)

    assert {name: shown[name] for name in ("message_id", "direction", "type", "status", "document", "errors")} == {
        "message_id": sent["message_id"],
        "direction": "sent",
        "type": "TPS-LIMIT-FORESEEN",
        "status": "accepted",
        "document": {"id": sent["id"], "revision": 1},
        "errors": [],
    }
    platform, broker = world.settings.platform_component, world.settings.broker_component
    assert [(step["state"], step["component"]) for step in shown["trace"]] == [
        ("VERIFYING", dso.code),
        ("ACCEPTED", dso.code),
        ("DELIVERING", dso.code),
        ("TRANSPORTED", broker),
        ("DELIVERED", platform),
        ("RECEIVED", platform),
    ]
    assert all(recently(step["at"]) for step in shown["trace"])


def test_a_refused_message_names_its_reasons(dso: Member, asset: str) -> None:
    unknown = fresh_gsrn()
    sent = dso.call("POST", FORESEEN, make_foreseen([asset, unknown]), Prefer="respond-async")

    shown = eventually(
        lambda: found if (found := message(dso, sent.json["message_id"]))["status"] != "pending" else None
    )

    assert shown["status"] == "refused"
    assert [(error["code"], error["subject"]) for error in shown["errors"]] == [("A64", unknown)]


def test_a_received_limit_is_a_message_of_its_own(world: World, dso: Member, operator: Member, asset: str) -> None:
    """Only the platform sees both: nothing in the operator's message refers to the DSO's message."""
    sent = dso.send_foreseen(make_foreseen([asset]))
    limit = eventually(operator.active_limits)[0]

    received = message_about(world, operator, limit["id"])
    shown = message(operator, received)

    assert (shown["direction"], shown["type"]) == ("received", "TPS-LIMIT-FORESEEN")
    assert shown["document"] == {"id": limit["id"], "revision": 1}
    assert dso.call("GET", f"/messages/{received}").status == 404
    assert operator.call("GET", f"/messages/{sent['message_id']}").status == 404
    assert dso.code not in str(shown)


def message_about(world: World, member: Member, document_id: str) -> str:
    """Return the id of the message with a document; a party learns it from its own ledger."""
    import psycopg

    with psycopg.connect(world.settings.groups[member.group].database_url) as connection:
        row = connection.execute(
            "SELECT message_id FROM message WHERE component = %s AND document_id = %s AND direction = 'in'",
            (member.code, document_id),
        ).fetchone()
    assert row
    return str(row[0])


def recently(at: str) -> bool:
    moment = datetime.fromisoformat(at)
    assert at.endswith("Z")
    return abs(datetime.now(UTC) - moment) < timedelta(minutes=2)


def test_a_question_is_asked_anew_whatever_key_comes_with_it(world: World) -> None:
    """A key applies to changes. An old answer to a query would be silently stale."""
    dso, alpha = world.dso(), world.operator()
    point = fresh_gsrn()
    dso.register_points(point)
    before = dso.call("GET", "/flexibility-assets", Idempotency_Key="list")
    asset = make_asset(point)
    alpha.register_assets(asset)

    after = dso.call("GET", "/flexibility-assets", Idempotency_Key="list")

    assert before.json["assets"] == []
    assert [each["id"] for each in after.json["assets"]] == [asset["id"]]
