"""Migrations of an empty database, and repeated migrations."""

import pwd
import re
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.support.servers import at_once
from tps.local.embedded.stack import GROUPS, LocalStack
from tps.stores import migrations
from tps.stores.migrations import FOLDERS, ROOMS, migrate


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows if "yoyo" not in name}


@pytest.mark.parametrize("group", GROUPS)
def test_migrating_again_changes_nothing(local: LocalStack, group: str) -> None:
    before = tables(local.database_url(group))

    applied = migrate(local.database_url(group), group)

    assert before
    assert applied == 0
    assert tables(local.database_url(group)) == before


@pytest.mark.parametrize("group", GROUPS)
def test_an_empty_database_gets_every_table_and_people_read_nothing_of_it(
    local: LocalStack, group: str, capfd: pytest.CaptureFixture[str]
) -> None:
    sources = [path.read_text() for folder in FOLDERS[group] for path in (ROOMS / folder).glob("*.sql")]
    with psycopg.connect(local.postgres_admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE fresh_{group}")
    url = local.postgres_admin_url.rpartition("/")[0] + f"/fresh_{group}"

    applied = migrate(url, group)

    assert applied == len(sources)
    assert tables(url) == {name for source in sources for name in re.findall(r"^CREATE TABLE (\w+)", source, re.M)}
    assert tuple(capfd.readouterr()) == ("", "")


def test_every_migration_belongs_to_a_kind_of_group() -> None:
    folders = {path.parent.relative_to(ROOMS).as_posix() for path in ROOMS.rglob("*.sql")}

    assert folders == {folder for folders in FOLDERS.values() for folder in folders}


@pytest.fixture
def fresh_url(local: LocalStack) -> str:
    """The address of a database without tables."""
    name = f"fresh_{uuid4().hex}"
    with psycopg.connect(local.postgres_admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    return local.postgres_admin_url.rpartition("/")[0] + f"/{name}"


def test_a_migration_that_breaks_leaves_nothing_behind_and_can_be_repeated(
    fresh_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "FOLDERS", {"tps": (str(tmp_path),)})
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id int);")
    second = tmp_path / "0002_second.sql"
    second.write_text("CREATE TABLE second (id int); SELECT 1 / 0;")

    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(fresh_url, "tps")

    assert tables(fresh_url) == {"first"}
    second.write_text("CREATE TABLE second (id int);")
    assert migrate(fresh_url, "tps") == 1
    assert tables(fresh_url) == {"first", "second"}


def test_of_processes_that_migrate_at_once_one_applies(fresh_url: str) -> None:
    counts = at_once(*[lambda: migrate(fresh_url, "tps")] * 3)

    assert sorted(counts)[:2] == [0, 0]
    assert max(counts) > 0


def test_a_user_without_a_name_can_migrate(fresh_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, where user 10001 has no entry in the list of users."""

    def nobody(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    assert migrate(fresh_url, "tps") > 0
