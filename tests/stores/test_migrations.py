"""Migrations: from nothing, and again."""

from pathlib import Path

import psycopg
import pytest

from tps.runtime.local.stack import GROUPS, LocalStack
from tps.stores.migrate import migrate


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
def test_an_empty_database_gets_every_table(local: LocalStack, group: str) -> None:
    expected = tables(local.database_url(group))
    with psycopg.connect(local.postgres_admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE fresh_{group}")
    url = local.postgres_admin_url.rpartition("/")[0] + f"/fresh_{group}"

    applied = migrate(url, group)

    assert applied >= 1
    assert tables(url) == expected


def test_every_migration_belongs_to_a_kind_of_group() -> None:
    from tps.stores import migrate as module

    folders = {path.name for path in (Path(module.__file__).parent / "migrations").iterdir()}

    assert folders == {folder for folders in module._FOLDERS.values() for folder in folders}
