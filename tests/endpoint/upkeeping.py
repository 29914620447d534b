"""Groups whose copies and keys follow a directory of the test. Afterwards the original state is restored."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from tests.endpoint.directory import StandIn, serving
from tests.endpoint.net import Net
from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL
from tps.endpoint import components
from tps.endpoint.directory_client import DirectoryClient
from tps.endpoint.endpoint import Endpoint, Keyring
from tps.endpoint.upkeep import Upkeep
from tps.host.services import utc_now
from tps.mades.certificates import Authority, load_private_key
from tps.mades.directory import ComponentEntry

TABLES = ("directory_entry", "component_key", "directory_pull", "key_renewal")


@dataclasses.dataclass
class Kept:
    """The installation, its directory, and endpoints that use the directory.

    Attributes:
        now: Time of all clocks.
    """

    net: Net
    directory: StandIn
    now: datetime = dataclasses.field(default_factory=utc_now)

    def endpoint(self, group: str, **upkeep: Any) -> Endpoint:
        """Return the endpoint of a group as a process that has just started."""
        kept = {
            "directory": DirectoryClient(self.directory.url),
            "authority_file": self.net.stack.keys_dir / "authority.pem",
            **upkeep,
        }
        endpoint = self.net.services.endpoint(group)
        return dataclasses.replace(endpoint, clock=lambda: self.now, keyring=Keyring(), upkeep=Upkeep(**kept))

    def entry(self, code: str) -> ComponentEntry:
        """Return a component's entry in the directory."""
        return next(each for view in self.directory.views.values() for each in view if each.code == code)

    def change(self, code: str, **changes: Any) -> ComponentEntry:
        """Change a component's entry in the directory."""
        changed = dataclasses.replace(self.entry(code), **changes)
        for view in self.directory.views.values():
            view[:] = [changed if each.code == code else each for each in view]
        self.directory.content_id += 1
        return changed


def copied(endpoint: Endpoint, code: str) -> components.CopiedEntry | None:
    """Return an entry in the group's copy."""
    with endpoint.database.transaction() as tx:
        return components.entry_of(tx, code)


def rows(endpoint: Endpoint, query: str, *values: Any) -> list[dict[str, Any]]:
    """Return the result of a query on the group's database."""
    with endpoint.database.transaction() as tx:
        return tx.execute(query, values).fetchall()


def authority(net: Net) -> Authority:
    keys = net.stack.keys_dir
    return Authority((keys / "authority.pem").read_text(), load_private_key((keys / "authority.key").read_bytes()))


@contextmanager
def keeping(net: Net) -> Iterator[Kept]:
    """Return the installation with a directory that lists all entries of the copies."""
    entries = {code: _entry(net, code) for code in (PLATFORM, OPERATOR, RIVAL, GRID)}
    everything = list(entries.values())
    views = {code: [entries[code], entries[PLATFORM]] for code in (OPERATOR, RIVAL, GRID)} | {PLATFORM: everything}
    with serving(StandIn(authority(net), views)) as directory, _as_before(net):
        kept = Kept(net, directory)
        directory.clock = lambda: kept.now
        yield kept


def _entry(net: Net, code: str) -> ComponentEntry:
    found = copied(net.endpoint_of(code), code)
    assert found is not None
    return found.entry


@contextmanager
def _as_before(net: Net) -> Iterator[None]:
    endpoints = [net.services.endpoint(group) for group in ("agr", "dso", "tps")]
    before = [{table: rows(endpoint, f"SELECT * FROM {table}") for table in TABLES} for endpoint in endpoints]
    try:
        yield
    finally:
        for endpoint, tables in zip(endpoints, before, strict=True):
            _restore(endpoint, tables)


def _restore(endpoint: Endpoint, tables: dict[str, list[dict[str, Any]]]) -> None:
    with endpoint.database.transaction() as tx:
        for table, kept in tables.items():
            tx.execute(f"DELETE FROM {table}")
            for row in kept:
                marks = ", ".join(["%s"] * len(row))
                tx.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", _values(row))
    endpoint.keyring.entries.clear()


def _values(row: dict[str, Any]) -> Sequence[Any]:
    return [Jsonb(value) if name == "entry" else value for name, value in row.items()]
