"""The checks of `./tps doctor`: each check is a short function that yields the problems it finds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tps.local.doctor.installation import SECRETS, Installation, is_alive, is_halted
from tps.local.embedded.orphans import consumer_infos, owed_by
from tps.local.embedded.ports import is_free
from tps.local.embedded.record import read_json
from tps.mades.certificates import CertificateUse
from tps.mades.types import LIMIT_UNFORESEEN

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from tps.directory.entries import Registered
    from tps.stores.database import Transaction

NEEDED_DISK_BYTES = 1024**3
CLOCKS_APART = timedelta(seconds=30)
ENDS_SOON = timedelta(days=30)
COPY_IS_OLD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        look: Yields a sentence for each problem; nothing if there is no problem.
        remedy: How to correct the problem.
        needs: Names of checks that must succeed first.
    """

    name: str
    look: Callable[[Installation], Iterable[str]]
    remedy: str
    needs: tuple[str, ...] = ()


def look_at_folder(installation: Installation) -> Iterator[str]:
    """Check that the data folder contains an installation."""
    if not (installation.data / SECRETS).is_file():
        yield f"{installation.data} contains no installation"


def look_at_disk(installation: Installation, needed_bytes: int = NEEDED_DISK_BYTES) -> Iterator[str]:
    """Check for enough free disk space."""
    place = next(folder for folder in (installation.data, *installation.data.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free < needed_bytes:
        yield f"{free // 2**20} MB are free, but {needed_bytes // 2**20} MB are needed"


def look_at_stack(installation: Installation) -> Iterator[str]:
    """Check that the stack runs."""
    record = read_json(installation.data / "run.json")
    if not is_alive(record.get("pid")):
        yield "no stack runs on this data folder" if not record else "the stack was killed"
    elif installation.stack is None:
        yield "the stack is starting, or another command uses the data folder"


def look_at_processes(installation: Installation) -> Iterator[str]:
    """Check that all processes of the stack run and are not halted."""
    for name, process in sorted(installation.running.run_record().get("processes", {}).items()):
        if not is_alive(process.get("pid")):
            yield f"{name} does not run"
        elif is_halted(process["pid"]):
            yield f"{name} is halted"


def look_at_port(installation: Installation) -> Iterator[str]:
    """Check that the gateway's port is free if the stack does not run."""
    if installation.stack is None and not is_free(installation.port):
        yield f"another program uses port {installation.port}"


def look_at_gateway(installation: Installation) -> Iterator[str]:
    """Check that the functions answer."""
    answer = installation.get(f"{installation.running.gateway_url}/health/readiness")
    if answer.status_code != 200:
        yield f"the gateway answers HTTP {answer.status_code}: a store does not answer"


def look_at_broker(installation: Installation) -> Iterator[str]:
    """Check that the broker answers and has its streams."""

    async def ask(stream: JetStreamContext) -> set[str]:
        return {str(info.config.name) for info in await stream.streams_info()}

    missing = {"MADES", "DEAD", "LARGE", "ATTEMPTS"} - installation.ask_broker(ask)
    yield from (f"the stream {name} is missing" for name in sorted(missing))
    yield from (f"the server at {address} of the broker does not answer" for address in installation.silent_brokers())


def look_at_databases(installation: Installation) -> Iterator[str]:
    """Check that the database of each group answers."""
    for group in installation.running.groups:
        installation.read(group, lambda tx: tx.execute("SELECT 1"))
    return
    yield


def look_at_object_store(installation: Installation) -> Iterator[str]:
    """Check that the object store answers. A refusal for missing credentials counts as an answer."""
    answer = installation.get(installation.running.s3_url)
    if answer.status_code >= 500:
        yield f"the object store answers HTTP {answer.status_code}"


def look_at_clock(installation: Installation) -> Iterator[str]:
    """Compare our clock with the clocks of the database, the object store and the gateway."""
    clocks = {"the database's": _database_time, "the object store's": _store_time, "the gateway's": _gateway_time}
    for owner, ask in clocks.items():
        before, remote, after = installation.clock(), ask(installation), installation.clock()
        # HTTP dates have whole seconds.
        difference = max(remote - after, before - remote - timedelta(seconds=1), timedelta())
        if difference > CLOCKS_APART:
            yield f"this machine's clock and {owner} differ by {difference.total_seconds():.0f} s"


def _database_time(installation: Installation) -> datetime:
    def ask(tx: Transaction) -> datetime:
        row = tx.execute("SELECT clock_timestamp() AS now").fetchone()
        assert row is not None
        now: datetime = row["now"]
        return now

    return installation.read(installation.running.groups[0], ask)


def _store_time(installation: Installation) -> datetime:
    return _date_header(installation, installation.running.s3_url)


def _gateway_time(installation: Installation) -> datetime:
    return _date_header(installation, f"{installation.running.gateway_url}/health/liveness")


def _date_header(installation: Installation, url: str) -> datetime:
    date = installation.get(url).headers.get("Date")
    return parsedate_to_datetime(date) if date else installation.clock()


def look_at_migrations(installation: Installation) -> Iterator[str]:
    """Check that each database has all migrations."""
    from tps.stores.migrations import missing_migrations

    for group in installation.running.groups:
        kind = group.partition("-")[0]
        missing = installation.read(group, lambda tx, kind=kind: missing_migrations(tx, kind))  # type: ignore[misc]
        if missing:
            yield f"the database {group} lacks {', '.join(missing)}"


def look_at_certificates(installation: Installation) -> Iterator[str]:
    """Check that the certificates of each component are valid and do not end soon."""
    now = installation.clock()
    for registered in _registered(installation):
        code = registered.component.code
        for use in CertificateUse:
            certificate = registered.entry.find_certificate(use, now)
            if certificate is None:
                yield f"{code} has no valid certificate for {use}"
            elif certificate.valid_to < now + ENDS_SOON:
                yield f"the certificate of {code} for {use} ends on {certificate.valid_to:%Y-%m-%d}"


def look_at_paths(installation: Installation) -> Iterator[str]:
    """Check that each component has a path that is valid now."""
    now = installation.clock()
    for registered in _registered(installation):
        paths = registered.entry.paths
        if not any(path.is_valid_at(now) for path in paths):
            yield f"{registered.component.code} has {'no path that is valid now' if paths else 'no path'}"


def look_at_platform(installation: Installation) -> Iterator[str]:
    """Check that the directory has the platform's own component."""
    if installation.platform not in {registered.component.code for registered in _registered(installation)}:
        yield f"the platform's own component {installation.platform} is not in the directory"


def _registered(installation: Installation) -> list[Registered]:
    """Return every endpoint that is not revoked."""
    from tps.directory.entries import all_components

    components = installation.read("ecp", all_components)
    return [known for known in components if known.status == "active" and known.entry.kind == "endpoint"]


def look_at_directory_copies(installation: Installation) -> Iterator[str]:
    """Check that each group's copy of the directory is up to date."""
    oldest = installation.clock() - COPY_IS_OLD

    def ask(tx: Transaction) -> list[str]:
        query = "SELECT code FROM directory_entry WHERE synchronised_at < %s ORDER BY code"
        return [row["code"] for row in tx.execute(query, (oldest,)).fetchall()]

    for group in (name for name in installation.running.groups if name != "ecp"):
        for code in installation.read(group, ask):
            yield f"the entry of {code} in the copy of group {group} is more than one hour old"


def look_at_delivery(installation: Installation) -> Iterator[str]:
    """Check that event delivery takes messages from their queues."""

    for info in sorted(installation.ask_broker(consumer_infos), key=lambda info: info.name):
        if (waiting := owed_by(info)) > installation.waiting_allowed:
            yield f"{waiting} messages wait in the queue {info.name}"
        if info.name.endswith(f"_{LIMIT_UNFORESEEN}") and info.num_redelivered:
            yield f"{info.num_redelivered} emergencies in the queue {info.name} failed at their first delivery"


def look_at_dead_letters(installation: Installation) -> Iterator[str]:
    """Check for dead letters."""

    async def ask(stream: JetStreamContext) -> int:
        return int((await stream.stream_info("DEAD")).state.messages)

    if dead := installation.ask_broker(ask):
        yield f"event delivery gave up {dead} messages"


def look_at_issuer(installation: Installation) -> Iterator[str]:
    """Check for public keys that verify tokens."""
    if installation.jwks_url:
        keys = installation.get(installation.jwks_url).json()["keys"]
        source = "the key set of TPS_JWKS_URL"
    else:
        source = str(installation.jwks_file)
        keys = _keys_in(installation.jwks_file)
    if keys is None:
        yield f"{source} is missing or is not a JWK set"
    elif not keys:
        yield f"{source} contains no key"


def _keys_in(path: Path) -> list[object] | None:
    try:
        keys = json.loads(path.read_text())["keys"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return keys if isinstance(keys, list) else None


_UP = "run ./tps up --data FOLDER; if it fails, its output and FOLDER/logs show the cause"
_LOGS = "see FOLDER/logs; for an external server, check that this machine reaches its configured address"
_RUNS, _BROKER, _DATABASES, _STORE = "stack", "broker", "databases", "object store"
TESTING_NEEDS = frozenset({_RUNS, "gateway", _BROKER, _DATABASES, _STORE, "migrations", "token issuer"})
CHECKS = (
    Check(
        "data folder",
        look_at_folder,
        "pass the folder of ./tps up as --data, or start a new one: ./tps up --data FOLDER",
    ),
    Check("disk", look_at_disk, "free disk space, or stop the stack and move the data folder to another disk"),
    Check(_RUNS, look_at_stack, _UP, ("data folder",)),
    Check(
        "processes",
        look_at_processes,
        f"continue a halted process with kill -CONT; ./tps up restarts an ended process itself; {_LOGS}",
        (_RUNS,),
    ),
    Check("port", look_at_port, "stop that program, or choose another port: ./tps up --port PORT"),
    Check(
        "token issuer",
        look_at_issuer,
        "restore keys/jwks.json from your backup, or set TPS_JWKS_URL; without keys, every token is refused",
        ("data folder",),
    ),
    Check("gateway", look_at_gateway, f"see the checks of the stores below; {_LOGS}", (_RUNS,)),
    Check(_BROKER, look_at_broker, f"start the broker (NATS), or correct its address; {_LOGS}", (_RUNS,)),
    Check(_DATABASES, look_at_databases, f"start PostgreSQL, or correct its address; {_LOGS}", (_RUNS,)),
    Check(_STORE, look_at_object_store, f"start the object store (S3), or correct its address; {_LOGS}", (_RUNS,)),
    Check(
        "clock",
        look_at_clock,
        "synchronise the clock by NTP; a wrong clock makes the system refuse messages, tokens and certificates",
        (_DATABASES, _STORE, "gateway"),
    ),
    Check("migrations", look_at_migrations, "restart the stack: ./tps up applies all migrations", (_DATABASES,)),
    Check(
        "platform",
        look_at_platform,
        "restart the stack: ./tps up creates the platform's component; if TPS_PARTY was changed, set it back",
        (_DATABASES, "migrations"),
    ),
    Check(
        "certificates",
        look_at_certificates,
        "run ./tps party renew CODE; without valid certificates, the component's messages fail",
        (_DATABASES, "migrations"),
    ),
    Check(
        "paths",
        look_at_paths,
        "run ./tps party path add CODE '*'; without a path, messages to the component fail (no_path)",
        (_DATABASES, "migrations"),
    ),
    Check(
        "directory copies",
        look_at_directory_copies,
        "check that event delivery runs, because its ticks update the copies, and that TPS_DIRECTORY_URL is reachable",
        (_DATABASES, "migrations"),
    ),
    Check(
        "event delivery",
        look_at_delivery,
        "see FOLDER/logs/delivery.log: event delivery does not run, or a function fails or cannot be reached",
        (_BROKER,),
    ),
    Check(
        "dead letters",
        look_at_dead_letters,
        "run ./tps dead-letters list for the reasons, then ./tps dead-letters redrive",
        (_BROKER,),
    ),
)
