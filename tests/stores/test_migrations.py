"""Migrations: from nothing, and again."""

import re

import psycopg
import pytest

from tps.local.embedded.stack import GROUPS, LocalStack
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
