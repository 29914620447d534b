"""Real servers for the tests of stores and endpoints, with tables."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import sql

from tps.host.stack import consumers, load_stack
from tps.local.embedded.s3 import bucket_of
from tps.local.embedded.stack import GROUPS, LocalStack, running_stack
from tps.stores.database import Database
from tps.stores.mailbox import Mailbox
from tps.stores.objects import DocumentStore

PLATFORM, OPERATOR, RIVAL, GRID, OTHER_GRID = (
    "5790000000029",
    "5790000000036",
    "5790000000043",
    "5790000000050",
    "5790000000067",
)
COMPONENTS = {"tps": (PLATFORM,), "agr": (OPERATOR, RIVAL), "dso": (GRID, OTHER_GRID)}
DEADLINE_S = 20
_T = TypeVar("_T")


@contextmanager
def servers(data: Path, which: Iterable[str] = ("nats", "postgres", "s3")) -> Iterator[LocalStack]:
    """Run these servers with every group's tables and the right to send under our components' codes."""
    wanted = set(which)
    with running_stack(data, which=wanted, consumers=consumers(load_stack()), say=lambda _text: None) as stack:
        if "nats" not in wanted:
            stack.nats.port = 1  # Settings need an address, also where no broker runs.
        if "postgres" in wanted:
            stack.migrate()
        if "nats" in wanted:
            for group, codes in COMPONENTS.items():
                for code in codes:
                    stack.allow_component(group, code)
        yield stack


def database(stack: LocalStack, group: str, timeout_s: float = 5) -> Database:
    """Return a group's database, which the caller must close."""
    return Database(stack.database_url(group), timeout_s=timeout_s)


def mailbox(stack: LocalStack, group: str, timeout_s: float = 10) -> Mailbox:
    """Return a group's mailbox, which the caller must close."""
    return Mailbox(stack.nats_url, group, stack.vault.password(f"nats.{group}"), group, timeout_s=timeout_s)


def documents(stack: LocalStack, group: str) -> DocumentStore:
    return DocumentStore(stack.s3_url, group, stack.vault.password(f"s3.{group}"), bucket_of(group))


def emptied(stack: LocalStack) -> None:
    """Empty every table of every group, as after the migrations."""
    for group in GROUPS:
        with psycopg.connect(stack.database_url(group)) as connection:
            rows = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%yoyo%'"
            ).fetchall()
            tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))


def at_once(*works: Callable[[], _T]) -> list[_T]:
    """Run these functions at the same time, each in a thread, and return their results; raises the first error."""
    barrier = threading.Barrier(len(works))

    def together(work: Callable[[], _T]) -> _T:
        barrier.wait(DEADLINE_S)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [each.result(DEADLINE_S) for each in [pool.submit(together, work) for work in works]]


def eventually(look: Callable[[], _T], timeout_s: float = DEADLINE_S) -> _T:
    """Return the first truthy result of `look`; raises AssertionError after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found
