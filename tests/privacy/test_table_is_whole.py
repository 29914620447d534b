"""The access table is complete: every interface of the running system has a row, and every row an interface.

The tests compare with the tables of the functions, stack.yml, the web applications, the broker and its permissions,
recorded traffic, the databases and the object store. A failure needs a new row in table.py, and a decision about
access.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import nats
import psycopg
import pytest
from nats.js import JetStreamContext

from tests.architecture.keys import keys_of
from tests.privacy import table
from tests.privacy.scene import served_routes
from tests.privacy.subjects import GROUPS, OWN_CODE, OWN_GROUP, Caller, instances, is_matched
from tests.privacy.table import EVENTS, PAGES, PROBES, ROUTES, SERVICES, SHUT
from tests.privacy.table_stores import BUCKETS, DATABASES, STREAMS, SUBJECTS
from tests.privacy.wiretap import Wiretap
from tests.support.world import World, eventually, fresh_gsrn, make_asset, make_foreseen
from tps.host.app import create_app, load_function
from tps.host.services import Services, build_services
from tps.host.stack import load_stack
from tps.local import gateway
from tps.local.embedded.nats_permissions import group_permissions
from tps.local.gui import pages
from tps.mades.subjects import consumer_name


@pytest.fixture(scope="module")
def services(world: World) -> Iterator[Services]:
    services = build_services(world.settings)
    yield services
    services.close()


def test_every_route_has_its_row() -> None:
    """ENT-01: routes."""
    served = {(route.method, route.path): route.is_open for _, route in served_routes()}

    assert served == {(row.method, row.path): row.scope == "open" for row in ROUTES}


def test_every_address_of_the_web_service_has_its_row() -> None:
    """ENT-01: addresses of the web service."""
    served = [route.path for entry in load_stack() for route in getattr(load_function(entry.name), "SERVICE", ())]

    assert sorted(served) == sorted(row.path for row in SERVICES)


def test_every_event_and_every_function_has_its_row() -> None:
    """ENT-01: events, by stack.yml and by the functions' tables of topics."""
    declared = {(entry.name, *topic) for entry in load_stack() for topic in entry.topics}
    ticked = {entry.name for entry in load_stack() if entry.tick_s}
    taken = {
        (entry.name, *topic) for entry in load_stack() for topic in getattr(load_function(entry.name), "TOPICS", ())
    }
    ours = {(row.function, row.group, row.type) for row in EVENTS if row.group}

    assert declared == ours
    assert taken == ours
    assert ticked == {row.function for row in EVENTS if not row.group}
    assert {entry.name for entry in load_stack()} == set(table.FUNCTIONS)


@pytest.mark.parametrize("name", table.FUNCTIONS)
def test_every_door_of_an_application_has_its_row(services: Services, name: str) -> None:
    """ENT-01: paths that the web framework adds to our routes, and the gateway's own paths."""
    doors = {str(rule) for rule in create_app(load_function(name), services).url_map.iter_rules()}

    assert doors == PROBES.keys() | SHUT.keys()
    assert set(gateway._PROBES) == PROBES.keys()
    assert set(pages.PATHS) == PAGES.keys()


def test_every_gateway_route_lies_over_rows() -> None:
    """ENT-01: every prefix in stack.yml has a row below it."""
    prefixes = {prefix for entry in load_stack() for prefix in entry.routes}

    assert {
        prefix for prefix in prefixes if not any(row.path.startswith(prefix) for row in (*ROUTES, *SERVICES))
    } == set()


def test_every_stream_and_consumer_has_its_row(world: World) -> None:
    """ENT-01: streams and consumers of the broker."""

    async def ask(stream: JetStreamContext) -> dict[str, tuple[Any, set[str]]]:
        found = await stream.streams_info()
        return {
            str(each.config.name): (
                each.config.subjects,
                {info.name for info in await stream.consumers_info(str(each.config.name))},
            )
            for each in found
        }

    found = _as_platform(world, ask)
    wanted = {consumer_name(row.group, row.type) for row in EVENTS if row.group and row.type}

    assert {name: subjects for name, (subjects, _) in found.items()} == {
        name: [subject] for name, (subject, _) in STREAMS.items()
    }
    assert {name: consumers for name, (_, consumers) in found.items()} == {
        "MADES": wanted,
        "DEAD": set(),
        "LARGE": set(),
        "ATTEMPTS": set(),
    }


@pytest.mark.parametrize("group", ["agr", "dso", "tps", "ecp", OWN_GROUP])
def test_every_permission_at_the_broker_has_its_row_and_every_row_its_permission(world: World, group: str) -> None:
    """ENT-01: permissions and rows agree, also for a party's own group."""
    caller, known = Caller(group, OWN_CODE), world.stack.nats.access()
    consumers = known.consumers | {(OWN_GROUP, kind) for name, kind in known.consumers if name == "agr"}
    access = replace(known, components={group: frozenset({OWN_CODE})}, consumers=consumers)
    every = instances(caller, groups=(*GROUPS, OWN_GROUP), consumers=consumers)

    for verb in ("publish", "subscribe"):
        patterns = group_permissions(group, access)[verb]["allow"]
        allowed = [each for each in every if each.may(verb)]
        taken = [each for each in every if any(is_matched(pattern, each.subject) for pattern in patterns)]
        assert [each.subject for each in taken] == [each.subject for each in allowed]
        assert [pattern for pattern in patterns if not any(is_matched(pattern, each.subject) for each in allowed)] == []


def test_every_subject_on_the_wire_is_of_a_family_with_a_row(world: World, tap: Wiretap) -> None:
    """ENT-01: the recorded subjects of a registration, a list and a limit."""
    dso, operator, asset = world.dso(), world.operator(), make_asset(fresh_gsrn())
    dso.register_points(asset["connection_point_id"])
    operator.register_assets(asset)
    dso.done("GET", "/flexibility-assets")
    dso.send_foreseen(make_foreseen([asset["id"]]))
    eventually(operator.active_limits)

    families = [_family(row.family) for row in SUBJECTS]
    subjects = {packet.subject for packet in tap.packets()}

    assert any(subject.startswith("mades.agr.TPS-LIMIT") for subject in subjects)
    assert {subject for subject in subjects if not any(family.fullmatch(subject) for family in families)} == set()


def test_every_database_and_table_has_its_row(world: World) -> None:
    """ENT-01: databases and tables of the server, including views and sequences."""
    with psycopg.connect(world.stack.postgres_admin_url) as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")}
    tables = {name: _tables(world.stack.postgres_admin_url.rpartition("/")[0] + f"/{name}") for name in names}

    assert tables == {name: set(own) for name, own in DATABASES.items()}


def test_every_bucket_has_its_row(world: World) -> None:
    """ENT-01: buckets."""
    names = {bucket["Name"] for bucket in world.stack.s3_admin._client().list_buckets()["Buckets"]}

    assert names == BUCKETS.keys()


def test_every_row_names_statements_and_these_are_made() -> None:
    """ENT-02: the keys of the table are keys of docs/privacy.md."""
    assert table.named_keys() - set(keys_of("docs/privacy.md")) == set()
    assert all(keys for keys in [*(r.keys for r in ROUTES), *(e.keys for e in EVENTS), *(s.keys for s in SUBJECTS)])


def _tables(url: str) -> set[str]:
    query = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                  AND n.nspname NOT LIKE 'pg_toast%'"""
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute(query)}


def _family(family: str) -> re.Pattern[str]:
    """Return a pattern of a family's subjects: a placeholder is one part, `rest` is many, numbers are any."""
    places = {"{rest}": ".+", "1": r"[^.]+", "0": r"[^.]+"}
    parts = re.split(r"(\{\w+\}|(?<=\.)[01](?=\.|$))", family)
    return re.compile("".join(places.get(part, "[^.]+" if part.startswith("{") else re.escape(part)) for part in parts))


def _as_platform(world: World, act: Callable[[JetStreamContext], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        url, user, password = world.stack.nats_admin
        client = await nats.connect(url, user=user, password=password)
        try:
            return await act(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(run())
