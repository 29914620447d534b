"""Provisioning of streams, consumers, databases and buckets: creates or updates them, and is safe to repeat."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tps.local.embedded.failure import StackError
from tps.local.embedded.orphans import consumer_infos, sweep_orphans
from tps.mades.subjects import consumer_name, inbox_filter
from tps.mades.types import IN_FLIGHT, LIMIT_UNFORESEEN
from tps.stores.broker_addresses import broker_addresses

if TYPE_CHECKING:
    import psycopg
    from nats.aio.client import Client
    from nats.js import JetStreamContext
    from nats.js.api import ConsumerConfig, StreamConfig

_DAY_S = 24 * 3600.0
IN_FLIGHT_S = IN_FLIGHT.total_seconds()
DEAD_S = 90 * _DAY_S
DUPLICATE_WINDOW_S = 600.0
ACK_WAIT_S = 12.0
MAX_ACK_PENDING = 256
# An emergency is retried until its time to live ends. A few hundred failing emergencies must not delay the next one.
MAX_ACK_PENDING_EMERGENCIES = 8192
_TIMEOUT_S = 10.0
_RELOAD_S = 5.0
# The broker's error codes: replicas without a cluster, and too few servers of a cluster (two codes).
_TOO_FEW_SERVERS = (10074, 10005, 10023)


def provision_nats(
    url: str, user: str, password: str, consumers: Iterable[tuple[str, str]], *, replicas: int = 1
) -> None:
    """Create the streams and a durable consumer per (group, message type). Delete consumers that are not listed.

    Args:
        replicas: Number of servers that hold each stream and its consumers. Existing streams are updated.

    Raises:
        StackError: The broker has fewer servers than replicas.
    """
    asyncio.run(_provision_nats(url, user, password, list(consumers), replicas=replicas))


async def _provision_nats(
    url: str, user: str, password: str, consumers: list[tuple[str, str]], *, replicas: int
) -> None:
    client = await _connect_after_reload(url, user, password)
    try:
        manager = client.jetstream(timeout=_TIMEOUT_S)
        for config in _streams():
            # A consumer of a work queue has the replicas of its stream unless it says otherwise.
            await _ensure_stream(manager, replace(config, num_replicas=replicas))
        await _ensure_consumers(manager, consumers)
        await sweep_orphans(manager)
    finally:
        await client.close()


async def _connect_after_reload(url: str, user: str, password: str) -> "Client":
    """Connect, and retry a refusal: a broker that reloads its configuration refuses all users for a moment."""
    from tenacity import AsyncRetrying, retry_if_exception_message, stop_after_delay, wait_fixed

    refused = retry_if_exception_message(match=".*Authorization Violation")
    retrying = AsyncRetrying(stop=stop_after_delay(_RELOAD_S), wait=wait_fixed(0.1), retry=refused, reraise=True)
    return await retrying(_connect, url, user, password)


async def _connect(url: str, user: str, password: str) -> "Client":
    from nats.aio.client import Client

    client = Client()
    try:
        await client.connect(
            broker_addresses(url), user=user, password=password, connect_timeout=5, allow_reconnect=False
        )
    except BaseException:
        await client.close()
        raise
    return client


def _streams() -> "tuple[StreamConfig, ...]":
    from nats.js.api import RetentionPolicy, StorageType, StreamConfig

    return (
        StreamConfig(
            name="MADES",
            subjects=["mades.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            max_age=IN_FLIGHT_S,
            duplicate_window=DUPLICATE_WINDOW_S,
            allow_msg_ttl=True,
        ),
        StreamConfig(
            name="ATTEMPTS",
            subjects=["attempts.>"],
            storage=StorageType.FILE,
            max_msgs_per_subject=1,
            max_age=IN_FLIGHT_S,
            allow_direct=True,
        ),
        StreamConfig(name="DEAD", subjects=["dead.>"], storage=StorageType.FILE, max_age=DEAD_S),
        StreamConfig(
            name="LARGE",
            subjects=["large.>"],
            storage=StorageType.FILE,
            max_age=IN_FLIGHT_S,
            duplicate_window=DUPLICATE_WINDOW_S,
            allow_direct=True,
            allow_msg_ttl=True,
        ),
    )


async def _ensure_stream(manager: "JetStreamContext", config: "StreamConfig") -> None:
    from nats.js.errors import NotFoundError

    assert config.name is not None
    try:
        await manager.stream_info(config.name)
    except NotFoundError:
        await _with_replicas(manager.add_stream, config)
    else:
        await _with_replicas(manager.update_stream, config)


async def _with_replicas(apply: "Callable[[StreamConfig], Awaitable[object]]", config: "StreamConfig") -> None:
    from nats.js.errors import APIError

    try:
        await apply(config)
    except APIError as error:
        if error.err_code not in _TOO_FEW_SERVERS:
            raise
        raise StackError(
            f"the broker cannot hold {config.num_replicas} replicas: fewer of its servers run; start them, or lower "
            "TPS_NATS_REPLICAS"
        ) from error


async def _ensure_consumers(manager: "JetStreamContext", consumers: list[tuple[str, str]]) -> None:
    wanted = {consumer_name(*consumer): _consumer(*consumer) for consumer in consumers}
    known = {info.name for info in await consumer_infos(manager)}
    # Delete first: a work queue allows only one consumer per subject.
    for name in known - wanted.keys():
        await manager.delete_consumer("MADES", name)
    for config in wanted.values():
        await manager.add_consumer("MADES", config)


def _consumer(group: str, message_type: str) -> "ConsumerConfig":
    from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

    return ConsumerConfig(
        durable_name=consumer_name(group, message_type),
        filter_subject=inbox_filter(group, message_type),
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_deliver=-1,
        max_ack_pending=MAX_ACK_PENDING_EMERGENCIES if message_type == LIMIT_UNFORESEEN else MAX_ACK_PENDING,
    )


def provision_postgres(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Create a role and a database of the same name per group. A role can connect to its own database only.

    Args:
        admin_url: With a role that may create roles and databases.
        passwords: Group name -> password of its role.
    """
    import psycopg

    with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as connection:
        for group, password in passwords.items():
            _ensure_role(connection, group, password)
            _ensure_database(connection, group)
        connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")


def _ensure_role(connection: "psycopg.Connection[tuple[object, ...]]", name: str, password: str) -> None:
    from psycopg import sql

    is_known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = "ALTER" if is_known else "CREATE"
    # Hash the password here, so that no statement and no log of the server contains it.
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    statement = sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Literal(hashed)))


def _ensure_database(connection: "psycopg.Connection[tuple[object, ...]]", name: str) -> None:
    from psycopg import sql

    database = sql.Identifier(name)
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        # On a small machine, FILE_COPY is faster than WAL_LOG for the empty template.
        statement = "CREATE DATABASE {} OWNER {} STRATEGY FILE_COPY"
        connection.execute(sql.SQL(statement).format(database, database))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
