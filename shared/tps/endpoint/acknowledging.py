"""MADES acknowledgements: owed in the transaction that earns them, sent together, many ids in one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from tps.endpoint.endpoint import Endpoint
from tps.endpoint.owed import LEASE_ROWS, lease, release, settle
from tps.endpoint.sending import cloud_event_headers
from tps.errors import MessageRefused, StoreAway
from tps.mades.envelope import seal_acknowledgement
from tps.mades.ids import new_id
from tps.mades.message import (
    ACKNOWLEDGEMENT_TYPE,
    MAXIMUM_ACKNOWLEDGED,
    AcknowledgedMessage,
    AcknowledgementKind,
    MadesAcknowledgement,
)
from tps.mades.paths import select_path
from tps.mades.subjects import message_subject
from tps.stores.mailbox import Letter

if TYPE_CHECKING:
    from tps.mades.directory import ComponentEntry
    from tps.stores.database import Transaction

_log = structlog.get_logger()


def send_all_owed(endpoint: Endpoint) -> None:
    """Send every acknowledgement that is owed, however many; raises as `send_owed`."""
    while send_owed(endpoint) == LEASE_ROWS:
        pass


def send_owed(endpoint: Endpoint, only: str | None = None) -> int:
    """Send acknowledgements that are owed, up to a thousand; returns how many messages they speak of.

    What another process is sending just now is left to it. No transaction is open while the broker is asked. What
    the broker does not take, or a component cannot sign, stays owed and is tried again when its lease has run out.

    Args:
        only: Id of the one message to acknowledge, whoever has a lease on it: when this returns, it is sent.

    Raises:
        StoreAway: The broker took nothing; all stay owed.
    """
    lease_id = new_id()
    with endpoint.database.transaction() as tx:
        owed = lease(tx, lease_id, only=only)
        sendings = [_sending(endpoint, tx, rows) for rows in _grouped(owed)]
    if not owed:
        return 0
    try:
        stored = endpoint.mailbox.publish_each([each.letter for each in sendings if each.letter])
    except StoreAway:
        with endpoint.database.transaction() as tx:
            release(tx, lease_id)
        raise
    done = [each.rows for each in sendings if each.is_settled_by(stored)]
    with endpoint.database.transaction() as tx:
        settle(tx, lease_id, [row for rows in done for row in rows])
    return sum(len(rows) for rows in done)


@dataclass(frozen=True, slots=True)
class _Sending:
    """Owed rows that go in one letter; no letter if they cannot go now, or (`is_moot`) nobody is there to be told."""

    rows: list[dict[str, Any]]
    letter: Letter | None = None
    is_moot: bool = False

    def is_settled_by(self, stored: set[str]) -> bool:
        return self.is_moot or (self.letter is not None and self.letter.unique_id in stored)


def _sending(endpoint: Endpoint, tx: Transaction, rows: list[dict[str, Any]]) -> _Sending:
    component, peer = rows[0]["component"], rows[0]["peer"]
    try:
        entry = endpoint.believed_entry(tx, peer)
        if entry is None or not _is_reachable(endpoint, entry, component):
            return _Sending(rows, is_moot=True)
        return _Sending(rows, _letter(endpoint, tx, rows, entry.group))
    except MessageRefused as error:
        _log.error("acknowledgements cannot go", component=component, code=error.code)
        return _Sending(rows)


def _is_reachable(endpoint: Endpoint, entry: ComponentEntry, component: str) -> bool:
    """Whether the peer takes messages from the component; else it must not even learn that the component exists."""
    try:
        select_path(entry.paths, component, ACKNOWLEDGEMENT_TYPE, endpoint.clock())
    except MessageRefused:
        return False
    return True


def _grouped(owed: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """By component, peer and kind, at most as many as one acknowledgement holds."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in owed:
        groups[(row["component"], row["peer"], row["kind"])].append(row)
    return [
        rows[start : start + MAXIMUM_ACKNOWLEDGED]
        for rows in groups.values()
        for start in range(0, len(rows), MAXIMUM_ACKNOWLEDGED)
    ]


def _letter(endpoint: Endpoint, tx: Transaction, rows: list[dict[str, Any]], group: str) -> Letter:
    component, peer = rows[0]["component"], rows[0]["peer"]
    acknowledgement = MadesAcknowledgement(
        message_id=new_id(),
        kind=AcknowledgementKind(rows[0]["kind"]),
        sender=component,
        receiver=peer,
        sent_at=endpoint.clock(),
        messages=tuple(AcknowledgedMessage(row["message_id"], row["at"], row["detail"]) for row in rows),
    )
    data = seal_acknowledgement(acknowledgement, endpoint.signing_key(tx, component)).to_bytes()
    subject = message_subject(group, ACKNOWLEDGEMENT_TYPE, peer, component)
    headers = cloud_event_headers(ACKNOWLEDGEMENT_TYPE, acknowledgement.message_id, subject)
    return Letter(subject, data, acknowledgement.message_id, headers)
