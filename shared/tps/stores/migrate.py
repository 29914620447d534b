"""Plain SQL migrations, applied in the order of their names."""

import sys
from contextlib import redirect_stdout
from pathlib import Path

_FOLDERS = {
    "agr": ("common", "backend", "agr"),
    "dso": ("common", "backend", "plans", "dso"),
    "tps": ("common", "plans", "tps"),
    "ecp": ("ecp",),
}


def migrate(database_url: str, group_kind: str) -> int:
    """Bring a group's database to the newest form.

    Args:
        database_url: `postgresql://...` of the group's own role.
        group_kind: `agr`, `dso`, `tps` or `ecp`.

    Returns:
        How many migrations were applied; 0 if it was up to date.
    """
    from yoyo import get_backend, read_migrations

    root = Path(__file__).parent / "migrations"
    migrations = read_migrations(*(str(root / folder) for folder in _FOLDERS[group_kind]))
    backend = get_backend(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        # yoyo prints what a statement selects; standard output belongs to whoever called.
        with redirect_stdout(sys.stderr), backend.lock():
            pending = backend.to_apply(migrations)
            backend.apply_migrations(pending)
            return len(pending)
    finally:
        backend.connection.close()
