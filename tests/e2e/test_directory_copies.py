"""Endpoints and the component directory together (F1): copies, renewal, and the effects of a revocation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.applicants import AtDirectory
from tests.support.servers import eventually
from tests.support.world import Member, World, fresh_gsrn
from tps.api.types import moment_json
from tps.endpoint import components
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.renewing import by_directory, renew_now
from tps.endpoint.synchronising import synchronise
from tps.errors import Conflict, NotFound
from tps.host.services import build_services
from tps.local import renewal
from tps.mades.certificate import CertificateUse
from tps.mades.directory import ComponentEntry


@pytest.fixture(scope="module")
def operators(world: World) -> Iterator[Endpoint]:
    """The operators' endpoint in another process."""
    services = build_services(world.settings)
    yield services.endpoint("agr")
    services.close()


@pytest.fixture(scope="module")
def directory(world: World) -> AtDirectory:
    return AtDirectory.of(world, world.settings.platform_party, "tps")


def copied(endpoint: Endpoint, code: str) -> ComponentEntry:
    with endpoint.database.transaction() as tx:
        found = components.entry_of(tx, code)
    assert found is not None
    return found.entry


def listed(directory: AtDirectory, code: str) -> ComponentEntry:
    return ComponentEntry.from_json(directory.done("GET", f"/components/{code}"))


def asset_of_its_own() -> dict[str, Any]:
    return {"id": fresh_gsrn(), "connection_point_id": fresh_gsrn(), "kind": "generation", "max_production_kw": 5}


def can_register(member: Member) -> str:
    """Return the outcome of a registration message and of its answer."""
    sent = member.register_assets(asset_of_its_own())

    def ended() -> str:
        row = member.done("GET", f"/messages/{sent['message_id']}")
        reasons = [each["code"] for each in row["errors"]]
        return " ".join([row["state"], *reasons]) if row["state"] in ("RECEIVED", "FAILED") else ""

    return eventually(ended)


def test_what_is_wrong_in_a_copy_is_right_again_when_its_component_looks(
    world: World, operators: Endpoint, directory: AtDirectory
) -> None:
    member = world.operator()
    with psycopg.connect(world.settings.groups["agr"].database_url) as connection:
        connection.execute(
            """UPDATE directory_entry SET entry = jsonb_set(entry, '{organisation}', '"Spoilt"') WHERE code = %s""",
            (member.code,),
        )
        connection.execute("UPDATE directory_pull SET due_at = now() WHERE component = %s", (member.code,))

    synchronise(operators)

    assert eventually(lambda: copied(operators, member.code) == listed(directory, member.code))


def test_a_tick_looks_without_being_told(world: World) -> None:
    """Ticks of event delivery synchronise the copy, independent of readiness."""
    member = world.dso()

    def looked() -> bool:
        with psycopg.connect(world.settings.groups["dso"].database_url) as connection:
            query = "SELECT synchronised_at FROM directory_pull WHERE component = %s"
            row = connection.execute(query, (member.code,)).fetchone()
        return bool(row and row[0])

    assert eventually(looked)


def test_a_component_renews_by_its_valid_certificate_and_traffic_goes_on(
    world: World, operators: Endpoint, directory: AtDirectory
) -> None:
    member = world.operator()
    before = listed(directory, member.code)

    issued = renew_now(operators, member.code, by_directory(operators))

    after = listed(directory, member.code)
    assert after.certificates == before.certificates + issued
    assert copied(operators, member.code) == after
    assert can_register(member) == "RECEIVED"


def test_without_its_older_signing_certificate_a_component_signs_by_the_renewed_one(
    world: World, operators: Endpoint, directory: AtDirectory
) -> None:
    member = world.operator()
    renew_now(operators, member.code, by_directory(operators))
    older = min(
        (each for each in listed(directory, member.code).certificates if each.use is CertificateUse.SIGNING),
        key=lambda each: each.valid_from,
    )

    body = {"reason": "lost", "certificate_id": older.certificate_id}
    directory.done("POST", f"/components/{member.code}/revocation", body)

    assert eventually(lambda: can_register(member) == "RECEIVED")


def test_a_revoked_component_sends_nothing_more(world: World, directory: AtDirectory) -> None:
    member = world.operator()

    directory.done("POST", f"/components/{member.code}/revocation", {"reason": "gone"})

    def refused() -> bool:
        reply = member.call("PUT", "/flexibility-assets", {"assets": [asset_of_its_own()]})
        # A process caches its copy for one second.
        return (reply.status, reply.codes()) == (502, {"certificate_revoked"})

    assert eventually(refused)


def test_the_platform_operator_renews_at_once(world: World, directory: AtDirectory) -> None:
    member = world.operator()

    renewed = renewal.renew_party(world.stack, member.code)

    certificates = listed(directory, member.code).certificates
    assert renewed == {"component": member.code, "valid_to": moment_json(max(each.valid_to for each in certificates))}
    assert len(certificates) == 6
    assert can_register(member) == "RECEIVED"


def test_nobody_is_renewed_who_is_revoked_or_not_there(world: World, directory: AtDirectory) -> None:
    member = world.operator()
    directory.done("POST", f"/components/{member.code}/revocation", {"reason": "gone"})

    with pytest.raises(Conflict):
        renewal.renew_party(world.stack, member.code)
    with pytest.raises(NotFound):
        renewal.renew_party(world.stack, "5790000000999")
