"""With the credentials of one group in the running stack, everything of other groups is refused.

A group has its NATS user, its database role and its S3 identity. `test_stores_refuse.py` tries every row of the table
with each. This module tries other ways to the same data, on the stack that serves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import boto3
import httpx2
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from nats.aio.msg import Msg

from tests.local.broker import User, as_user
from tests.privacy.guards import labels_beyond, words_in
from tests.privacy.wiretap import Packet, Wiretap
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen
from tps.host.delivery import Delivery, Reply, topics_of
from tps.host.settings import GroupSettings
from tps.host.stack import load_stack
from tps.mades.subjects import message_subject
from tps.mades.types import LIMIT_FORESEEN

GROUPS = ("agr", "dso", "tps", "ecp")
PAIRS = [(one, other) for one in GROUPS for other in GROUPS if one != other]
every_pair = pytest.mark.parametrize(("group", "other"), PAIRS)
every_group = pytest.mark.parametrize("group", GROUPS)
NAME = "0" * 32


@pytest.fixture(scope="module")
def members(world: World) -> dict[str, Member]:
    """An operator and a DSO with data in every store."""
    dso, operator, point = world.dso(), world.operator(), fresh_gsrn()
    dso.register_points(point)
    operator.register_assets(make_asset(point))
    return {"agr": operator, "dso": dso}


def code_of(world: World, members: dict[str, Member], group: str) -> str:
    return members[group].code if group in members else world.settings.platform_component


# The broker


@every_group
def test_no_group_hears_the_broker_itself(world: World, group: str) -> None:
    """BRK-01: no group can subscribe to everything, or to events of the broker about others."""
    wishes = [">", "*", "_INBOX.>", "wake.>", "mades.>", "large.>", "dead.>", "$JS.>", "$SYS.>"]

    assert _heard(world, group, [*wishes, "$JS.EVENT.>", "$KV.>", "$O.>", "$SRV.>"]) == []


@every_group
def test_no_group_asks_or_changes_the_broker(world: World, group: str) -> None:
    """BRK-02: only the platform operator manages streams and consumers, and reads their sizes.

    The exception is the dead letters, which the platform's group may read (DLT-01).
    """
    asked = ["INFO", "STREAM.NAMES", "STREAM.LIST"]
    for stream in ("MADES", "LARGE", "DEAD", "ATTEMPTS"):
        asked += [f"STREAM.{verb}.{stream}" for verb in ("INFO", "MSG.GET", "MSG.DELETE", "UPDATE", "DELETE")]
        asked += [f"CONSUMER.{verb}.{stream}" for verb in ("NAMES", "LIST", "CREATE")]
        asked += [f"CONSUMER.CREATE.{stream}.spy", f"CONSUMER.CREATE.{stream}.spy.mades.>", f"DIRECT.GET.{stream}"]

    refused = [f"$JS.API.{each}" for each in [*asked, "STREAM.PURGE.MADES", "STREAM.PURGE.DEAD", "STREAM.CREATE.SPY"]]

    may = {f"$JS.API.STREAM.{verb}.DEAD" for verb in ("INFO", "MSG.GET")} if group == "tps" else set()
    assert set(_published(world, group, refused)) == may


@pytest.mark.parametrize(("group", "other"), [pair for pair in PAIRS if pair[0] in ("agr", "dso")])
def test_a_partys_group_sends_as_itself_and_to_the_platform_only(
    world: World, members: dict[str, Member], group: str, other: str
) -> None:
    """PTH-02: a group cannot send with another sender, or past the platform."""
    own, theirs, platform = (code_of(world, members, each) for each in (group, other, "tps"))
    past = [
        message_subject(each, kind, receiver, own)
        for each, receiver in (("agr", code_of(world, members, "agr")), ("dso", code_of(world, members, "dso")))
        for kind in ("TPS-LIMIT-FORESEEN", "TPS-ASSET-LIST", "MADES-ACK")
    ]
    as_other = [
        message_subject(each, "TPS-LIMIT-FORESEEN", platform, sender)
        for each in ("tps", "ecp")
        for sender in {theirs, platform, "5790000009992"} - {own}
    ]
    large = [f"large.tps.{platform}.{theirs}.{NAME}.0", f"large.{other}.{theirs}.{own}.{NAME}.0"]

    forbidden = [*past, *as_other, *(subject for subject in large if not subject.endswith(f"{own}.{NAME}.0"))]
    assert _published(world, group, forbidden) == []


def _published(world: World, group: str, subjects: list[str]) -> list[str]:
    """Return the subjects for which the broker accepted a message."""

    async def attempt(user: User) -> list[str]:
        return [subject for subject in subjects if await user.may_publish(subject)]

    taken: list[str] = as_user(world.stack, group, attempt)
    return taken


def _heard(world: World, group: str, subjects: list[str]) -> list[str]:
    async def attempt(user: User) -> list[str]:
        return [subject for subject in subjects if await user.may_subscribe(subject)]

    heard: list[str] = as_user(world.stack, group, attempt)
    return heard


# The databases


@every_pair
def test_a_role_opens_no_other_groups_database_nor_becomes_its_role(world: World, group: str, other: str) -> None:
    """DBS-01: a role cannot open another group's database, or become another role."""
    url = settings_of(world, group).database_url

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url.rpartition("/")[0] + f"/{other}")
    assert _taken(url, [f"SET ROLE {other}", f"SET SESSION AUTHORIZATION {other}", f"GRANT {other} TO {group}"]) == []


@every_group
def test_a_role_gets_around_its_database_by_no_side_door(world: World, group: str) -> None:
    """DBS-02: no access to files, programs, passwords, other sessions, or other databases of the server."""
    statements = [
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_hba_file_rules",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION postgres_fdw",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database()",
        "ALTER SYSTEM SET log_statement = 'all'",
        "CREATE DATABASE spy",
        f"CREATE ROLE spy_{group}",
        "SELECT pg_database_size('postgres')",
    ]

    taken = _taken(settings_of(world, group).database_url, statements)
    with psycopg.connect(settings_of(world, group).database_url) as connection:
        seen = connection.execute("SELECT query FROM pg_stat_activity WHERE usename <> current_user").fetchall()

    assert taken == []
    assert {query for (query,) in seen} <= {"<insufficient privilege>", None}


def _taken(url: str, statements: list[str]) -> list[str]:
    """Return the statements that the server executes."""
    taken = []
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            try:
                connection.execute(statement.encode())
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
                continue
            taken.append(statement)
    return taken


# The object store


@every_pair
def test_an_identity_reaches_no_other_groups_documents(world: World, group: str, other: str) -> None:
    """OBJ-01: an identity cannot read, list, write, delete or copy others' documents, or change their access."""
    own, theirs = settings_of(world, group), settings_of(world, other)
    client, bucket = objects(world, own), theirs.s3_bucket
    objects(world, theirs).put_object(Bucket=bucket, Key="out/secret.xml", Body=b"<secret/>")
    objects(world, own).put_object(Bucket=own.s3_bucket, Key="out/own.xml", Body=b"<own/>")
    source = {"Bucket": bucket, "Key": "out/secret.xml"}
    attempts: list[Callable[[], object]] = [
        lambda: client.get_object(Bucket=bucket, Key="out/secret.xml"),
        lambda: client.head_object(Bucket=bucket, Key="out/secret.xml"),
        lambda: client.list_objects_v2(Bucket=bucket),
        lambda: client.list_objects_v2(Bucket=bucket, Prefix="out/"),
        lambda: client.put_object(Bucket=bucket, Key="out/forged.xml", Body=b"<forged/>"),
        lambda: client.delete_object(Bucket=bucket, Key="out/secret.xml"),
        lambda: client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "out/secret.xml"}]}),
        lambda: client.copy_object(Bucket=own.s3_bucket, Key="out/copy.xml", CopySource=source),
        lambda: client.create_multipart_upload(Bucket=bucket, Key="out/parts.xml"),
        lambda: client.put_bucket_policy(Bucket=bucket, Policy="{}"),
        lambda: client.put_bucket_acl(Bucket=bucket, ACL="public-read"),
        lambda: client.delete_bucket(Bucket=bucket),
    ]

    reached = [number for number, attempt in enumerate(attempts) if not _is_denied(attempt)]

    assert reached == []
    assert objects(world, theirs).get_object(Bucket=bucket, Key="out/secret.xml")["Body"].read() == b"<secret/>"


@every_group
def test_an_identity_sees_no_other_groups_bucket(world: World, group: str) -> None:
    """OBJ-02: no list shows that a party runs its own group."""
    own = settings_of(world, group)

    names = {bucket["Name"] for bucket in objects(world, own).list_buckets()["Buckets"]}

    assert names <= {own.s3_bucket}


def settings_of(world: World, group: str) -> GroupSettings:
    return world.settings.groups[group]


def objects(world: World, group: GroupSettings) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=world.settings.s3_url,
        aws_access_key_id=group.s3_access_key,
        aws_secret_access_key=group.s3_secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def _is_denied(attempt: Callable[[], Any]) -> bool:
    try:
        answer = attempt()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    # A bulk deletion returns one answer with an error for each object.
    errors = answer.get("Errors", [])
    return bool(errors) and all(each["Code"] == "AccessDenied" for each in errors)


# Inferences from a shared server, as docs/privacy.md says


def test_whoever_talks_to_the_broker_can_count_what_all_send(world: World, members: dict[str, Member]) -> None:
    """INF-BRK: the broker numbers all messages of a stream."""
    subject = message_subject("ecp", "TPS-ASSET", "DIRECTORY", members["dso"].code)

    async def number(user: User) -> int:
        return int((await user.stream.publish(subject, b"x")).seq)

    before = as_user(world.stack, "dso", number)
    members["agr"].register_assets(make_asset(fresh_gsrn()))
    after = as_user(world.stack, "dso", number)

    assert after - before > 1


def test_whoever_shares_a_database_server_sees_how_busy_it_is(world: World, members: dict[str, Member]) -> None:
    """INF-SRV: a server numbers transactions across its databases, and shows their names."""
    with psycopg.connect(settings_of(world, "dso").database_url, autocommit=True) as connection:
        before = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        members["agr"].register_assets(make_asset(fresh_gsrn()))
        after = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}

    assert before is not None
    assert after is not None
    assert after[0] - before[0] > 1
    assert set(GROUPS) <= names


# Dead letters


def test_a_dead_letter_tells_no_more_than_the_message_did(
    world: World, tap: Wiretap, members: dict[str, Member]
) -> None:
    """DLT-01: a dead letter has the same sealed bytes and headers; only attempts and reason are added."""
    dso, operator, asset = members["dso"], members["agr"], make_asset(fresh_gsrn())
    dso.register_points(asset["connection_point_id"])
    operator.register_assets(asset)
    dso.send_foreseen(make_foreseen([asset["id"]]))
    subject = f"mades.agr.{LIMIT_FORESEEN}.{operator.code}.{world.settings.platform_component}"
    limit = eventually(lambda: [packet for packet in tap.packets() if packet.subject == subject])[0]

    asyncio.run(_bury(world, limit))

    (dead,) = eventually(lambda: [packet for packet in tap.packets() if packet.subject.startswith("dead.agr.")])
    added = {name: value for name, value in dead.headers.items() if limit.headers.get(name) != value}
    assert dead.data == limit.data
    reason = "receive_document: HTTP 500, outcome none"
    attempts = {"Tps-Attempts": "30", "Tps-Reason": reason}
    assert added == {**attempts, "Nats-Msg-Id": f"dead-{limit.headers['Nats-Msg-Id']}"}
    assert words_in([str(dead)], {asset["id"], asset["connection_point_id"], dso.code}) == set()
    assert labels_beyond([dead]) == {"Tps-Attempts", "Tps-Reason"}


async def _bury(world: World, packet: Packet) -> None:
    """Bury a message as event delivery does when no function takes it."""
    topics = topics_of(load_stack(), world.settings)
    topic = next(each for each in topics if (each.group.name, each.type) == ("agr", LIMIT_FORESEEN))
    async with httpx2.AsyncClient() as http:
        delivery = Delivery(world.settings, http)
        client = delivery._clients["agr"] = await delivery._connect(topic.group)
        reply = f"$JS.ACK.MADES.{topic.consumer}.30.1.1.1.0"
        message = Msg(client, subject=packet.subject, reply=reply, data=packet.data, headers=dict(packet.headers))
        await delivery._bury(topic, message, 30, Reply(topic.function.name, 500))
        await delivery._close()
