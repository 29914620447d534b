"""`./tps doctor` on a running system with real faults: it reports each fault with its remedy."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.support.halting import halted
from tests.support.world import World, eventually, fresh_gln
from tps.directory import entries as directory
from tps.host.services import utc_now
from tps.local.cli import commands
from tps.local.doctor.checks import CHECKS, look_at_disk
from tps.local.doctor.installation import Installation, installation_in
from tps.local.doctor.report import examine
from tps.local.embedded.ports import free_ports
from tps.mades.certificates import create_authority, create_component
from tps.mades.ids import new_id
from tps.mades.paths import MessagePath
from tps.mades.subjects import dead_subject, message_subject
from tps.stores.database import one_transaction

PORT = 8080


def doctor(world: World, *arguments: str) -> Result:
    """Run the command on the world's data folder."""
    return CliRunner().invoke(commands, ["doctor", "--data", str(world.stack.data), *arguments])


@pytest.fixture
def installation(world: World) -> Installation:
    return installation_in(world.stack.data, PORT)


def found(installation: Installation, name: str) -> list[str]:
    """Return the problems that a check finds."""
    needed = [each for each in CHECKS if each.name == name]
    result = next(
        each for each in examine(installation, [dataclasses.replace(needed[0], needs=())]) if each.name == name
    )
    assert bool(result.found) == bool(result.remedy)
    return list(result.found)


def about(code: str, found: list[str]) -> list[str]:
    """Return the problems of one component; other tests leave components with revoked certificates."""
    return [each for each in found if code in each]


def test_all_is_well_with_an_installation_that_runs(world: World) -> None:
    """Other tests leave dead letters and revoked certificates."""
    member = world.operator()

    done = doctor(world, "--json", "--to", member.code)

    told = json.loads(done.stdout)
    others = ("dead letters", "certificates")
    wrong = [each for each in told["checks"] if each["is_well"] is not True and each["name"] not in others]
    assert wrong == []
    assert done.exit_code == (0 if told["is_well"] else 1)
    assert [each["name"] for each in told["checks"]] == [
        *(check.name for check in CHECKS),
        f"connectivity from {world.settings.platform_component} to {member.code}",
    ]


def test_a_server_of_a_cluster_that_does_not_answer_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    url, user, password = world.stack.nats_admin
    silent = f"nats://127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("TPS_NATS_URL", f"{silent}, {url.replace('//', f'//{user}:{password}@')}")

    problems = found(installation_in(world.stack.data, PORT), "broker")

    assert problems == [f"the server at {silent} of the broker does not answer"]


def test_a_test_from_a_party_reaches_the_platform(world: World) -> None:
    member = world.dso()

    told = json.loads(doctor(world, "--json", "--from", member.code).stdout)

    assert told["checks"][-1]["is_well"] is True


@pytest.mark.parametrize("is_dso", [True, False])
def test_a_receiver_that_is_unknown_to_the_sender_is_explained(world: World, is_dso: bool) -> None:
    sender, receiver = world.operator().code, world.dso().code if is_dso else fresh_gln()

    done = doctor(world, "--from", sender, "--to", receiver)

    assert done.exit_code == 1
    assert f"FAILED connectivity from {sender} to {receiver}: unknown_receiver: No such receiver.\n" in done.stdout
    assert "a party can send to the platform only" in done.stdout


def test_a_sender_that_is_not_here_is_explained(world: World) -> None:
    assert (
        "unknown_sender_here: This installation has no component with the sender's code.\n"
        in doctor(world, "--from", "NOBODY").stdout
    )


def test_where_nothing_was_started_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["doctor", "--data", str(tmp_path / "none")])

    assert done.exit_code == 1
    assert "contains no installation" in done.stdout
    assert "-> pass the folder of ./tps up as --data" in done.stdout
    assert not (tmp_path / "none").exists()


def test_a_stack_that_was_killed_is_not_running(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.stack.data / "keys", tmp_path / "keys")
    assert found(installation_in(tmp_path, PORT), "stack") == ["no stack runs on this data folder"]

    record = json.loads((world.stack.data / "run.json").read_text())
    with subprocess.Popen(["true"]) as ended:
        ended.wait(10)
    (tmp_path / "run.json").write_text(json.dumps({**record, "pid": ended.pid}))

    assert found(installation_in(tmp_path, PORT), "stack") == ["the stack was killed"]


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert found(installation_in(tmp_path, port), "port") == [f"another program uses port {port}"]
    assert found(installation_in(tmp_path, port), "port") == []


def test_a_full_disk_is_named(installation: Installation) -> None:
    (problem,) = look_at_disk(installation, needed_bytes=2**60)

    assert problem.endswith("MB are needed")


def test_servers_that_do_not_answer_are_named_and_what_needs_them_is_left(world: World) -> None:
    with halted(world.stack, "nats"), halted(world.stack, "s3"), shut_out(world, "ecp"):
        # An answer about readiness is kept for a moment.
        eventually(lambda: world.http.get("/health/readiness").status_code == 503)
        done = doctor(world)

    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert {line.split(":")[0] for line in lines if line.startswith("FAILED")} >= {
        *("FAILED processes", "FAILED gateway", "FAILED broker", "FAILED databases", "FAILED object store")
    }
    assert "FAILED databases: the check failed (OperationalError)" in lines
    assert {line for line in lines if line.startswith("-")} == {
        f"-      {name}"
        for name in (
            "clock",
            "migrations",
            "platform",
            "certificates",
            "paths",
            "directory copies",
            "event delivery",
            "dead letters",
        )
    }
    secrets = json.loads((world.stack.data / "keys" / "secrets.json").read_text()).values()
    assert not [secret for secret in secrets if secret in done.output]
    eventually(lambda: world.http.get("/health/readiness").status_code == 200)


@contextmanager
def shut_out(world: World, group: str) -> Iterator[None]:
    """Make the database refuse a group for the block."""
    with psycopg.connect(world.stack.postgres_admin_url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {group} NOLOGIN")  # type: ignore[arg-type]
        try:
            yield
        finally:
            connection.execute(f"ALTER ROLE {group} LOGIN")  # type: ignore[arg-type]


def test_a_clock_that_is_off_is_named(installation: Installation) -> None:
    for off_by in (timedelta(minutes=10), -timedelta(minutes=10)):
        problems = found(dataclasses.replace(installation, clock=lambda off_by=off_by: utc_now() + off_by), "clock")

        assert [problem.rpartition(" differ ")[0] for problem in problems] == [
            f"this machine's clock and {whose}" for whose in ("the database's", "the object store's", "the gateway's")
        ]


def test_a_missing_migration_is_named(world: World, installation: Installation) -> None:
    with psycopg.connect(world.stack.database_url("dso"), autocommit=True) as connection:
        (row,) = connection.execute(
            "DELETE FROM _yoyo_migration WHERE migration_id = '0003_dso' RETURNING *"
        ).fetchall()
        try:
            assert found(installation, "migrations") == ["the database dso lacks 0003_dso"]
        finally:
            places = ", ".join(["%s"] * len(row))
            connection.execute(f"INSERT INTO _yoyo_migration VALUES ({places})", row)  # type: ignore[arg-type]


@contextmanager
def entered_otherwise(world: World, code: str, **changes: Any) -> Iterator[None]:
    """Change the directory entry of a component for the block."""
    with one_transaction(world.stack.database_url("ecp")) as tx:
        before = directory.registered(tx, code)
        assert before is not None
        entry = dataclasses.replace(before.entry, **changes)
        directory.change(tx, dataclasses.replace(before, entry=entry), utc_now())
    try:
        yield
    finally:
        with one_transaction(world.stack.database_url("ecp")) as tx:
            directory.change(tx, before, utc_now())


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(days=4000), "{code} has no valid certificate for {use}"),
        (timedelta(days=2 * 365 - 20), "the certificate of {code} for {use} ends on {end:%Y-%m-%d}"),
    ],
)
def test_certificates_that_ended_or_end_soon_are_named_by_component(
    world: World, installation: Installation, age: timedelta, said: str
) -> None:
    code, certified_at = world.operator().code, utc_now() - age
    component = create_component(
        create_authority("Authority", certified_at), code, "Alpha", now=certified_at, valid_for=timedelta(days=2 * 365)
    )
    expected = [
        said.format(code=code, use=use, end=component.certificates[0].valid_to)
        for use in ("authentication", "encryption", "signing")
    ]
    with entered_otherwise(world, code, certificates=component.certificates):
        assert about(code, found(installation, "certificates")) == expected
    assert about(code, found(installation, "certificates")) == []


def test_paths_that_are_missing_or_over_are_named_by_component(world: World, installation: Installation) -> None:
    code, now = world.operator().code, utc_now()
    over = MessagePath(code, None, "*", now - timedelta(days=2), now - timedelta(days=1))

    with entered_otherwise(world, code, paths=()):
        assert found(installation, "paths") == [f"{code} has no path"]
    with entered_otherwise(world, code, paths=(over,)):
        assert found(installation, "paths") == [f"{code} has no path that is valid now"]


def test_a_copy_of_the_directory_that_nobody_keeps_up_is_named(world: World, installation: Installation) -> None:
    code = world.operator().code
    with one_transaction(world.stack.database_url("tps")) as tx:
        tx.execute("UPDATE directory_entry SET synchronised_at = now() - interval '2 hours' WHERE code = %s", (code,))

    assert found(installation, "directory copies") == [
        f"the entry of {code} in the copy of group tps is more than one hour old"
    ]

    with one_transaction(world.stack.database_url("tps")) as tx:
        tx.execute("UPDATE directory_entry SET synchronised_at = now() WHERE code = %s", (code,))
    assert found(installation, "directory copies") == []


def test_a_queue_that_nobody_empties_is_named(world: World, installation: Installation) -> None:
    platform, code = world.settings.platform_component, world.operator().code
    with halted(world.stack, "delivery"):
        subject = message_subject("tps", "MADES-TEST", platform, code)
        publish(world, *[(subject, b"no envelope")] * 3)

        assert found(dataclasses.replace(installation, waiting_allowed=2), "event delivery") == [
            "3 messages wait in the queue tps_MADES-TEST"
        ]
        assert found(installation, "event delivery") == []
        assert found(installation, "processes") == ["delivery is halted"]
    eventually(lambda: found(dataclasses.replace(installation, waiting_allowed=2), "event delivery") == [])


def test_an_emergency_that_is_delivered_again_and_again_is_named(world: World, installation: Installation) -> None:
    platform, code = world.settings.platform_component, world.dso().code
    with halted(world.stack, "delivery"):
        publish(world, (message_subject("tps", "TPS-LIMIT-UNFORESEEN", platform, code), b"no envelope"))
        asyncio.run(_take_twice(world, "tps_TPS-LIMIT-UNFORESEEN"))

        assert found(installation, "event delivery") == [
            "1 emergencies in the queue tps_TPS-LIMIT-UNFORESEEN failed at their first delivery"
        ]
    eventually(lambda: found(installation, "event delivery") == [])


async def _take_twice(world: World, queue: str) -> None:
    """Take the message until its second delivery; the halted process may have taken the first."""
    url, user, password = world.stack.nats_admin
    client = await nats.connect(url, user=user, password=password)
    subscription = await client.jetstream().pull_subscribe_bind(queue, stream="MADES")
    deliveries = 0
    while deliveries < 2:
        (message,) = await subscription.fetch(1, timeout=30)
        deliveries = message.metadata.num_delivered
        await message.nak()
    await client.close()


def test_dead_letters_are_told(world: World, installation: Installation) -> None:
    before = found(installation, "dead letters")
    publish(world, (dead_subject("tps", "TPS-POINT", world.settings.platform_component, fresh_gln()), b"dead"))

    (problem,) = found(installation, "dead letters")

    assert problem != before
    assert problem.startswith("event delivery gave up ")
    assert problem.endswith(" messages")


def publish(world: World, *messages: tuple[str, bytes]) -> None:
    async def run() -> None:
        url, user, password = world.stack.nats_admin
        client = await nats.connect(url, user=user, password=password)
        for subject, data in messages:
            await client.jetstream().publish(subject, data, headers={"Nats-Msg-Id": new_id()})
        await client.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "is missing or is not a JWK set"),
        (lambda path: path.write_text("{"), "is missing or is not a JWK set"),
        (lambda path: path.write_text('{"keys": []}'), "contains no key"),
    ],
)
def test_a_token_issuer_without_keys_is_named_and_none_are_made(
    world: World, tmp_path: Path, spoil: Callable[[Path], Any], said: str
) -> None:
    shutil.copytree(world.stack.data / "keys", tmp_path / "keys")
    spoil(tmp_path / "keys" / "jwks.json")

    assert found(installation_in(tmp_path, PORT), "token issuer") == [f"{tmp_path}/keys/jwks.json {said}"]
    assert found(installation_in(tmp_path, PORT), "token issuer") == [f"{tmp_path}/keys/jwks.json {said}"]


def test_an_issuer_that_is_away_is_named(installation: Installation) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

    assert found(dataclasses.replace(installation, jwks_url=f"http://127.0.0.1:{port}/"), "token issuer") == [
        "the check failed (ConnectError)"
    ]
