"""The embedded NATS server: the MADES broker on one machine."""

import json
import os
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

from tps.local.embedded.binaries import find_program
from tps.local.embedded.nats_permissions import PLATFORM, Access, render_nats_conf
from tps.local.embedded.ports import HOST, free_ports
from tps.local.embedded.process import Process
from tps.local.embedded.record import exclusive, read_json, write_private
from tps.local.embedded.vault import Vault
from tps.mades.codes import component_code
from tps.mades.subjects import group_name


class NatsServer:
    """The broker of one data folder. Its permissions derive from `components.json` (group -> component codes)."""

    name = "nats"

    def __init__(self, data: Path, vault: Vault, groups: Iterable[str], port: int | None = None):
        self._folder = data / "nats"
        self._components = data / "components.json"
        self._consumers = data / "consumers.json"
        self._log = data / "logs" / "nats.log"
        self._vault = vault
        self._groups = tuple(groups)
        self.port = port or 0

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    def prepare(self) -> Process:
        """Choose a port, write the configuration, and return the process to start."""
        self.port = self.port or free_ports(1)[0]
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.write_configuration()
        return Process(
            name=self.name,
            command=(find_program("nats-server"), "-c", str(self._configuration)),
            folder=self._folder,
            log=self._log,
            stop_timeout_s=10,
        )

    def is_ready(self) -> bool:
        """Return True if the server sends its greeting, which it does after recovering its streams."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                return connection.recv(5).startswith(b"INFO")
        except OSError:
            return False

    def close(self) -> None:
        """Do nothing: no resource is held open."""

    def set_consumers(self, consumers: Iterable[tuple[str, str]]) -> None:
        """Store the (group, type) pairs for the permissions. Takes effect at the next start or reload."""
        write_private(self._consumers, json.dumps({"consumers": sorted(consumers)}))

    def allow_component(self, group: str, code: str) -> bool:
        """Let a group send under this component code from the next reload on; return False if it already may."""
        with exclusive(self._components.with_suffix(".lock")):
            known = read_json(self._components)
            codes = set(known.get(group_name(group), []))
            if component_code(code) in codes:
                return False
            known[group] = sorted(codes | {code})
            write_private(self._components, json.dumps(known, indent=1))
        return True

    def forbid_component(self, group: str, code: str) -> bool:
        """Withdraw this permission from the next reload on; return False if the group does not have it."""
        with exclusive(self._components.with_suffix(".lock")):
            known = read_json(self._components)
            codes = set(known.get(group_name(group), []))
            if code not in codes:
                return False
            known[group] = sorted(codes - {code})
            left = {name: components for name, components in known.items() if components}
            write_private(self._components, json.dumps(left, indent=1))
        return True

    def write_configuration(self) -> None:
        write_private(self._configuration, render_nats_conf(self.access(), self.port, self._folder / "jetstream"))

    def access(self) -> Access:
        """Return the rights that follow from the data folder. A party's own group has those of the shared group."""
        consumers = [(group, message_type) for group, message_type in read_json(self._consumers).get("consumers", [])]
        components = {group: frozenset(codes) for group, codes in read_json(self._components).items()}
        own = [group for group in components if group not in self._groups]
        kinds = [(name, message_type) for name in own for group, message_type in consumers if group == name[:3]]
        return Access(
            passwords={user: self._vault.password(f"nats.{user}") for user in (*self._groups, *own, PLATFORM)},
            components=components,
            consumers=frozenset([*consumers, *kinds]),
        )

    @property
    def _configuration(self) -> Path:
        return self._folder / "nats.conf"


def reload(pid: int) -> None:
    """Make a running server read its configuration again. Open connections keep their rights."""
    os.kill(pid, signal.SIGHUP)
