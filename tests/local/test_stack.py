"""The three real servers: the rights of each group, and the data that survives."""

import os
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from psycopg import sql

from tests.local.broker import CONSUMERS, GRID, PLATFORM, User, as_user
from tests.local.children import eventually, is_gone
from tps.local.embedded.failure import StackError
from tps.local.embedded.stack import GROUPS, LocalStack, attach_or_start, running_stack
from tps.mades.subjects import message_subject


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("stack") / "data", consumers=CONSUMERS) as stack:
        yield stack


def documents(stack: LocalStack, identity: str) -> Any:
    """Return an S3 client of this identity."""
    return boto3.client(
        "s3",
        endpoint_url=stack.s3_url,
        aws_access_key_id=identity,
        aws_secret_access_key=stack.vault.password(f"s3.{identity}"),
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("group", GROUPS)
def test_a_role_owns_its_database_and_nothing_more(stack: LocalStack, group: str) -> None:
    with psycopg.connect(stack.database_url(group)) as connection:
        connection.execute("CREATE TABLE own (id int)")
        row = connection.execute(
            "SELECT current_database(), rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = %s",
            [group],
        ).fetchone()

    assert row == (group, False)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("database", [*GROUPS, "postgres", "template1"])
def test_a_role_reaches_no_other_database(stack: LocalStack, group: str, database: str) -> None:
    if group == database:
        pytest.skip("a group reaches its own database")
    url = stack.database_url(group).rpartition("/")[0] + f"/{database}"

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_the_rights_hold_without_the_access_rules_too(stack: LocalStack) -> None:
    with psycopg.connect(stack.postgres_admin_url) as connection:
        open_ones = connection.execute(
            "SELECT r.rolname, d.datname FROM pg_roles r, pg_database d"
            " WHERE r.rolname = ANY(%s) AND d.datname = ANY(%s) AND has_database_privilege(r.oid, d.oid, 'CONNECT')",
            [list(GROUPS), [*GROUPS, "postgres"]],
        ).fetchall()

    assert sorted(open_ones) == sorted((group, group) for group in GROUPS)


def test_postgres_confirms_only_what_is_on_disk_and_logs_no_data(stack: LocalStack) -> None:
    with psycopg.connect(stack.postgres_admin_url) as connection:
        for name, value in (("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "127.0.0.1")):
            shown = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            assert shown == (value,)
        with pytest.raises(psycopg.DataError):
            connection.execute("SELECT 'household 571313100000000000'::int")

    assert "571313100000000000" not in (stack.data / "logs/postgres.log").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
def test_postgres_runs_without_rights_and_opens_no_folder_above_it(stack: LocalStack) -> None:
    pid = stack.pid("postgres")
    assert pid is not None

    assert psutil.Process(pid).uids().real != 0
    assert stat.S_IMODE(stack.data.stat().st_mode) == 0o700


def test_a_document_is_never_overwritten(stack: LocalStack) -> None:
    client = documents(stack, "agr")
    client.put_object(Bucket="agr-documents", Key="in/1.xml", Body=b"<first/>", IfNoneMatch="*")

    with pytest.raises(ClientError) as error:
        client.put_object(Bucket="agr-documents", Key="in/1.xml", Body=b"<second/>", IfNoneMatch="*")

    assert code_of(error) == "PreconditionFailed"
    assert client.get_object(Bucket="agr-documents", Key="in/1.xml")["Body"].read() == b"<first/>"


@pytest.mark.parametrize("identity", ["agr", "dso", "ecp", "gui"])
def test_an_identity_reaches_no_other_bucket(stack: LocalStack, identity: str) -> None:
    documents(stack, "tps").put_object(Bucket="tps-documents", Key="out/1.xml", Body=b"<limit/>")
    client = documents(stack, identity)
    attempts: list[Callable[[], object]] = [
        lambda: client.get_object(Bucket="tps-documents", Key="out/1.xml"),
        lambda: client.list_objects_v2(Bucket="tps-documents"),
        lambda: client.put_object(Bucket="tps-documents", Key="out/2.xml", Body=b"<forged/>"),
        lambda: client.delete_object(Bucket="tps-documents", Key="out/1.xml"),
        lambda: client.create_bucket(Bucket="another"),
    ]

    for attempt in attempts:
        with pytest.raises(ClientError) as error:
            attempt()
        assert code_of(error) == "AccessDenied"


def test_without_credentials_only_the_pages_can_be_read(stack: LocalStack) -> None:
    documents(stack, "gui").put_object(Bucket="gui", Key="index.html", Body=b"<html>", ContentType="text/html")
    documents(stack, "tps").put_object(Bucket="tps-documents", Key="out/3.xml", Body=b"<limit/>")

    with urllib.request.urlopen(f"{stack.s3_url}/gui/index.html", timeout=5) as page:
        assert page.read() == b"<html>"
    for path in ("tps-documents/out/3.xml", "tps-documents/", "gui/"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{stack.s3_url}/{path}", timeout=5)
        assert error.value.code == 403
        error.value.close()


def test_every_listener_is_on_this_machine_alone(stack: LocalStack) -> None:
    listening = {(name, address.ip) for name in ("nats", "postgres", "s3") for address in _listeners(stack, name)}

    assert listening == {("nats", "127.0.0.1"), ("postgres", "127.0.0.1"), ("s3", "127.0.0.1")}


def test_no_other_door_of_the_object_store_gives_documents(stack: LocalStack) -> None:
    documents(stack, "tps").put_object(Bucket="tps-documents", Key="out/4.xml", Body=b"<secret-limit/>")

    for address in _listeners(stack, "s3"):
        for path in ("buckets/tps-documents/out/4.xml", "buckets/tps-documents/", "tps-documents/out/4.xml"):
            assert b"secret-limit" not in _any_answer(f"http://{address.ip}:{address.port}/{path}")


def _listeners(stack: LocalStack, name: str) -> list[Any]:
    pid = stack.pid(name)
    assert pid is not None
    return [found.laddr for found in psutil.Process(pid).net_connections("inet") if found.status == psutil.CONN_LISTEN]


def _any_answer(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.read()
    except (OSError, ValueError):
        return b""


def test_secrets_are_their_owners_alone_and_on_no_command_line(stack: LocalStack) -> None:
    assert stat.S_IMODE((stack.data / "keys").stat().st_mode) == 0o700
    for path in ("keys/secrets.json", "run.json", "nats/nats.conf", "s3/identities.json", "s3/security.toml"):
        assert stat.S_IMODE((stack.data / path).stat().st_mode) == 0o600, path

    commands = "".join(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout)
    for name in ("nats.platform", "postgres.platform", "s3.platform"):
        assert stack.vault.password(name) not in commands


def test_a_second_start_on_the_same_folder_names_the_first(stack: LocalStack) -> None:
    with pytest.raises(StackError, match=rf"another running stack uses the data folder .* \(pid {os.getpid()}\)"):
        LocalStack(stack.data).start_servers()


def test_a_little_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tps.local.embedded.stack._NEEDED_BYTES", 2**60)

    with pytest.raises(StackError, match="not enough disk space"):
        LocalStack(tmp_path).start_servers()


def test_everything_confirmed_survives_a_kill_of_everything(tmp_path: Path) -> None:
    letter = message_subject("dso", "TPS-ASSET-LIST", GRID, PLATFORM)
    stack = LocalStack(tmp_path / "data", consumers=CONSUMERS)
    stack.start_servers()
    stack.provision_broker()
    stack.provision_databases()
    stack.provision_buckets()

    async def send(user: User) -> None:
        await user.stream.publish(letter, b"kept")

    async def take(user: User) -> bytes:
        subscription = await user.stream.pull_subscribe_bind("dso_TPS-ASSET-LIST", stream="MADES")
        return bytes((await subscription.fetch(1, timeout=5))[0].data)

    as_user(stack, "tps", send)
    with psycopg.connect(stack.database_url("tps")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    documents(stack, "tps").put_object(Bucket="tps-documents", Key="kept", Body=b"kept", IfNoneMatch="*")
    _kill(stack)

    with running_stack(tmp_path / "data", consumers=CONSUMERS) as again:
        assert as_user(again, "dso", take) == b"kept"
        with psycopg.connect(again.database_url("tps")) as connection:
            assert connection.execute("SELECT value FROM kept").fetchone() == (7,)
        assert documents(again, "tps").get_object(Bucket="tps-documents", Key="kept")["Body"].read() == b"kept"


def _kill(stack: LocalStack) -> None:
    """Kill all servers without cleanup, like a power cut of the supervisor."""
    pids = [stack.pid(name) for name in ("nats", "postgres", "s3")]
    supervisor, stack._supervisor = stack._supervisor, None
    assert supervisor is not None
    for child in supervisor._children.values():
        child.is_stopping = True
    for pid in pids:
        assert pid is not None
        os.kill(pid, 9)
    supervisor.close()
    assert stack._lock is not None
    stack._lock.close()
    stack._lock = None
    stack.postgres.close()
    eventually(lambda: all(pid is not None and is_gone(pid) for pid in pids), "all are gone")


def test_a_command_starts_what_it_needs_for_the_moment(tmp_path: Path) -> None:
    with attach_or_start(tmp_path / "data", consumers=CONSUMERS) as stack:
        assert stack.is_started_here
        pid = stack.pid("postgres")
        assert pid is not None
        with psycopg.connect(stack.database_url("ecp")) as connection:
            tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()

    assert tables is not None
    assert tables[0] > 0
    assert is_gone(pid)


def test_a_command_attaches_to_the_stack_that_runs(stack: LocalStack) -> None:
    stack.gateway_url = "http://127.0.0.1:8080"
    stack.announce("up", is_ready=True)

    with attach_or_start(stack.data) as attached:
        assert not attached.is_started_here
        assert attached.nats_url == stack.nats_url
        assert attached.gateway_url == stack.gateway_url
        with psycopg.connect(attached.database_url("dso")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("dso",)
        attached.allow_component("dso", GRID)

    def is_allowed() -> bool:
        subject = message_subject("tps", "TPS-SCHEDULE", PLATFORM, GRID)
        return bool(as_user(stack, "dso", lambda user: user.may_publish(subject)))

    eventually(is_allowed, "the running broker knows the new component")
