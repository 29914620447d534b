"""The life of a component's certificates: renewed by its own key, revoked by the platform operator."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from tests.support.applicants import AtDirectory, fresh_keys, join, make_application, pems
from tests.support.world import World
from tps.mades.certificates import generate_key


def test_a_component_renews_by_its_own_key_and_keeps_its_older_certificates(
    world: World, operator: AtDirectory
) -> None:
    joined, keys = join(operator), fresh_keys()
    body, path = {"keys": pems(keys)}, f"/components/{joined.code}/certificates"

    issued = joined.asserting(body).done("POST", path, body)["certificates"]
    again = joined.asserting(body).done("POST", path, body)["certificates"]
    by_the_new_key = joined.asserting(key=joined.key(issued, keys)).done("GET", f"/components/{joined.code}")

    assert issued == again
    assert by_the_new_key["certificates"] == [*joined.answer["certificates"], *issued]


def test_only_a_valid_certificate_renews(world: World, operator: AtDirectory) -> None:
    joined, other, body = join(operator), join(operator), {"keys": pems(fresh_keys())}
    path = f"/components/{joined.code}/certificates"

    replies = {
        "token": joined.caller.call("POST", path, body),
        "another component": other.asserting(body).call("POST", path, body),
        "another body": joined.asserting({"keys": pems(fresh_keys())}).call("POST", path, body),
        "no body in it": joined.asserting().call("POST", path, body),
        "another's key": joined.asserting(body, replace(joined.key(), private_key=generate_key())).call(
            "POST", path, body
        ),
    }

    statuses = {name: reply.status for name, reply in replies.items()}
    assert statuses == {
        "token": 403,
        "another component": 404,
        "another body": 401,
        "no body in it": 401,
        "another's key": 401,
    }
    assert len({replies[name].text for name, status in statuses.items() if status == 401}) == 1


def test_a_revoked_certificate_proves_nothing_and_is_in_nobodys_copy(world: World, operator: AtDirectory) -> None:
    joined = join(operator)
    revoked_id = joined.key().certificate_id
    body = {"reason": "the key was lost", "certificate_id": revoked_id}

    first = operator.done("POST", f"/components/{joined.code}/revocation", body)
    again = operator.done("POST", f"/components/{joined.code}/revocation", body)

    assert first == again
    assert (first["status"], first["revoked_certificates"], len(first["certificates"])) == ("active", [revoked_id], 2)
    assert joined.asserting().call("GET", "/components").status == 401
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        row = connection.execute("SELECT entry FROM directory_entry WHERE code = %s", [joined.code]).fetchone()
    assert row is not None
    assert row[0]["certificates"] == first["certificates"]


def test_a_revoked_component_is_left_without_certificates(world: World, operator: AtDirectory) -> None:
    joined = join(operator)

    revoked = operator.done("POST", f"/components/{joined.code}/revocation", {"reason": "left the market"})

    assert (revoked["status"], revoked["certificates"]) == ("revoked", [])
    assert len(revoked["revoked_certificates"]) == 3
    assert joined.caller.own()["status"] == "revoked"
    assert operator.call("POST", f"/components/{joined.code}/approval", {}).status == 409
    assert joined.caller.call("POST", "/components", make_application(fresh_keys())).status == 409
    platform = operator.call("POST", f"/components/{world.settings.platform_component}/revocation", {"reason": "no"})
    assert platform.status == 409
