"""The subjects, databases and buckets of the table, against every group and callers without credentials.

Real servers run with five groups: the usual four, and an operator's own group. `test_isolation.py` tries ways that are
in no table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore
import nats.errors
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from nats.aio.client import Client

from tests.local.broker import User, as_user
from tests.privacy.subjects import OWN_CODE, OWN_GROUP, Caller, Instance, instances
from tests.privacy.table_stores import BUCKETS, DATABASES
from tps.host.stack import consumers, load_stack
from tps.local.embedded.s3 import bucket_of
from tps.local.embedded.stack import GROUPS, LocalStack
from tps.mades.subjects import dead_subject

ALL = (*GROUPS, OWN_GROUP)
CODES = {
    "agr": "5799900000009",
    "dso": "5799900000047",
    "tps": "5790000000029",
    "ecp": "5799900000054",
    OWN_GROUP: OWN_CODE,
}
OWN_CONSUMERS = [(OWN_GROUP, kind) for group, kind in consumers(load_stack()) if group == "agr"]
CONSUMERS = [*consumers(load_stack()), *OWN_CONSUMERS]
every_group = pytest.mark.parametrize("group", ALL)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The three servers, with a party's own group beside the usual four."""
    stack = LocalStack(tmp_path_factory.mktemp("groups"), consumers=CONSUMERS, groups=ALL, say=lambda _text: None)
    for group, code in CODES.items():
        stack.allow_component(group, code)
    try:
        stack.start_servers()
        stack.provision()
        stack.provision_buckets()
        yield stack
    finally:
        stack.stop()


@every_group
def test_a_group_does_at_the_broker_what_its_rows_say_and_nothing_else(stack: LocalStack, group: str) -> None:
    """BRK-03: each row is tried for each group, publishing and listening, with the table's result."""
    every = instances(Caller(group, CODES[group]), groups=ALL, consumers=CONSUMERS)

    async def attempt(user: User) -> list[tuple[str, bool, bool]]:
        return [(each.subject, await user.may_publish(each.subject), await _may_listen(user, each)) for each in every]

    tried = as_user(stack, group, attempt)

    assert len(tried) > 200
    assert tried == [(each.subject, each.may("publish"), each.may("subscribe")) for each in every]


async def _may_listen(user: User, each: Instance) -> bool:
    # For wake subjects, the right to listen covers a family. For others, the exact subject is tried.
    subject = each.subject.rpartition(".")[0] + ".*" if each.subject.startswith("wake.") else each.subject
    return await user.may_subscribe(subject)


@every_group
def test_a_group_opens_its_own_database_and_no_other(stack: LocalStack, group: str) -> None:
    """DBS-01: also for a party's own group; and no right on a table of another group."""
    for name, tables in {**DATABASES, OWN_GROUP: DATABASES["agr"]}.items():
        assert _opens(stack.database_url(group).rpartition("/")[0] + f"/{name}") == (name == group)
        with psycopg.connect(stack.postgres_admin_url.rpartition("/")[0] + f"/{name}") as connection:
            for table in tables:
                verbs = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
                found = connection.execute("SELECT has_table_privilege(%s, %s, %s)", [group, table, verbs]).fetchone()
                assert found == (name == group,), f"{group} on {name}.{table}"


@every_group
def test_an_identity_reaches_its_own_bucket_and_no_other(stack: LocalStack, group: str) -> None:
    """OBJ-01: also for a party's own group. Everybody may read the pages of the GUI."""
    client = _client(stack, group)
    reached = {name: _reached(client, name) for name in [*BUCKETS, bucket_of(OWN_GROUP)]}

    everything = {"put", "get", "list", "delete"}
    expected = {name: everything if name == bucket_of(group) else set() for name in reached}
    assert {name: each - ({"get"} if name == "gui" else set()) for name, each in reached.items()} == expected


def test_nobody_gets_in_without_credentials(stack: LocalStack) -> None:
    """OBJ-03: at none of the three servers. At the object store, the GUI's pages can be read but not listed."""
    anonymous = _client(stack, None)
    reached = {name: _reached(anonymous, name) for name in [*BUCKETS, bucket_of(OWN_GROUP)]}

    assert reached == {name: {"get"} if name == "gui" else set() for name in reached}
    with pytest.raises(ClientError):
        anonymous.list_buckets()
    for user, password in ((None, None), ("agr", ""), ("agr", "wrong"), (OWN_GROUP, stack.vault.password("nats.agr"))):
        assert not asyncio.run(_enters(stack.nats_url, user, password))
    address = stack.postgres_admin_url.rpartition("@")[2].partition("/")[0]
    for role in (*ALL, "postgres", "nobody"):
        assert not any(_opens(f"postgresql://{role}{word}@{address}/{name}") for word in _WORDS for name in ALL)


_WORDS = ("", ":", ":wrong", ":postgres")


def test_a_dead_letter_can_be_read_by_no_group_but_the_platforms(stack: LocalStack) -> None:
    """DLT-01: other groups cannot read or await a dead letter, and no group can delete it."""
    subject = dead_subject(OWN_GROUP, "TPS-LIMIT-FORESEEN", OWN_CODE, CODES["tps"])
    asked = ("STREAM.MSG.GET.DEAD", f"DIRECT.GET.DEAD.{subject}", "DIRECT.GET.DEAD", "STREAM.MSG.DELETE.DEAD")
    requests = [f"$JS.API.{each}" for each in asked]

    async def bury(user: User) -> Any:
        return await user.stream.publish(subject, b"sealed")

    async def attempt(user: User) -> list[bool]:
        tried = [await user.may_publish(each) for each in requests]
        return [*tried, await user.may_subscribe(subject), await user.may_subscribe("dead.>")]

    assert as_user(stack, OWN_GROUP, bury).stream == "DEAD"
    may = {group: as_user(stack, group, attempt) for group in ALL}
    assert may == {group: [group == "tps", *[False] * 5] for group in ALL}
    for group in set(ALL) - {OWN_GROUP}:
        assert not as_user(stack, group, lambda user: user.may_publish(subject))


async def _enters(url: str, user: str | None, password: str | None) -> bool:
    async def quiet(_error: Exception) -> None:
        """Drop the error, because the test expects the exception."""

    client = Client()
    try:
        await client.connect(url, user=user, password=password, allow_reconnect=False, error_cb=quiet)
    except (nats.errors.Error, OSError):
        return False
    finally:
        await client.close()
    return True


def _opens(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def _client(stack: LocalStack, identity: str | None) -> Any:
    signature: Any = {"signature_version": botocore.UNSIGNED} if identity is None else {}
    return boto3.client(
        "s3",
        endpoint_url=stack.s3_url,
        aws_access_key_id=identity,
        aws_secret_access_key=identity and stack.vault.password(f"s3.{identity}"),
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **signature),
    )


def _reached(client: Any, bucket: str) -> set[str]:
    """Return the verbs that this client may use in a bucket; "no such key" counts as allowed."""
    attempts: dict[str, Callable[[], object]] = {
        "put": lambda: client.put_object(Bucket=bucket, Key="page", Body=b"x"),
        "get": lambda: client.get_object(Bucket=bucket, Key="page"),
        "list": lambda: client.list_objects_v2(Bucket=bucket),
        "delete": lambda: client.delete_object(Bucket=bucket, Key="page"),
    }
    return {verb for verb, attempt in attempts.items() if not _is_denied(attempt)}


def _is_denied(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return False
