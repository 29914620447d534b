"""Outcomes of the platform's Acknowledgements to a DSO's limits and requests.

Source: docs/requirements.md, F6b, F5b and F9b.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tps.api.types import read_moment
from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.dso import limits, plans
from tps.dso.asset_lists import keep_no_assets
from tps.dso.plans import Reply
from tps.endpoint.answers import STATUSES
from tps.endpoint.handling import Handling
from tps.endpoint.message_row import MessageRow
from tps.party.outcomes import answer_json, note_outcome

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_NOTICES = frozenset({"EXPIRES", "EXPIRED", "ALL_REACHED", "UNREACHED"})


def note_limit(handling: Handling, request: MessageRow, document: Acknowledgement) -> None:
    """Note the outcome of a revision of a limit, or a later notice about it."""
    if _is_notice(document):
        _note_notices(handling.tx, handling.own.party, request.message_id, document)
    elif note_outcome(handling, request, document):
        limits.settle_own(
            handling.tx,
            handling.own.party,
            request.message_id,
            answer=STATUSES[document.outcome],
            rejected=answer_json(document).get("rejected", []),
        )


def note_request(handling: Handling, request: MessageRow, document: Acknowledgement) -> None:
    """Note the outcome of a request. An Acknowledgement that accepts a request means that there is no data."""
    if not note_outcome(handling, request, document) or document.outcome is not Outcome.ACCEPTED:
        return
    as_of, party = document.header.created_at, handling.own.party
    if not plans.note_reply(handling.tx, party, request.message_id, Reply(as_of, None)):
        keep_no_assets(handling, request.message_id, as_of)


def _is_notice(document: Acknowledgement) -> bool:
    """Return True if an Acknowledgement reports on a limit that was accepted earlier."""
    return any(name in _NOTICES for name, _ in document.notices)


def _note_notices(tx: Transaction, party: str, message_id: str, document: Acknowledgement) -> None:
    """Note the reports on the limit that a message sent."""
    values: dict[str, list[str]] = {}
    for name, value in document.notices:
        values.setdefault(name, []).append(value)
    for at in values.get("ALL_REACHED", []):
        limits.mark_reached(tx, party, message_id, read_moment(at))
    if "UNREACHED" in values:
        limits.mark_unreached(tx, party, message_id, values["UNREACHED"])
    for name in ("EXPIRES", "EXPIRED"):
        for at in values.get(name, []):
            limits.add_notice(tx, party, message_id, {"code": name.lower(), "at": at})
