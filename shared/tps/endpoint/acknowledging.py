"""MADES acknowledgements: owed in the transaction that earns them, sent together, many ids in one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import structlog

from tps.endpoint.endpoint import Endpoint
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
from tps.mades.subjects import message_subject
from tps.stores.mailbox import Letter
from tps.stores.owed import lease, release, settle

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_log = structlog.get_logger()


def send_owed(endpoint: Endpoint) -> int:
    """Send every acknowledgement that is owed; returns how many messages they speak of.

    What another process is sending just now is left to it. No transaction is open while the broker is asked.

    Raises:
        StoreAway: They stay owed.
    """
    lease_id = new_id()
    with endpoint.database.transaction() as tx:
        owed = lease(tx, lease_id)
        letters, silent = _letters(endpoint, tx, owed)
    if not owed:
        return 0
    try:
        endpoint.mailbox.publish(letters)
    except StoreAway:
        with endpoint.database.transaction() as tx:
            release(tx, lease_id)
        raise
    with endpoint.database.transaction() as tx:
        settle(tx, lease_id, except_components=silent)
    return len(owed)


def _letters(endpoint: Endpoint, tx: Transaction, owed: list[dict[str, Any]]) -> tuple[list[Letter], list[str]]:
    """One per group, and the components that cannot sign now: theirs stay owed. A peer that is gone is told nothing."""
    letters, silent = [], []
    for rows in _grouped(owed):
        entry = endpoint.entry(tx, rows[0]["peer"])
        if entry is None:
            continue
        try:
            letters.append(_letter(endpoint, tx, rows, entry.group))
        except MessageRefused as error:
            _log.error("acknowledgements cannot be signed", component=rows[0]["component"], code=error.code)
            silent.append(rows[0]["component"])
    return letters, silent


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
