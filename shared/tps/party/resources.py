"""A party's own assets or connection points in its backend, as the platform accepted them.

Bodies are JSON of the REST contract. The `sequence` of the registration that last changed a body guards it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tps.stores.database import Transaction


@dataclass(frozen=True, slots=True)
class OwnResource:
    """A registered asset or connection point.

    Attributes:
        body: JSON of the REST contract.
        state: `active` or `waiting`.
        is_capped: A weight cap applies.
    """

    id: str
    body: dict[str, Any]
    state: str
    is_capped: bool


def read_own(tx: Transaction, party: str, ids: Sequence[str] | None = None) -> list[OwnResource]:
    """Return a party's resources, sorted by id.

    Args:
        ids: Ids of the wanted resources. Unknown ids are left out. None for all resources.
    """
    rows = tx.execute(
        """SELECT id, body, state, is_capped FROM own_resource
            WHERE party = %s AND body IS NOT NULL AND (%s::text[] IS NULL OR id = ANY(%s)) ORDER BY id""",
        (party, _list(ids), _list(ids)),
    ).fetchall()
    return [OwnResource(**row) for row in rows]


def read_wanted(tx: Transaction, party: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the bodies by id as if all pending registrations were accepted. Changes are merged into these bodies."""
    rows = tx.execute(
        """SELECT DISTINCT ON (id) id, body FROM (
               SELECT id, body, sequence FROM own_resource WHERE party = %(party)s AND id = ANY(%(ids)s)
               UNION ALL
               SELECT id, body, sequence FROM wished_resource WHERE party = %(party)s AND id = ANY(%(ids)s)) AS known
            ORDER BY id, sequence DESC""",
        {"party": party, "ids": list(ids)},
    ).fetchall()
    return {row["id"]: row["body"] for row in rows if row["body"] is not None}


def add_wish(
    tx: Transaction, *, party: str, message_id: str, sequence: int, bodies: Mapping[str, dict[str, Any] | None]
) -> None:
    """Store the content of a registration until the platform answers. A body of None is a removal."""
    tx.execute(
        """INSERT INTO wished_resource (party, message_id, id, body, sequence)
           SELECT %s, %s, id, body::json, %s FROM unnest(%s::text[], %s::text[]) AS w(id, body)""",
        (
            party,
            message_id,
            sequence,
            list(bodies),
            [None if body is None else json.dumps(body) for body in bodies.values()],
        ),
    )


def settle_wish(tx: Transaction, *, party: str, message_id: str, is_accepted: bool) -> None:
    """Apply or drop the content of a registration. Changes by later registrations stay."""
    if is_accepted:
        tx.execute(
            """INSERT INTO own_resource AS own (party, id, body, sequence, state, state_sequence)
               SELECT party, id, body, sequence, 'waiting', 0 FROM wished_resource WHERE party = %s AND message_id = %s
               ON CONFLICT (party, id) DO UPDATE SET body = excluded.body, sequence = excluded.sequence
                WHERE own.sequence < excluded.sequence""",
            (party, message_id),
        )
    tx.execute("DELETE FROM wished_resource WHERE party = %s AND message_id = %s", (party, message_id))


def note_states(tx: Transaction, *, party: str, notices: Mapping[str, Sequence[str]], state_sequence: int) -> None:
    """Store states that the platform reports, by id: `ACTIVE`, `WAITING`, `CAPPED`, `UNCAPPED`.

    Reports older than the stored ones are ignored.
    """
    for name, column, value in (
        ("ACTIVE", "state", "active"),
        ("WAITING", "state", "waiting"),
        ("CAPPED", "is_capped", True),
        ("UNCAPPED", "is_capped", False),
    ):
        if notices.get(name):
            tx.execute(
                f"""UPDATE own_resource SET {column} = %s, state_sequence = %s
                     WHERE party = %s AND id = ANY(%s) AND state_sequence <= %s""",
                (value, state_sequence, party, list(notices[name]), state_sequence),
            )


def _list(ids: Sequence[str] | None) -> list[str] | None:
    return None if ids is None else list(ids)
