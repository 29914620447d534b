"""A group's copy of the Component Directory: who pulls when, what came, and until when it is believed."""

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
    """An own component's turn to look at the directory, taken by one process.

    Attributes:
        content_id: Of what it saw last; None if nothing yet.
        failures: How often in a row it was not answered.
        taken_until: When the turn is over; also tells it from a later one.
    """

    component: str
    content_id: int | None
    failures: int
    taken_until: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What a component saw of the directory.

    Attributes:
        entries: All of it; None if it is what was seen last.
        ttl_s: How long it may be believed.
    """

    content_id: int
    ttl_s: float
    entries: tuple[ComponentEntry, ...] | None


def take_turn(tx: Transaction, now: datetime, until: datetime) -> Pull | None:
    """Whose turn it is to look, now taken; None if nobody's."""
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
    """Bring the copy to what was seen; False, and nothing is written, if somebody else was faster or the turn is over.

    An entry that this component saw before and sees no more is gone, unless another component of the group sees it.
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


def put_off(tx: Transaction, pull: Pull, next_at: datetime) -> None:
    """This component was not answered: it looks again then."""
    tx.execute(
        "UPDATE directory_pull SET due_at = %s, failures = failures + 1 WHERE component = %s AND due_at = %s",
        (next_at, pull.component, pull.taken_until),
    )


def put_off_all(tx: Transaction, pull: Pull, next_at: datetime) -> None:
    """The directory is away: nobody whose turn comes before then needs to try, either."""
    put_off(tx, pull, next_at)
    tx.execute("UPDATE directory_pull SET due_at = %s WHERE due_at < %s", (next_at, next_at))


def look_again(tx: Transaction, code: str, at: datetime) -> None:
    """Whoever sees this component looks at it again then; what somebody is looking at just now is not written."""
    tx.execute(
        "UPDATE directory_pull SET due_at = %s, content_id = NULL WHERE component = %s OR %s = ANY(codes)",
        (at, code, code),
    )
