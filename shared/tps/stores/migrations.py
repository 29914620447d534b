"""Plain SQL migrations, applied in the order of their names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tps.stores.database import Transaction

# Each room keeps the migrations of its own tables; a group's database has those of the rooms that it needs.
_PARTY = ("endpoint/migrations", "party/migrations/resources", "party/migrations/plans")
FOLDERS = {
    "agr": (*_PARTY, "operator/migrations"),
    "dso": (*_PARTY, "dso/migrations"),
    "tps": ("endpoint/migrations", "party/migrations/plans", "platform/migrations"),
    "ecp": ("directory/migrations",),
}
ROOMS = Path(__file__).resolve().parents[1]


def migrate(database_url: str, group_kind: str) -> int:
    """Bring a group's database to the newest form.

    Args:
        database_url: `postgresql://...` of the group's own role.
        group_kind: `agr`, `dso`, `tps` or `ecp`.

    Returns:
        How many migrations were applied; 0 if it was up to date.
    """
    from yoyo import get_backend, read_migrations

    migrations = read_migrations(*map(str, _folders(group_kind)))
    backend = get_backend(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        # yoyo prints what a statement selects; standard output belongs to whoever called.
        with redirect_stdout(sys.stderr), backend.lock():
            pending = backend.to_apply(migrations)
            backend.apply_migrations(pending)
            return len(pending)
    finally:
        backend.connection.close()


def missing_migrations(tx: Transaction, group_kind: str) -> list[str]:
    """Names of those that a group's database does not have yet."""
    wanted = {path.stem for folder in _folders(group_kind) for path in folder.glob("*.sql")}
    is_there = tx.execute("SELECT to_regclass('_yoyo_migration') AS found").fetchone()
    if is_there is None or is_there["found"] is None:
        return sorted(wanted)
    known = {row["migration_id"] for row in tx.execute("SELECT migration_id FROM _yoyo_migration").fetchall()}
    return sorted(wanted - known)


def _folders(group_kind: str) -> Iterator[Path]:
    return (ROOMS / folder for folder in FOLDERS[group_kind])
