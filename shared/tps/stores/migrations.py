"""Plain SQL migrations, applied in the order of their names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tps.stores.database import Transaction

# Each room keeps the migrations of its own tables. A group's database has those of the rooms that it needs.
_PARTY = ("endpoint/migrations", "party/migrations/resources", "party/migrations/plans")
FOLDERS = {
    "agr": (*_PARTY, "operator/migrations"),
    "dso": (*_PARTY, "dso/migrations"),
    "tps": ("endpoint/migrations", "party/migrations/plans", "platform/migrations"),
    "ecp": ("directory/migrations",),
}
ROOMS = Path(__file__).resolve().parents[1]


def migrate(database_url: str, group_kind: str) -> int:
    """Apply all pending migrations to a group's database.

    A migration and the note that it was applied are one transaction. So a crash leaves nothing half done, and the call
    can be repeated. Of several processes that call at once, one applies and the others wait.

    Args:
        database_url: `postgresql://...` of the group's own role.
        group_kind: `agr`, `dso`, `tps` or `ecp`.

    Returns:
        The number of applied migrations. 0 if the database was current.
    """
    import psycopg
    from yoyo import get_backend, read_migrations

    migrations = read_migrations(*map(str, _folders(group_kind)))
    with psycopg.connect(database_url, autocommit=True) as lock:
        # yoyo's own lock is a row, which a killed process leaves behind. This one ends with its connection.
        lock.execute("SELECT pg_advisory_lock(hashtextextended('tps migrations', 0))")
        backend = get_backend(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            pending = backend.to_apply(migrations)
            for migration in pending:
                _apply(backend, migration)
            return len(pending)
        finally:
            backend.connection.close()


def _apply(backend: Any, migration: Any) -> None:
    """Apply one migration and note it.

    yoyo's `apply_one` uses a connection for each of the two, and asks for the name of the user, which a container need
    not have.
    """
    # yoyo prints the results of statements. Standard output belongs to the caller.
    with redirect_stdout(sys.stderr), backend.transaction():
        migration.process_steps(backend, "apply")
        backend.mark_one(migration, log=False)


def missing_migrations(tx: Transaction, group_kind: str) -> list[str]:
    """Return the names of the migrations that a group's database lacks."""
    wanted = {path.stem for folder in _folders(group_kind) for path in folder.glob("*.sql")}
    is_there = tx.execute("SELECT to_regclass('_yoyo_migration') AS found").fetchone()
    if is_there is None or is_there["found"] is None:
        return sorted(wanted)
    known = {row["migration_id"] for row in tx.execute("SELECT migration_id FROM _yoyo_migration").fetchall()}
    return sorted(wanted - known)


def _folders(group_kind: str) -> Iterator[Path]:
    return (ROOMS / folder for folder in FOLDERS[group_kind])
