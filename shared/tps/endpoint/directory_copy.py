"""A group's copy of the Component Directory: turns of the components, entries, and their age."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class Pull:
    """The turn of an own component to pull from the directory. One process holds it.

    Attributes:
        content_id: Content id of the component's last answer. None before the first.
        failures: Number of consecutive failed pulls.
        taken_until: End of the turn. It also identifies the turn.
    """

    component: str
    content_id: int | None
    failures: int
    taken_until: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of the directory that a component sees.

    Attributes:
        entries: All visible entries. None if they have not changed since the last answer.
        ttl_s: Time to live of the entries, in seconds.
    """

    content_id: int
    ttl_s: float
    entries: tuple[ComponentEntry, ...] | None


def take_turn(tx: Transaction, now: datetime, until: datetime) -> Pull | None:
    """Take the turn of a component that is due, until the given time. Return None if no component is due."""
    tx.execute(
        """INSERT INTO directory_pull (component, due_at) SELECT code, %s FROM component c
            WHERE NOT EXISTS (SELECT FROM directory_pull p WHERE p.component = c.code) ON CONFLICT DO NOTHING""",
        (now,),
    )
    row = tx.execute(
        """UPDATE directory_pull SET due_at = %s
            WHERE component = (SELECT component FROM directory_pull WHERE due_at <= %s
                                ORDER BY due_at, component LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING component, content_id, failures, due_at AS taken_until""",
        (until, now),
    ).fetchone()
    return Pull(**row) if row else None


def write_copy(tx: Transaction, pull: Pull, seen: Seen, *, now: datetime, next_at: datetime) -> bool:
    """Write the seen entries to the copy. Return False and write nothing if the turn is over or was taken over.

    An entry that this component no longer sees is removed, unless another component of the group sees it.
    """
    row = tx.execute(
        "SELECT codes FROM directory_pull WHERE component = %s AND due_at = %s FOR UPDATE",
        (pull.component, pull.taken_until),
    ).fetchone()
    if row is None:
        return False
    before = list(row["codes"])
    codes = before if seen.entries is None else [entry.code for entry in seen.entries]
    if seen.entries is not None:
        _put_entries(tx, seen.entries, now)
    tx.execute(
        """UPDATE directory_pull SET content_id = %s, codes = %s, synchronised_at = %s, due_at = %s, failures = 0
            WHERE component = %s""",
        (seen.content_id, codes, now, next_at, pull.component),
    )
    tx.execute(
        "UPDATE directory_entry SET synchronised_at = %s, ttl_s = %s WHERE code = ANY(%s)", (now, seen.ttl_s, codes)
    )
    _remove_entries(tx, sorted(set(before) - set(codes)))
    return True


def _put_entries(tx: Transaction, entries: Sequence[ComponentEntry], now: datetime) -> None:
    tx.execute(
        """INSERT INTO directory_entry (code, entry, synchronised_at)
           SELECT code, entry, %s FROM unnest(%s::text[], %s::jsonb[]) AS seen(code, entry) ORDER BY code
           ON CONFLICT (code) DO UPDATE SET entry = excluded.entry""",
        (now, [entry.code for entry in entries], [json.dumps(entry.to_json()) for entry in entries]),
    )


def _remove_entries(tx: Transaction, codes: Sequence[str]) -> None:
    tx.execute(
        """DELETE FROM directory_entry e WHERE code = ANY(%s)
              AND NOT EXISTS (SELECT FROM directory_pull p WHERE e.code = ANY(p.codes))""",
        (list(codes),),
    )


def postpone(tx: Transaction, pull: Pull, next_at: datetime) -> None:
    """Note a failed pull. The component pulls again at `next_at`."""
    tx.execute(
        "UPDATE directory_pull SET due_at = %s, failures = failures + 1 WHERE component = %s AND due_at = %s",
        (next_at, pull.component, pull.taken_until),
    )


def postpone_all(tx: Transaction, pull: Pull, next_at: datetime) -> None:
    """Note a failed pull and postpone every earlier turn to `next_at`, because the directory is unavailable."""
    postpone(tx, pull, next_at)
    tx.execute("UPDATE directory_pull SET due_at = %s WHERE due_at < %s", (next_at, next_at))


def schedule_pull(tx: Transaction, code: str, at: datetime) -> None:
    """Make every component that sees this one pull again at the given time.

    The results of pulls in progress are discarded.
    """
    tx.execute(
        "UPDATE directory_pull SET due_at = %s, content_id = NULL WHERE component = %s OR %s = ANY(codes)",
        (at, code, code),
    )
