"""The stack of one data folder: its servers, their provisioning, and the addresses that other processes need."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tps.local.embedded.environment import process_environment
from tps.local.embedded.external import External, split_credentials, with_role
from tps.local.embedded.failure import StackError
from tps.local.embedded.nats import NatsServer, reload
from tps.local.embedded.nats_permissions import PLATFORM
from tps.local.embedded.postgres import ADMIN, PostgresServer
from tps.local.embedded.process import Process
from tps.local.embedded.provision import provision_nats, provision_postgres
from tps.local.embedded.record import end_leftovers, lock, read_json, write_private
from tps.local.embedded.s3 import S3Admin, bucket_of
from tps.local.embedded.seaweed import GUI, SeaweedServer
from tps.local.embedded.supervisor import Supervisor
from tps.local.embedded.vault import Vault

GROUPS = ("agr", "dso", "tps", "ecp")
SERVERS = frozenset({"nats", "postgres", "s3"})
_READY_TIMEOUT_S = 90.0
_LOCK_TIMEOUT_S = 90.0
_POLL_S = 0.05
_NEEDED_BYTES = 500 * 1024 * 1024


def say_on_stderr(text: str) -> None:
    """Print progress and problems for people."""
    print(text, file=sys.stderr, flush=True)


class LocalStack:
    """The stack of a data folder, started by this process or attached to.

    Args:
        data: The folder. If missing, it is created with access for its owner only.
        consumers: Every (group, message type) of stack.yml; None takes those of the last start.
        say: Receives messages for people.
    """

    def __init__(
        self,
        data: Path,
        *,
        consumers: Iterable[tuple[str, str]] | None = None,
        groups: Iterable[str] = GROUPS,
        say: Callable[[str], None] = say_on_stderr,
    ):
        self.data = _private_folder(data)
        self.keys_dir = self.data / "keys"
        self.groups = tuple(groups)
        self.say = say
        self.vault = Vault(self.keys_dir)
        self.external = External.from_env()
        self.gateway_url = ""
        self._consumers = None if consumers is None else sorted(set(consumers))
        self._lock: IO[str] | None = None
        self._supervisor: Supervisor | None = None
        self._mode = "servers"
        self._is_ready = False
        self._make_servers({})

    # --- start and stop

    def start_servers(self, which: Iterable[str] = SERVERS, *, wait_for: Iterable[str] | None = None) -> None:
        """Start these servers together, and wait until those in `wait_for` (default: all) answer.

        Raises:
            StackError: The folder is in use, or a server does not start.
        """
        self.open()
        if self._consumers is not None:
            self.nats.set_consumers(self._consumers)
        wanted = [name for name in ("s3", "nats", "postgres") if name in set(which) - self.external.names]
        for name in wanted:
            self.start(self._servers[name].prepare())
        self.wait_ready(wanted if wait_for is None else [name for name in wanted if name in set(wait_for)])

    def open(self) -> None:
        """Lock the data folder for this process, and end leftovers of a killed stack."""
        if self._lock is not None:
            return
        _check_disk(self.data)
        self._lock = lock(self.data)
        if self._lock is None:
            holder = self.run_record().get("pid", "unknown")
            raise StackError(f"another running stack uses the data folder {self.data} (pid {holder})")
        for name in end_leftovers(self.run_record()):
            self.say(f"ended {name}, a leftover of a killed stack")
        self._supervisor = Supervisor(self.say, self._write_record)

    def start(self, process: Process) -> None:
        """Start and supervise another process."""
        self._supervising().start(process)

    def stop_processes(self, names: Iterable[str]) -> None:
        """Stop these processes together."""
        self._supervising().stop(names)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Stop a process for the block, so that a test can see what waits for it."""
        process = self._supervising().process(name)
        self.stop_processes([name])
        try:
            yield
        finally:
            self.start(process)

    def wait_ready(self, names: Iterable[str], timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Wait until these servers answer.

        Raises:
            StackError: A server dies repeatedly, or does not answer in time.
        """
        for name in names:
            self.wait_until(self._servers[name].is_ready, name, timeout_s)

    def wait_until(self, is_ready: Callable[[], bool], name: str, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Wait until a supervised process is ready."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            self._supervising().check(name)
            if time.monotonic() > deadline:
                raise StackError(f"{name} did not answer within {timeout_s:.0f} s; see {self.data / 'logs'}/{name}.log")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop the servers and unlock the folder; safe to repeat."""
        if self._supervisor is not None:
            self._supervisor.stop(SERVERS)
            self._supervisor.close()
            self._supervisor = None
        for server in self._servers.values():
            server.close()
        if self._lock is not None:
            (self.data / "run.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    # --- provisioning

    def provision(self) -> None:
        """Create streams, consumers, roles, databases and tables. Needs NATS and Postgres, but not S3."""
        with ThreadPoolExecutor(2) as pool:
            broker = pool.submit(self.provision_broker)
            self.provision_databases()
            self.migrate()
            broker.result()

    def provision_broker(self) -> None:
        url, user, password = self.nats_admin
        replicas = self.external.nats_replicas
        provision_nats(url, user, password, self.nats.access().consumers, replicas=replicas)

    def provision_databases(self) -> None:
        passwords = {group: self.vault.password(f"postgres.{group}") for group in self.groups}
        provision_postgres(self.postgres_admin_url, passwords)

    def migrate(self) -> None:
        """Apply the missing migrations of every group."""
        from tps.stores.migrations import migrate

        for group in self.groups:
            migrate(self.database_url(group), group.partition("-")[0])

    def provision_buckets(self) -> None:
        self.s3_admin.ensure_buckets([*map(bucket_of, self.groups), GUI])

    def allow_component(self, group: str, code: str) -> None:
        """Let a group's broker user send under this component code, at once if the broker runs here."""
        if not self.nats.allow_component(group, code):
            return
        if "nats" in self.external.names:
            self.say(f"the broker is external: allow its user {group} to publish with the sender code {code}")
            return
        self._reload_broker(group)

    def forbid_component(self, group: str, code: str) -> None:
        """Withdraw this permission. A party's own group ends with its last component."""
        if not self.nats.forbid_component(group, code):
            return
        if "nats" in self.external.names:
            self.say(f"the broker is external: forbid its user {group} to publish with the sender code {code}")
            return
        self._reload_broker(group)

    def _reload_broker(self, group: str) -> None:
        """Reload the broker if it runs here. The consumers of a party's own group change with the group."""
        pid = self.pid("nats")
        if pid is not None:
            if group not in self.groups:
                self.provision_broker()
            self.nats.write_configuration()
            reload(pid)

    # --- addresses and environment

    @property
    def nats_url(self) -> str:
        return split_credentials(self.external.nats_url)[0] if self.external.nats_url else self.nats.url

    @property
    def nats_admin(self) -> tuple[str, str, str]:
        """Return address, user and password of the broker's administrator."""
        if self.external.nats_url:
            return split_credentials(self.external.nats_url)
        return self.nats.url, PLATFORM, self.vault.password(f"nats.{PLATFORM}")

    @property
    def s3_url(self) -> str:
        return self.external.s3_url or self.s3.url

    @property
    def s3_admin(self) -> S3Admin:
        if self.external.s3_url:
            return S3Admin(self.external.s3_url, self.external.s3_access_key, self.external.s3_secret_key)
        return self.s3.admin

    @property
    def postgres_admin_url(self) -> str:
        return self.external.postgres_admin_url or self.postgres.url(ADMIN, "postgres")

    def database_url(self, group: str) -> str:
        """Return the URL of a group's database for its role. Contains the password."""
        return with_role(self.postgres_admin_url, group, self.vault.password(f"postgres.{group}"))

    def environment(self) -> dict[str, str]:
        """Return the environment of workers and event delivery. Contains secrets."""
        return process_environment(
            self, self.vault, keys=self.keys_dir, groups=self.groups, gateway_url=self.gateway_url
        )

    # --- the record

    def run_record(self) -> dict[str, Any]:
        """Return the record of the running stack; empty if none runs."""
        return read_json(self.data / "run.json")

    def pid(self, name: str) -> int | None:
        """Return the process id of a child of this stack, or of the stack attached to."""
        if self._supervisor is not None:
            return self._supervisor.pid(name)
        process = self.run_record().get("processes", {}).get(name)
        return None if process is None else int(process["pid"])

    @property
    def is_started_here(self) -> bool:
        """Return True if this process supervises the stack, False if it is attached to another process's stack."""
        return self._supervisor is not None

    def announce(self, mode: str, is_ready: bool) -> None:
        """Record the mode of this stack in `run.json` (`up` keeps running) and whether others may attach."""
        self._mode, self._is_ready = mode, is_ready
        self._write_record(self._supervising().running())

    def attach(self) -> bool:
        """Take the addresses of the stack that runs on this folder; return False if none runs or it is not ready."""
        record = self.run_record()
        if record.get("mode") != "up" or not record.get("is_ready"):
            return False
        self.gateway_url = record["gateway_url"]
        self._make_servers(record["ports"])
        return True

    def _write_record(self, running: dict[str, tuple[int, tuple[str, ...]]]) -> None:
        record = {
            "pid": os.getpid(),
            "mode": self._mode,
            "is_ready": self._is_ready,
            "gateway_url": self.gateway_url,
            "ports": {name: server.port for name, server in self._servers.items()},
            "processes": {name: {"pid": pid, "command": command} for name, (pid, command) in running.items()},
        }
        with suppress(FileNotFoundError):
            write_private(self.data / "run.json", json.dumps(record, indent=1))

    def _make_servers(self, ports: dict[str, int]) -> None:
        self.nats = NatsServer(self.data, self.vault, self.groups, ports.get("nats"))
        self.postgres = PostgresServer(self.data, self.vault, self.groups, ports.get("postgres"))
        self.s3 = SeaweedServer(self.data, self.vault, self.groups, ports.get("s3"))
        self._servers: dict[str, NatsServer | PostgresServer | SeaweedServer] = {
            "nats": self.nats,
            "postgres": self.postgres,
            "s3": self.s3,
        }

    def _supervising(self) -> Supervisor:
        if self._supervisor is None:
            raise StackError("this process has not started the stack")
        return self._supervisor


@contextmanager
def attach_or_start(
    data: Path, *, consumers: Iterable[tuple[str, str]] | None = None, say: Callable[[str], None] = say_on_stderr
) -> Iterator[LocalStack]:
    """Yield the stack that runs on this folder, or start and provision NATS and Postgres for the block.

    Raises:
        StackError: Another command locks the folder too long, or a server does not start.
    """
    stack = LocalStack(data, consumers=consumers, say=say)
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while not _taken_or_attached(stack):
        if time.monotonic() > deadline:
            raise StackError(f"the stack on {stack.data} did not become ready within {_LOCK_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)
    if not stack.is_started_here:
        yield stack
        return
    try:
        stack.start_servers({"nats", "postgres"})
        stack.provision()
        yield stack
    finally:
        stack.stop()


@contextmanager
def running_stack(
    data: Path,
    which: Iterable[str] = SERVERS,
    *,
    consumers: Iterable[tuple[str, str]] = (),
    say: Callable[[str], None] = say_on_stderr,
) -> Iterator[LocalStack]:
    """Yield servers on a folder, provisioned without tables; for tests."""
    stack = LocalStack(data, consumers=consumers, say=say)
    wanted = set(which)
    try:
        stack.start_servers(wanted)
        if "nats" in wanted:
            stack.provision_broker()
        if "postgres" in wanted:
            stack.provision_databases()
        if "s3" in wanted:
            stack.provision_buckets()
        yield stack
    finally:
        stack.stop()


def _taken_or_attached(stack: LocalStack) -> bool:
    try:
        stack.open()
    except StackError:
        return stack.attach()
    return True


def _private_folder(data: Path) -> Path:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StackError(f"cannot create the data folder {data}: {error.strerror}") from error
    if not os.access(data, os.W_OK | os.X_OK):
        raise StackError(f"you have no permission to write to the data folder {data}")
    return data.resolve()


def _check_disk(data: Path) -> None:
    free = shutil.disk_usage(data).free
    if free < _NEEDED_BYTES:
        needed = f"{_NEEDED_BYTES // 2**20} MB"
        raise StackError(f"not enough disk space for {data}: {free // 2**20} MB are free, but {needed} are needed")
