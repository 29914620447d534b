"""MADES acknowledgements on their way out.

The transaction that earns an acknowledgement writes it as owed. One acknowledgement then covers many messages.
"""

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
    """Send every owed acknowledgement, in as many batches as necessary.

    Raises:
        StoreAway: As in `send_owed`.
    """
    while send_owed(endpoint) == LEASE_ROWS:
        pass


def send_owed(endpoint: Endpoint, only: str | None = None) -> int:
    """Send at most a thousand owed acknowledgements and return the number of messages that they cover.

    Acknowledgements that another process is sending are skipped. No transaction is open during calls to the broker.
    An acknowledgement stays owed if the broker does not store it or if the component cannot sign it. It is tried again
    when its lease ends.

    Args:
        only: Id of the one message to acknowledge. Leases of other processes are ignored for this message.

    Raises:
        StoreAway: The broker stored nothing. All acknowledgements stay owed.
    """
    lease_id = new_id()
    with endpoint.database.transaction() as tx:
        owed = lease(tx, lease_id, only=only)
        sendings = [_sending(endpoint, tx, rows) for rows in _grouped(owed)]
    if not owed:
        return 0
    try:
        stored = endpoint.mailbox.publish_each([sending.letter for sending in sendings if sending.letter])
    except StoreAway:
        with endpoint.database.transaction() as tx:
            release(tx, lease_id)
        raise
    settled = [sending.rows for sending in sendings if sending.is_settled_by(stored)]
    with endpoint.database.transaction() as tx:
        settle(tx, lease_id, [row for rows in settled for row in rows])
    return sum(len(rows) for rows in settled)


@dataclass(frozen=True, slots=True)
class _Sending:
    """Owed rows that share one letter.

    Attributes:
        letter: The signed acknowledgement. None if it cannot be signed now, or if `is_moot`.
        is_moot: The peer is unknown or accepts no acknowledgement from this component. The rows are settled unsent.
    """

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
        _log.error("acknowledgements not sent", component=component, code=error.code)
        return _Sending(rows)


def _is_reachable(endpoint: Endpoint, entry: ComponentEntry, component: str) -> bool:
    """Return whether the peer accepts acknowledgements from the component.

    A peer without such a path must not even learn that the component exists.
    """
    try:
        select_path(entry.paths, component, ACKNOWLEDGEMENT_TYPE, endpoint.clock())
    except MessageRefused:
        return False
    return True


def _grouped(owed: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group rows by component, peer and kind. No group exceeds the capacity of one acknowledgement."""
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
