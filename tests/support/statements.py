"""How many SQL statements work takes."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import psycopg


def statements_of(work: Callable[[], object]) -> int:
    """Return how many statements a piece of work sends, whatever they are."""
    execute, count = psycopg.Cursor.execute, 0

    def counted(cursor: psycopg.Cursor[Any], *arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        return execute(cursor, *arguments, **named)

    with patch.object(psycopg.Cursor, "execute", counted):
        work()
    return count
