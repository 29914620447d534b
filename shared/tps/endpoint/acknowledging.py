"""MADES acknowledgements: owed in the transaction that earns them, sent together, many ids in one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tps.endpoint.endpoint import Endpoint
from tps.endpoint.sending import cloud_event_headers
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
from tps.stores import ledger
from tps.stores.mailbox import Letter

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def send_owed(endpoint: Endpoint) -> int:
    """Send every acknowledgement that is owed; returns how many messages they speak of.

    What another process is sending just now is left to it.

    Raises:
        StoreAway: They stay owed.
    """
    with endpoint.database.transaction() as tx:
        owed = ledger.take_owed(tx)
        letters = [letter for group in _grouped(owed) if (letter := _letter(endpoint, tx, group)) is not None]
        if letters:
            endpoint.mailbox.publish(letters)
        return len(owed)


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


def _letter(endpoint: Endpoint, tx: Transaction, rows: list[dict[str, Any]]) -> Letter | None:
    component, peer = rows[0]["component"], rows[0]["peer"]
    entry = endpoint.entry(tx, peer)
    if entry is None:
        return None
    acknowledgement = MadesAcknowledgement(
        message_id=new_id(),
        kind=AcknowledgementKind(rows[0]["kind"]),
        sender=component,
        receiver=peer,
        sent_at=endpoint.clock(),
        messages=tuple(AcknowledgedMessage(row["message_id"], row["at"], row["detail"]) for row in rows),
    )
    data = seal_acknowledgement(acknowledgement, endpoint.signing_key(tx, component)).to_bytes()
    subject = message_subject(entry.group, ACKNOWLEDGEMENT_TYPE, peer, component)
    headers = cloud_event_headers(ACKNOWLEDGEMENT_TYPE, acknowledgement.message_id, subject)
    return Letter(subject, data, acknowledgement.message_id, headers)
