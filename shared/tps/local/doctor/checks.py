"""The usual things: each a short look that gives what it found wrong, and what to do about it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tps.local.doctor.patient import SECRETS, Patient, is_alive, is_halted
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
    """One usual thing.

    Attributes:
        look: Gives a sentence for each thing that is wrong; nothing if all is well.
        remedy: What to do about it.
        needs: Names of checks without which there is nothing to look at.
    """

    name: str
    look: Callable[[Patient], Iterable[str]]
    remedy: str
    needs: tuple[str, ...] = ()


def look_at_folder(patient: Patient) -> Iterator[str]:
    """Was anything ever started here?"""
    if not (patient.data / SECRETS).is_file():
        yield f"{patient.data} holds no installation"


def look_at_disk(patient: Patient, needed_bytes: int = NEEDED_DISK_BYTES) -> Iterator[str]:
    """Is there room to write?"""
    place = next(each for each in (patient.data, *patient.data.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    if free < needed_bytes:
        yield f"{free // 2**20} MB are free, {needed_bytes // 2**20} MB are needed"


def look_at_stack(patient: Patient) -> Iterator[str]:
    """Does it run?"""
    record = read_json(patient.data / "run.json")
    if not is_alive(record.get("pid")):
        yield "nothing runs on this data folder" if not record else "it was killed, and left its record behind"
    elif patient.stack is None:
        yield "it is starting and not ready yet, or another command has the folder"


def look_at_processes(patient: Patient) -> Iterator[str]:
    """Are all of its processes there, and not halted?"""
    for name, each in sorted(patient.running.run_record().get("processes", {}).items()):
        if not is_alive(each.get("pid")):
            yield f"{name} is not there"
        elif is_halted(each["pid"]):
            yield f"{name} was halted"


def look_at_port(patient: Patient) -> Iterator[str]:
    """Could it start?"""
    if patient.stack is None and not is_free(patient.port):
        yield f"port {patient.port} is taken by another program"


def look_at_gateway(patient: Patient) -> Iterator[str]:
    """Do the functions answer?"""
    answer = patient.get(f"{patient.running.gateway_url}/health/readiness")
    if answer.status_code != 200:
        yield f"the gateway answers HTTP {answer.status_code}: a store is away"


def look_at_broker(patient: Patient) -> Iterator[str]:
    """Is the broker reached, with its streams?"""

    async def ask(stream: JetStreamContext) -> set[str]:
        return {str(each.config.name) for each in await stream.streams_info()}

    missing = {"MADES", "DEAD", "LARGE", "ATTEMPTS"} - patient.ask_broker(ask)
    yield from (f"the stream {name} is not there" for name in sorted(missing))


def look_at_databases(patient: Patient) -> Iterator[str]:
    """Does each group's database answer?"""
    for group in patient.running.groups:
        patient.read(group, lambda tx: tx.execute("SELECT 1"))
    return
    yield


def look_at_object_store(patient: Patient) -> Iterator[str]:
    """Does the object store answer? It refuses whoever has no credentials, which is an answer."""
    answer = patient.get(patient.running.s3_url)
    if answer.status_code >= 500:
        yield f"it answers HTTP {answer.status_code}"


def look_at_clock(patient: Patient) -> Iterator[str]:
    """Is our clock that of the database, of the object store and of the gateway?"""
    theirs = {"the database's": _database_time, "the object store's": _store_time, "the gateway's": _gateway_time}
    for whose, ask in theirs.items():
        before, told, after = patient.clock(), ask(patient), patient.clock()
        # HTTP tells whole seconds.
        apart = max(told - after, before - told - timedelta(seconds=1), timedelta())
        if apart > CLOCKS_APART:
            yield f"this machine's clock and {whose} are {apart.total_seconds():.0f} s apart"


def _database_time(patient: Patient) -> datetime:
    def ask(tx: Transaction) -> datetime:
        row = tx.execute("SELECT clock_timestamp() AS now").fetchone()
        assert row is not None
        now: datetime = row["now"]
        return now

    return patient.read(patient.running.groups[0], ask)


def _store_time(patient: Patient) -> datetime:
    return _told_time(patient, patient.running.s3_url)


def _gateway_time(patient: Patient) -> datetime:
    return _told_time(patient, f"{patient.running.gateway_url}/health/liveness")


def _told_time(patient: Patient, url: str) -> datetime:
    told = patient.get(url).headers.get("Date")
    return parsedate_to_datetime(told) if told else patient.clock()


def look_at_migrations(patient: Patient) -> Iterator[str]:
    """Has each database the newest form?"""
    from tps.stores.migrations import missing_migrations

    for group in patient.running.groups:
        kind = group.partition("-")[0]
        missing = patient.read(group, lambda tx, kind=kind: missing_migrations(tx, kind))  # type: ignore[misc]
        if missing:
            yield f"the database {group} lacks {', '.join(missing)}"


def look_at_certificates(patient: Patient) -> Iterator[str]:
    """Has each component certificates that are valid, and will be for a while?"""
    now = patient.clock()
    for each in _registered(patient):
        for use in CertificateUse:
            found = each.entry.find_certificate(use, now)
            if found is None:
                yield f"{each.component.code} has no valid certificate for {use}"
            elif found.valid_to < now + ENDS_SOON:
                yield f"{each.component.code}'s certificate for {use} ends {found.valid_to:%Y-%m-%d}"


def look_at_paths(patient: Patient) -> Iterator[str]:
    """Can each component be sent to?"""
    now = patient.clock()
    for each in _registered(patient):
        paths = each.entry.paths
        if not any(path.is_valid_at(now) for path in paths):
            yield f"{each.component.code} has {'no path that is valid now' if paths else 'no path'}"


def look_at_platform(patient: Patient) -> Iterator[str]:
    """Is the platform's own component there?"""
    if patient.platform not in {each.component.code for each in _registered(patient)}:
        yield f"the platform's own component {patient.platform} is in no directory"


def _registered(patient: Patient) -> list[Registered]:
    """Every endpoint that was not revoked."""
    from tps.directory.entries import all_components

    found = patient.read("ecp", all_components)
    return [each for each in found if each.status == "active" and each.entry.kind == "endpoint"]


def look_at_directory_copies(patient: Patient) -> Iterator[str]:
    """Is what each group knows of the others up to date?"""
    oldest = patient.clock() - COPY_IS_OLD

    def ask(tx: Transaction) -> list[str]:
        query = "SELECT code FROM directory_entry WHERE synchronised_at < %s ORDER BY code"
        return [row["code"] for row in tx.execute(query, (oldest,)).fetchall()]

    for group in (each for each in patient.running.groups if each != "ecp"):
        for code in patient.read(group, ask):
            yield f"the copy of group {group} knows {code} as it was more than an hour ago"


def look_at_delivery(patient: Patient) -> Iterator[str]:
    """Are messages taken out of their queues?"""

    for info in sorted(patient.ask_broker(consumer_infos), key=lambda info: info.name):
        if (waiting := owed_by(info)) > patient.waiting_allowed:
            yield f"{waiting} messages wait in the queue {info.name}"
        if info.name.endswith(f"_{LIMIT_UNFORESEEN}") and info.num_redelivered:
            yield f"{info.num_redelivered} emergencies in the queue {info.name} are not delivered at the first attempt"


def look_at_dead_letters(patient: Patient) -> Iterator[str]:
    """Was anything given up?"""

    async def ask(stream: JetStreamContext) -> int:
        return int((await stream.stream_info("DEAD")).state.messages)

    if dead := patient.ask_broker(ask):
        yield f"{dead} messages could not be delivered and were given up"


def look_at_issuer(patient: Patient) -> Iterator[str]:
    """Are there keys to check tokens with?"""
    if patient.jwks_url:
        keys = patient.get(patient.jwks_url).json()["keys"]
        source = "the token issuer's address (TPS_JWKS_URL)"
    else:
        source = str(patient.jwks_file)
        keys = _keys_in(patient.jwks_file)
    if keys is None:
        yield f"{source} is missing, or is no JWK set"
    elif not keys:
        yield f"{source} holds no key"


def _keys_in(path: Path) -> list[object] | None:
    try:
        keys = json.loads(path.read_text())["keys"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return keys if isinstance(keys, list) else None


_UP = "start it: ./tps up --data FOLDER; what it says, and FOLDER/logs, tell why it does not start"
_LOGS = "see FOLDER/logs; an external server must be reachable from here by the address that was set"
_RUNS, _BROKER, _DATABASES, _STORE = "stack", "broker", "databases", "object store"
TESTING_NEEDS = frozenset({_RUNS, "gateway", _BROKER, _DATABASES, _STORE, "migrations", "token issuer"})
CHECKS = (
    Check("data folder", look_at_folder, "name the folder of ./tps up by --data, or start one: ./tps up --data FOLDER"),
    Check("disk", look_at_disk, "free some space, or move the data folder to another disk while nothing runs"),
    Check(_RUNS, look_at_stack, _UP, ("data folder",)),
    Check(
        "processes",
        look_at_processes,
        f"a process that ended is started again by itself, one that was halted goes on by kill -CONT; {_LOGS}",
        (_RUNS,),
    ),
    Check("port", look_at_port, "end that program, or choose another port: ./tps up --port PORT"),
    Check(
        "token issuer",
        look_at_issuer,
        "put keys/jwks.json back from your backup, or set TPS_JWKS_URL to your issuer's keys; without, no token holds",
        ("data folder",),
    ),
    Check("gateway", look_at_gateway, f"see which store is away below; {_LOGS}", (_RUNS,)),
    Check(_BROKER, look_at_broker, f"the broker (NATS) is not reached; {_LOGS}/nats.log", (_RUNS,)),
    Check(_DATABASES, look_at_databases, f"PostgreSQL is not reached; {_LOGS}/postgres.log", (_RUNS,)),
    Check(_STORE, look_at_object_store, f"S3 is not reached; {_LOGS}/s3.log", (_RUNS,)),
    Check(
        "clock",
        look_at_clock,
        "set the clock by a time service (NTP); else messages are refused, tokens and certificates misjudged",
        (_DATABASES, _STORE, "gateway"),
    ),
    Check(
        "migrations", look_at_migrations, "start it anew: ./tps up brings databases to their newest form", (_DATABASES,)
    ),
    Check(
        "platform",
        look_at_platform,
        "start it anew: ./tps up makes the platform's component; if TPS_PARTY was changed, set it back",
        (_DATABASES, "migrations"),
    ),
    Check(
        "certificates",
        look_at_certificates,
        "renew it: ./tps party renew CODE; without valid certificates its messages fail",
        (_DATABASES, "migrations"),
    ),
    Check(
        "paths",
        look_at_paths,
        "give it a path: ./tps party path add CODE '*'; without one nobody can send to it (no_path)",
        (_DATABASES, "migrations"),
    ),
    Check(
        "directory copies",
        look_at_directory_copies,
        "see that event delivery runs, whose ticks keep copies up, and the directory is reached (TPS_DIRECTORY_URL)",
        (_DATABASES, "migrations"),
    ),
    Check(
        "event delivery",
        look_at_delivery,
        "see FOLDER/logs/delivery.log: event delivery does not run, or a function refuses or is not reached",
        (_BROKER,),
    ),
    Check(
        "dead letters", look_at_dead_letters, "./tps dead-letters list tells why; redrive puts them back", (_BROKER,)
    ),
)
